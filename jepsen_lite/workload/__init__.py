"""The workload: twenty client processes and more that read and write through every fault.

    crowd = Crowd(recorder, seats_for(cluster.addresses, seed, places=6), Pace())
    async with crowd.at_work():
        ...faults...
    unread = await final_reads(recorder, cluster.addresses, seed=seed, within=seconds)

On each node one *pinned* process that only reads and two that mix, and five *roaming* ones beside
them.  A node that leaves takes its processes with it, and one that comes has new ones.

All share one event loop, one clock and one list of events: the order of lines is the order in which
things happened to the harness, so no clock takes part in a verdict.

Few keys that all fight for, with unique values, show a stale or lost operation best; and one change
in ten goes to a key of its own, `once/<process>/<n>`, written once and never again: what is
acknowledged there cannot be buried by a later write.

Reading order: `mix` (what is asked next), `recorder` (how it is written down), `pace`, `process`,
`seats` (whom it asks), `crowd`, `final`.
"""

from jepsen_lite.workload.crowd import Crowd
from jepsen_lite.workload.final import final_reads
from jepsen_lite.workload.mix import HOT_KEYS, ONCE, Mixer, Reader, is_once
from jepsen_lite.workload.pace import Pace
from jepsen_lite.workload.process import Diet, Process
from jepsen_lite.workload.recorder import Recorder
from jepsen_lite.workload.seats import Seat, crowd_size, seats_for

__all__ = [
    "HOT_KEYS",
    "ONCE",
    "Crowd",
    "Diet",
    "Mixer",
    "Pace",
    "Process",
    "Reader",
    "Recorder",
    "Seat",
    "crowd_size",
    "final_reads",
    "is_once",
    "seats_for",
]
