"""Nodes hand the leadership over: when they are asked to, and before they stop (§3.10)."""

from __future__ import annotations

import logging
from functools import partial

import anyio
import pytest

from huffleraft.core import (
    Leader,
    Reason,
    Received,
    RequestVoteRequest,
    TimeoutNow,
    Timer,
    TimerExpired,
    TransferRequested,
)
from huffleraft.errors import (
    HuffleraftError,
    NoLeader,
    NotLeader,
    Stopping,
    TransferPending,
    TransferRefused,
    TransferUndecided,
)
from huffleraft.kv.commands import Set, encode_command
from huffleraft.ports import Forwarded, Kind
from huffleraft.runtime.frames import decode_peer_message, encode_peer_message
from huffleraft.runtime.handing_over import event_for, refused
from huffleraft.runtime.node import Node
from huffleraft.runtime.requests import Answer, LocalRequest
from huffleraft.runtime.timers import duration
from huffleraft.runtime.verdicts import forwarded, meaning
from tests.core.test_membership import ready
from tests.runtime.parts import SWIFT, Cluster, cluster

pytestmark = pytest.mark.anyio

THREE = ("n1", "n2", "n3")


def a_set(value: bytes) -> bytes:
    """A write of the key k."""
    return encode_command(Set("k", value))


async def settled(running: Cluster) -> Node:
    """The leader of *running*, once it has committed and applied a write that all others hold."""
    leader = await running.leader()
    written = await leader.write(a_set(b"first"))
    for node in running.others(leader):
        while node.server.last_applied < written.index:
            await running.steps[node.server.id].more()
    return leader


async def test_a_leader_hands_over_to_whom_it_is_told() -> None:
    async with cluster(*THREE) as running:
        former = await settled(running)
        to = running.others(former)[1].server.id

        answer = await former.hand_over(to)

        assert (answer.payload, answer.term) == (to.encode(), former.server.current_term)
        assert isinstance(running.nodes[to].server.role, Leader)
        assert former.server.leader == to
        await running.nodes[to].write(a_set(b"under another"))


async def test_without_a_name_it_hands_over_to_some_voter() -> None:
    async with cluster(*THREE) as running:
        former = await settled(running)

        answer = await former.hand_over()

        assert answer.payload.decode() in {node.server.id for node in running.others(former)}


async def test_a_node_that_does_not_lead_hands_the_wish_to_the_leader() -> None:
    async with cluster(*THREE) as running:
        former = await settled(running)
        one, other = running.others(former)

        with pytest.raises(NotLeader, match=f"{former.server.id} at .* does"):
            await one.hand_over(other.server.id)
        answer = await one.hand_over(other.server.id, forward=True)

        assert answer.payload == other.server.id.encode()
        assert one.server.leader == other.server.id


async def test_who_leads_already_need_not_be_handed_anything() -> None:
    async with cluster(*THREE) as running:
        leader = await settled(running)
        term = leader.server.current_term

        answer = await running.others(leader)[0].hand_over(leader.server.id, forward=True)

        assert (answer.payload, answer.term) == (leader.server.id.encode(), term)
        assert leader.server.current_term == term


async def test_only_a_voter_that_answers_may_be_named() -> None:
    async with cluster(*THREE) as running:
        leader = await settled(running)
        down = running.others(leader)[0].server.id
        with pytest.raises(TransferRefused, match="n9 is no voter of this cluster"):
            await running.others(leader)[0].hand_over("n9", forward=True)

        running.kill(down)
        for _ in range(2):
            while Timer.CHECK_QUORUM not in _expired(running, leader):
                await running.steps[leader.server.id].more()
            running.steps[leader.server.id].taken.clear()

        with pytest.raises(TransferRefused, match=f"{down} does not answer, or lacks too much"):
            await leader.hand_over(down)


def _expired(running: Cluster, node: Node) -> set[Timer]:
    events = running.steps[node.server.id].events
    return {event.timer for event in events if isinstance(event, TimerExpired)}


async def test_a_cluster_of_one_has_nobody_to_hand_over_to() -> None:
    async with cluster("n1") as running:
        leader = await settled(running)

        with pytest.raises(TransferRefused, match="n1 is the only voter"):
            await leader.hand_over()
        await leader.stop()

    assert not any(
        isinstance(event, TransferRequested) for event in running.steps["n1"].events[:-1]
    )


async def test_what_comes_while_the_office_moves_is_refused_for_certain() -> None:
    async with cluster(*THREE) as running:
        former = await settled(running)
        to = running.others(former)[0].server.id
        for node in running.others(former):
            running.hub.cut(
                former.server.id, node.server.id
            )  # it owes an answer, so nobody is told

        async def write() -> None:
            await former.write(a_set(b"owed"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            await running.steps[former.server.id].until(
                lambda server: isinstance(server.role, Leader) and bool(server.role.proposals)
            )
            tasks.start_soon(partial(former.hand_over, to))
            await running.steps[former.server.id].until(
                lambda server: isinstance(server.role, Leader) and server.role.transfer is not None
            )
            with pytest.raises(TransferPending) as pending:
                await former.write(a_set(b"refused"))
            assert pending.value.definite
            with pytest.raises(TransferPending):
                await former.hand_over()
            tasks.cancel_scope.cancel()


async def test_a_target_that_does_not_take_over_leaves_it_undecided() -> None:
    async with cluster(*THREE) as running:
        former = await settled(running)
        to = running.others(former)[0].server.id
        for node in running.others(former):
            running.hub.cut(to, node.server.id)
        running.hub.cut(to, former.server.id)

        with pytest.raises(TransferUndecided, match=f"{to} was told to lead"):
            await former.hand_over(to)


async def test_that_another_was_elected_is_not_taken_for_success() -> None:
    async with cluster(*THREE) as running:
        former = await settled(running)
        named, third = (node.server.id for node in running.others(former))

        async def deaf_and_dumb() -> None:
            """The one that was told can still depose the leader, and win nobody's vote."""
            await running.steps[former.server.id].until(
                lambda server: isinstance(server.role, Leader) and server.role.transfer is not None
            )
            running.hub.cut(named, third)
            running.hub.cut(former.server.id, named)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deaf_and_dumb)
            with pytest.raises(TransferUndecided, match=f"{named} was told to lead, and n. was"):
                await former.hand_over(named)


async def test_where_a_vote_is_cast_already_clients_are_told_to_come_back_soon() -> None:
    async with cluster("n1", "n2", "n3") as running:
        node = running.nodes["n1"]
        for other in ("n2", "n3"):
            running.kill(other)
        await running.steps["n1"].until(lambda server: server.leader is None)
        with pytest.raises(NoLeader) as late:
            await node.write(a_set(b"1"))

        last = node.server.log.last_id
        request = RequestVoteRequest("n2", node.server.current_term + 1, last, True)
        node.receive("n2", request)
        await running.steps["n1"].until(lambda server: server.vote.voted_for == "n2")
        with pytest.raises(NoLeader) as soon:
            await node.write(a_set(b"1"))

    assert late.value.retry_after_ms == round(SWIFT.election_min * 500)
    assert soon.value.retry_after_ms == round(SWIFT.heartbeat * 500)


async def test_a_stopping_leader_hands_over_first_and_is_elected_after_by_nobody() -> None:
    async with cluster(*THREE) as running:
        former = await settled(running)
        term = former.server.current_term

        await former.stop()

        running.hub.detach(former.server.id)
        assert not isinstance(former.server.role, Leader)
        leader = await running.leader(besides=former.server.id)
        assert former.server.leader == leader.server.id
        assert leader.server.current_term == term + 1
        events = running.steps[leader.server.id].events
        assert Received(TimeoutNow(former.server.id, term)) in events
        with pytest.raises(Stopping):
            await former.write(a_set(b"late"))


async def test_a_stop_leaves_no_write_in_doubt_however_late_its_disk_is() -> None:
    async with cluster(*THREE) as running:
        former = await settled(running)
        disk, steps = running.disks[former.server.id], running.steps[former.server.id]
        answers: list[Answer] = []

        async def write(value: bytes) -> None:
            answers.append(await former.write(a_set(value)))

        disk.held = anyio.Event()
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(write, b"%d" % number)
            await steps.until(
                lambda server: isinstance(server.role, Leader) and len(server.role.proposals) == 20
            )
            tasks.start_soon(former.stop)
            # The others hold everything, and so it is committed; only this node lags.
            await steps.until(lambda server: server.commit_index == server.log.last_index)
            for _ in range(2):
                steps.taken.clear()
                while Timer.HEARTBEAT not in _expired(running, former):
                    await steps.more()
            assert isinstance(former.server.role, Leader)
            disk.held.set()

        assert len(answers) == 20
        assert not isinstance(former.server.role, Leader)


async def test_whole_clusters_stop_at_once_without_waiting_for_each_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "huffleraft.node")
    async with cluster(*THREE) as running:
        leader = await settled(running)
        for node in running.others(leader):
            await node.stop()
            running.hub.detach(node.server.id)

        with anyio.fail_after(SWIFT.election_min / 2):
            await leader.stop()

    assert not any("successor" in line for line in caplog.messages)


async def test_a_leader_gives_up_waiting_when_the_last_of_the_others_goes() -> None:
    async with cluster(*THREE) as running:
        leader = await settled(running)
        others = running.others(leader)
        for node in others:
            running.hub.cut(leader.server.id, node.server.id)  # nobody hears the word

        with anyio.fail_after(SWIFT.election_min / 2):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(leader.stop)
                while not any(
                    isinstance(event, TransferRequested)
                    for event in running.steps[leader.server.id].events
                ):
                    await running.steps[leader.server.id].more()
                for node in others:
                    running.hub.detach(node.server.id)


def test_a_leader_waits_for_its_successor_as_long_as_for_a_lost_one() -> None:
    assert duration(Timer.TRANSFER, SWIFT, max, alone=False) == SWIFT.election_min


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"n\n9", b"x" * 5000])
def test_bytes_that_are_no_id_name_no_voter(payload: bytes) -> None:
    asked = event_for(1, payload)

    assert asked.to not in ready().configuration.members
    assert isinstance(refused(ready(), payload, Reason.TARGET_INVALID), TransferRefused)


def test_no_bytes_name_nobody() -> None:
    assert event_for(1, b"") == TransferRequested(1)


@pytest.mark.parametrize(
    "error",
    [
        TransferPending(round(SWIFT.heartbeat * 500)),
        TransferRefused("n9 is no voter"),
        TransferUndecided("n2 was told to lead"),
    ],
)
def test_what_the_leader_says_is_what_whoever_handed_the_wish_on_says(
    error: HuffleraftError,
) -> None:
    request = LocalRequest(b"n2", Kind.TRANSFER, deadline=1.0)
    answer = decode_peer_message(encode_peer_message(forwarded(7, error)))
    assert isinstance(answer, Forwarded)

    told = meaning(answer, request, SWIFT)

    assert isinstance(told, type(error))
    assert told.args == error.args
