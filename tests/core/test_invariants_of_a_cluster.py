"""Every property of a cluster is seen to fail: a sound cluster, and a lie told about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from huffleraft.core import (
    NOBODY,
    AppendEntriesResponse,
    ClientRequested,
    Configuration,
    Entry,
    InstallSnapshotResponse,
    Leader,
    Log,
    Message,
    NodeId,
    Server,
    Snapshot,
    Timer,
    Vote,
)
from huffleraft.core.invariants import Cluster, History, Image, InvariantViolation, check_cluster
from tests.core.building import at
from tests.core.cluster import CoreCluster

Servers = dict[NodeId, Server]
Disks = dict[NodeId, Image]
Lie = Callable[[Servers, Disks], tuple[Message, ...]]

LAST = 3
"""The index of the one command, which all hold and know to be committed."""


def sound() -> tuple[Servers, Disks, History]:
    """Three servers, led by n1 in term 2, and what their cluster has decided."""
    cluster = CoreCluster(3)
    for node in cluster.running:
        cluster.expire(node, Timer.STICKINESS)
    cluster.campaign("n1")
    cluster.stabilize()
    cluster.event("n1", ClientRequested(((1, b"x"),)))
    cluster.stabilize()
    cluster.check()
    servers = {node: cluster[node] for node in cluster.running}
    assert {one.commit_index for one in servers.values()} == {LAST}
    assert isinstance(servers["n1"].role, Leader)
    disks = {node: one.disk for node, one in cluster.nodes.items()}
    return servers, disks, cluster.history


def with_last(log: Log, last: Entry) -> Log:
    """*log* with *last* in the place of its last entry."""
    return Log(log.base, (*log.between(1, LAST - 1), last))


def two_lead(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    servers["n2"] = replace(servers["n2"], role=servers["n1"].role)
    return ()


def voted_twice(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    disks["n2"] = replace(disks["n2"], vote=Vote(2, "n3"))
    return ()


def another_command(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    log = with_last(servers["n2"].log, Entry(2, LAST, b"y"))
    servers["n2"] = replace(servers["n2"], log=log)
    return ()


def another_entry_committed(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    log = with_last(servers["n2"].log, Entry(3, LAST, b"y"))
    servers["n2"] = replace(servers["n2"], log=log)
    return ()


def forgetful(server: Server) -> Server:
    """*server* without the last entry."""
    return replace(server, log=server.log.truncated(LAST), commit_index=LAST - 1)


def leads_without_it(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    servers["n3"] = replace(forgetful(servers["n3"]), vote=Vote(3, "n3"), role=servers["n1"].role)
    return ()


def shorter(disk: Image) -> Image:
    """*disk* without the last entry."""
    return replace(disk, log=disk.log.truncated(LAST))


def lost_by_most_disks(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    for node in ("n2", "n3"):
        disks[node] = shorter(disks[node])
    return ()


def could_win_without_it(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    for node in ("n2", "n3"):
        servers[node] = forgetful(servers[node])
    return ()


def believed_of_a_peer(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    disks["n2"] = shorter(disks["n2"])
    return ()


def claimed_on_the_way(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    return (AppendEntriesResponse("n2", 2, at("3:2"), True, LAST + 1, None),)


def installed_on_the_way(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    return (InstallSnapshotResponse("n2", 2, LAST + 1),)


def of_what_nobody_committed(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    snapshot = Snapshot(LAST + 1, 2, servers["n2"].configuration)
    servers["n2"] = replace(servers["n2"], snapshot=snapshot)
    return ()


def with_two_changes_under_way(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    leader = servers["n1"]
    changes = [
        Entry(2, LAST + 1, leader.configuration.entering(Configuration.of({"n1": "n1:1"}))),
        Entry(2, LAST + 2, Configuration.of({"n1": "n1:1"})),
    ]
    servers["n1"] = replace(leader, log=leader.log.append(tuple(changes)))
    return ()


def with_another_configuration(servers: Servers, disks: Disks) -> tuple[Message, ...]:
    disks["n2"] = replace(disks["n2"], snapshot=Snapshot(LAST, 2, NOBODY))
    return ()


LIES: list[tuple[str, Lie]] = [
    ("ElectionSafety", two_lead),
    ("VoteOnce", voted_twice),
    ("LogMatching", another_command),
    ("StateMachineSafety", another_entry_committed),
    ("LeaderCompleteness", leads_without_it),
    ("CommitDurable", lost_by_most_disks),
    ("ElectableComplete", could_win_without_it),
    ("MatchTruth", believed_of_a_peer),
    ("AckTruth", claimed_on_the_way),
    ("AckTruth", installed_on_the_way),
    ("SnapshotPrefix", of_what_nobody_committed),
    ("SnapshotPrefix", with_another_configuration),
    ("OneUncommittedConfig", with_two_changes_under_way),
]


@pytest.mark.parametrize("name,lie", LIES, ids=[name for name, _ in LIES])
def test_a_lie_about_a_cluster_is_found_out(name: str, lie: Lie) -> None:
    servers, disks, history = sound()
    check_cluster(Cluster(servers, disks), history)

    messages = lie(servers, disks)

    with pytest.raises(InvariantViolation) as caught:
        check_cluster(Cluster(servers, disks, messages), history)
    assert caught.value.name == name
