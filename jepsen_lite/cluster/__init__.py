"""A cluster of real processes, behind the proxy that owns their addresses.

    async with Cluster.start(ClusterConfig(), run_folder) as cluster:
        await cluster.ready(within=20.0)
        leader = cluster.leader()
        await cluster.kill([leader])
        await cluster.restart([leader])

*What it does.*  `Cluster.start` starts the proxy, then every node at once, each on port 0, and
waits for the line in which a node says that it listens: nothing here sleeps and hopes.  Nodes tell
each other, and clients, only the addresses that the proxy owns.

What a caller reads and calls:

- `cluster.addresses` - node id to the advertised address, host:port at the proxy.  Clients use it.
- `cluster.nodes` - node id to its `NodeProcess`: `state` (UP, PAUSED, DOWN), `boot`, `pid`, `port`
  (the real one, which only the proxy and the status poll use), `log` and `data_dir`.
- `cluster.proxy` - the `Proxy` of `jepsen_lite.proxy`: cut, heal, delay, report.
- `cluster.now()` - nanoseconds since the run began.  History, faults and samples use this clock.
- `cluster.leader()` - the node that led in the highest term, as of the last poll; None in doubt.
- `await cluster.kill(ids)`, `restart(ids)`, `pause(ids)`, `resume(ids)` - all of *ids* at once.
- `await cluster.add()` - a new node, `n6` and so on, with an address of its own at the proxy; it
  asks the others to be let in.  `cluster.let_leave(id)` says that its removal is asked for, so that
  its end with exit status 19 is none that nobody ordered; `await cluster.condemn(id)` kills for
  good, and `await cluster.retire(id)` forgets a node that is gone, and deletes its data.
- `cluster.voters()`, `cluster.configuration()` - who decides, by what a majority of them show, and
  what is in force at the leader; None in doubt.
- `await cluster.ready(within=seconds)` - a leader leads and every node says it is ready; else
  `ClusterNotReady`, with the sentence that says who was not.
- `await cluster.settled(within=seconds)` - every node votes, is ready and has applied what the
  leader had committed; returns the nanoseconds it took, or None (the check named *progress*).
- `await cluster.final_statuses()` - one `StatusSample` a node, with the state's hash.
- `cluster.samples` - all `StatusSample`s so far, in order of time: the checks *leaders* and
  *agreement* and the report's lane of leaders read them.
- `cluster.unexpected_ends` - nodes that ended though the harness had not ended them, with the exit
  status and the last lines of their log (the check named *alive*).
- `cluster.stop()` - SIGTERM to all; leaving the context does it, and kills what is left.

*What it leaves in the run folder*, one JSON object a line, so that a run can be judged again:

- `statuses.jsonl` - a `StatusSample` a line (`read_statuses`): `node`, `begin_ns`, `end_ns`, and
  `status` (null if the node did not answer, then `error` says why).  Times are a poll's two ends.
- `processes.jsonl` - a `ProcessEvent` a line (`read_processes`): `time_ns`, `name`, `event`
  (started, ready, ended), `pid`, `boot`, `returncode`, `by_harness`.
- `proxy.json` - the proxy's last report: connections and bytes by link.
- `nodes/<id>/log`, `nodes/<id>/data/`.

`clean(run_folder)` kills what a harness that was killed itself left behind, and only that: a
process is known by its number *and* its start time.
"""

from jepsen_lite.cluster.clean import clean, left_behind
from jepsen_lite.cluster.cluster import Cluster, ClusterNotReady
from jepsen_lite.cluster.config import ClusterConfig
from jepsen_lite.cluster.life import Life, ProcessEvent, UnexpectedEnd, read_processes
from jepsen_lite.cluster.process import NodeNotStarted, NodeProcess, State
from jepsen_lite.cluster.status import Status, StatusSample, read_statuses

__all__ = [
    "Cluster",
    "ClusterConfig",
    "ClusterNotReady",
    "Life",
    "NodeNotStarted",
    "NodeProcess",
    "ProcessEvent",
    "State",
    "Status",
    "StatusSample",
    "UnexpectedEnd",
    "clean",
    "left_behind",
    "read_processes",
    "read_statuses",
]
