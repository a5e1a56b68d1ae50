"""The nemesis: faults as values, a deck that deals them, and proof that each one bit.

    with Journal(run_folder / "faults.jsonl") as journal:
        outcome = await run_deck(cluster, journal, seed=7, time_limit=45.0)
    await heal_all(cluster)

A *fault* is a value: which processes to kill or pause, which links to cut or delay.  A *kind* aims:
given who runs and who leads, and dice, it makes a fault (`isolate-leader`, `kill-majority`, ...).
A *deck* is every kind once, shuffled by the seed, dealt in three tracks, network, processes and
members, that overlap.  A run that is green while nothing was broken is the enemy, so each fault
measures whether it bit, and a card that did not bite goes back into the deck.

What a caller reads and calls:

- `run_deck(cluster, journal, seed=, time_limit=seconds, kinds=ALL_KINDS, roster=None)` returns a
  `DeckOutcome` with `faults` (the `FaultRecord`s), `unbitten` (names of kinds that never bit) and
  `leader_changes`.  It goes on past `time_limit` until every kind has bitten, for at most half as
  long again; and a fault that is there to unseat the leader stays on until another leads.
  Cancelled (Ctrl-C), it undoes the faults that are on and then lets go.
- `describe_deck(seed, kinds, size, pace)` - the first deck of all tracks, to be printed.
- `async with inflicted(fault, cluster, journal, kind="...", dice=Random(...)) as standing:` - one
  fault for as long as the block lasts; afterwards `standing.record` is its last `FaultRecord`.
  The faults: `Kill(nodes)`, `Pause(nodes)`, `Cut(links)`, `Delay(((link, seconds), ...))`.
- `isolation(node, nodes)`, `deafness(node, nodes)`, `muteness(node, nodes)`, `halves(side, nodes)`,
  `client_cut(node)` - the links to cut.
- `Roster(cluster)` - who shall be a member: `await roster.admit()`, `dismiss(node)`, `reach()`.
  A change of members is never undone but completed, by `await roster.finish(seconds)` in the end.
- `heal_all(cluster)` - heals every link, resumes and restarts every node.
- `journal.active` - the `FaultRecord`s that are on now, for a live line.
- `read_faults(path)` - the `FaultRecord`s of a run folder, one a fault.
- `quorate_spans(faults, members, begin_ns, end_ns)` - when, by the journal and by who the members
  were, a quorum could talk;
  `faulty_spans(faults, begin_ns, end_ns)` - when any fault was on.

*`faults.jsonl`*: a fault has two lines, each the whole `FaultRecord` as known then: one before it
is inflicted (with `undo`; `end_ns` null, `bit` empty), one after it was undone.  The last line
of an `id` counts.

    {"id": 3, "kind": "isolate-leader", "track": "network", "target": ["n2"],
     "nodes": [], "links": [["n2", "n1"], ...], "begin_ns": ..., "end_ns": ...,
     "undo": "heal 8 links: n2>n1 deliver, ...",
     "bit": {"bytes_held": 4211, "new_leader": "n4", "new_term": 6, "old_term": 5,
             "after_ms": 913}, "did_bite": true}

`nodes` are the processes it took away (killed or paused) and `links` those it cut; `bit` is what
was measured.  A change of members bit when a majority of the new voters showed it.  `did_bite` of a
kind aimed at the leader asks for a new leader in a higher term too.
"""

from jepsen_lite.nemeses.changes import Change, Join, RemoveLeader, Replace
from jepsen_lite.nemeses.deck import ALL_KINDS, Card, Pace, deal, describe_deck
from jepsen_lite.nemeses.faults import (
    Cut,
    Delay,
    Fault,
    Kill,
    Pause,
    client_cut,
    deafness,
    halves,
    isolation,
    muteness,
)
from jepsen_lite.nemeses.inflict import Standing, heal_all, inflicted
from jepsen_lite.nemeses.journal import Bite, FaultRecord, Journal, read_faults
from jepsen_lite.nemeses.kinds import Kind, Track
from jepsen_lite.nemeses.quorate import Span, faulty_spans, is_quorate, quorate_spans
from jepsen_lite.nemeses.roster import Roster
from jepsen_lite.nemeses.run import DeckOutcome, run_deck

__all__ = [
    "ALL_KINDS",
    "Bite",
    "Card",
    "Change",
    "Cut",
    "DeckOutcome",
    "Delay",
    "Fault",
    "FaultRecord",
    "Join",
    "Journal",
    "Kill",
    "Kind",
    "Pace",
    "Pause",
    "RemoveLeader",
    "Replace",
    "Roster",
    "Span",
    "Standing",
    "Track",
    "client_cut",
    "deafness",
    "deal",
    "describe_deck",
    "faulty_spans",
    "halves",
    "heal_all",
    "inflicted",
    "is_quorate",
    "isolation",
    "muteness",
    "quorate_spans",
    "read_faults",
    "run_deck",
]
