"""Servers that differ only by how long they have run behave alike, and `canonical` says so."""

from __future__ import annotations

from dataclasses import replace

from huffleraft.core import (
    ClientRequested,
    Event,
    Persist,
    Persisted,
    Send,
    Server,
    Timer,
    TimerExpired,
    step,
)
from huffleraft.core.invariants import canonical, durable_writes
from tests.core.cluster import CoreCluster


def long_run() -> CoreCluster:
    """A cluster whose nodes have started again, and whose leader waits for two writes."""
    cluster = CoreCluster(3)
    for node in ("n1", "n2"):
        cluster.crash(node)
        cluster.restart(node)
    for node in cluster.running:
        cluster.expire(node, Timer.STICKINESS)
    cluster.campaign("n1")
    cluster.stabilize()
    for ref in (1, 2):
        cluster.event("n1", ClientRequested(((ref, b"x"),)))
    return cluster


def shifted(effects: tuple[object, ...], by: int) -> list[object]:
    """*effects* with their write numbers lowered."""
    told: list[object] = []
    for effect in effects:
        match effect:
            case Persist(write=write):
                told.append(replace(effect, write=write - by))
            case Send(after=after) if after is not None:
                told.append(replace(effect, after=after - by))
            case _:
                told.append(effect)
    return told


def test_a_server_and_its_canonical_form_take_the_same_steps() -> None:
    server = long_run()["n1"]
    durable = durable_writes(server)
    events: list[tuple[Event, Event]] = [
        (TimerExpired(timer), TimerExpired(timer)) for timer in Timer
    ]
    events.append((ClientRequested(((9, b"y"),)), ClientRequested(((9, b"y"),))))
    events.extend((Persisted(durable + count), Persisted(count)) for count in (1, 2))
    assert durable > 0
    assert server.boot == 2

    for event, renumbered in events:
        new, effects = step(server, event)
        other, other_effects = step(canonical(server), renumbered)
        assert canonical(new) == canonical(other), event
        assert shifted(effects, durable) == list(other_effects), event


def test_a_canonical_server_numbers_its_outstanding_writes_from_one() -> None:
    server = canonical(long_run()["n1"])

    assert server.boot == 1
    assert [write.number for write in server.disk.outstanding] == [1, 2]
    assert server.disk.issued == 2
    assert canonical(server) == server


def test_a_witness_that_became_durable_is_none() -> None:
    cluster = long_run()
    cluster.expire("n1", Timer.CHECK_QUORUM)
    witnessed: Server = cluster["n1"]
    cluster.flush("n1", 1)

    assert getattr(canonical(witnessed).role, "disk_witness", None) == 1
    assert getattr(canonical(cluster["n1"]).role, "disk_witness", 0) is None
