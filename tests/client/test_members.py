"""Members by the client: each step told whole, and sent again where that is safe."""

from collections.abc import Awaitable, Callable

import pytest

from huffleraft import errors
from huffleraft.client import Member, OperationFailed, Patience
from tests.client.faces import Face, MakeFace
from tests.client.test_client import HASTY, LOST, PINNED, rude_node, said
from tests.http.doors import open_door

pytestmark = pytest.mark.anyio

HERE = "127.0.0.1:2"


async def test_a_node_is_let_in_step_by_step_and_removed(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        door.store.membership.newcomers[HERE] = "n2"
        first = await client.join(HERE, node_id="n2")
        assert first.member == Member(node_id="n2", address=HERE, standing="learner")
        assert (first.done, first.retry_after, first.index) == (False, 0.2, 2)
        assert first.served.node == "n1"

        second = await client.join(HERE)
        assert (second.member.standing, second.done, second.index) == ("voter", True, 3)

        roster = await client.members()
        assert (roster.cluster_id, roster.leader, roster.index, roster.joint) == (
            "c",
            "n1",
            3,
            False,
        )
        assert [one.node_id for one in roster.members] == ["n1", "n2"]
        assert roster.members[1] == second.member

        for _ in range(2):
            left = await client.remove("n2")
            assert (left.node_id, left.index) == ("n2", 4)


async def test_a_learner_that_is_to_stay_one_is_done_at_once(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        door.store.membership.newcomers[HERE] = "n2"
        for _ in range(2):
            joined = await client.join(HERE, learner=True)
            assert (joined.done, joined.member.standing) == (True, "learner")


async def test_force_and_the_name_are_handed_on(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        await client.remove("n1", force=True)
        assert door.store.membership.forced == [True]
        door.store.membership.newcomers[HERE] = "n2"
        with pytest.raises(OperationFailed) as failed:
            await client.join(HERE, node_id="n3")
        assert (failed.value.code, failed.value.definite) == ("member-refused", True)
        assert len(failed.value.attempts) == 1


@pytest.mark.parametrize(
    "error, code",
    [
        (errors.MemberRefused("n2 has lost its disk"), "member-refused"),
        (errors.QuorumAtRisk("n1 would be alone"), "quorum-at-risk"),
        (errors.NoSuchMember("n2"), "no-such-member"),
    ],
)
async def test_what_the_leader_refuses_is_not_asked_again(
    face: MakeFace, error: errors.HuffleraftError, code: str
) -> None:
    async with open_door() as door, face([door.address]) as client:
        door.store.instead = error
        with pytest.raises(OperationFailed) as failed:
            await client.remove("n2")
    (attempt,) = failed.value.attempts
    assert (failed.value.code, failed.value.definite) == (code, True)
    assert not attempt.may_pass
    assert attempt.detail == str(error)


@pytest.mark.parametrize("error", [errors.ChangePending(1), errors.MemberUnreachable(HERE, "no")])
async def test_what_passes_is_asked_again_until_the_time_is_up(
    face: MakeFace, error: errors.HuffleraftError
) -> None:
    async with open_door() as door, face([door.address], patience=HASTY) as client:
        door.store.instead = error
        with pytest.raises(OperationFailed) as failed:
            await client.join(HERE)
    first, second, *_ = failed.value.attempts
    assert {first.code, second.code} == {error.code}
    assert first.may_pass


CHANGES: dict[str, Callable[[Face], Awaitable[object]]] = {
    "join": lambda client: client.join(HERE, learner=True),
    "remove": lambda client: client.remove("n2"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("answer", LOST.values(), ids=LOST)
async def test_a_change_in_doubt_is_sent_again_without_a_session(
    face: MakeFace, answer: bytes, change: Callable[[Face], Awaitable[object]]
) -> None:
    async with open_door() as door, rude_node(answer) as (rude, heard):
        door.store.membership.newcomers[HERE] = "n2"
        await door.store.membership.join(HERE)
        async with face([rude, door.address], patience=HASTY) as client:
            await change(client)
    assert len(heard) == 1
    assert b"Session" not in heard[0]
    assert len(door.store.asked) == 2


async def test_a_refusal_after_a_change_in_doubt_leaves_it_in_doubt(face: MakeFace) -> None:
    """The one that was lost may have been taken in by then."""
    async with open_door() as door, rude_node(b"") as (rude, _):
        door.store.instead = errors.QuorumAtRisk("n1 would be alone")
        async with face([rude, door.address], patience=HASTY) as client:
            with pytest.raises(OperationFailed) as failed:
                await client.remove("n2")
    codes = [one.code for one in failed.value.attempts]
    assert codes == ["connection-lost", "quorum-at-risk"]
    assert (failed.value.code, failed.value.definite) == ("quorum-at-risk", False)


async def test_a_change_follows_to_the_leader(face: MakeFace) -> None:
    async with open_door() as follower, open_door() as leader:
        leader.store.membership.newcomers[HERE] = "n2"
        follower.store.instead = errors.NotLeader("n2", leader.address)
        async with face([follower.address], patience=PINNED) as client:
            for change in (client.join(HERE), client.remove("n2")):
                codes = [one.code for one in (await change).attempts]
                assert codes == ["not-leader", None]
    assert follower.store.membership.index == 1


SIGNED_RUBBISH: dict[str, tuple[bytes, Callable[[Face], Awaitable[object]], bool]] = {
    "no members": (said("200 OK", "json", b"{}"), lambda client: client.members(), True),
    "no standing": (
        said("200 OK", "json", b'{"id":"n2","address":"a:1","standing":"king","index":1}'),
        lambda client: client.join(HERE),
        False,
    ),
    "done and not": (
        said("202 Accepted", "json", b'{"id":"n2","address":"a:1","standing":"voter","index":1}'),
        lambda client: client.join(HERE),
        False,
    ),
    "no index": (said("200 OK", "json", b'{"id":"n2"}'), lambda client: client.remove("n2"), False),
}


@pytest.mark.parametrize("answer, ask, definite", SIGNED_RUBBISH.values(), ids=SIGNED_RUBBISH)
async def test_an_answer_that_bears_a_node_s_name_and_is_none_leaves_a_change_in_doubt(
    face: MakeFace, answer: bytes, ask: Callable[[Face], Awaitable[object]], definite: bool
) -> None:
    async with rude_node(answer) as (address, _), face([address], patience=PINNED) as client:
        with pytest.raises(OperationFailed) as failed:
            await ask(client)
    assert (failed.value.code, failed.value.definite) == ("foreign-answer", definite)


@pytest.mark.parametrize("node_id", ["", "n/2", "..", "n 2"])
async def test_a_name_is_one_part_of_the_path_whatever_stands_in_it(
    face: MakeFace, node_id: str
) -> None:
    async with open_door() as door, face([door.address], patience=Patience(total=2)) as client:
        with pytest.raises(OperationFailed) as failed:
            await client.remove(node_id)
        assert door.store.membership.members.keys() == {"n1"}
    assert failed.value.code in ("bad-request", "no-such-route", "no-such-member")
    assert len(failed.value.attempts) == 1
