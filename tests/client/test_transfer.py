"""Both faces of the client move the leadership, and repeat that only where it is safe."""

from __future__ import annotations

import pytest

from huffleraft import errors
from huffleraft.client import OperationFailed
from huffleraft.http.api import Member
from tests.client.faces import MakeFace
from tests.client.test_client import HASTY, PINNED, rude_node
from tests.client.test_members import HERE
from tests.http.doors import OpenDoor, open_door

pytestmark = pytest.mark.anyio


def with_n2(door: OpenDoor) -> None:
    """Let n2 vote beside n1."""
    door.store.membership.members["n2"] = Member("n2", HERE, "voter")


async def test_whoever_is_named_leads_and_any_voter_where_nobody_is(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        with_n2(door)
        leads = await client.transfer("n2")
        assert (leads.node_id, leads.term, leads.served.node) == ("n2", 3, "n1")
        assert (await client.transfer()).node_id == "n1"


async def test_a_refusal_is_not_asked_again(face: MakeFace) -> None:
    async with open_door() as door, face([door.address]) as client:
        with pytest.raises(OperationFailed) as failed:
            await client.transfer("n9")
    assert (failed.value.code, failed.value.definite) == ("transfer-refused", True)
    assert len(failed.value.attempts) == 1


async def test_what_passes_is_asked_again_until_the_time_is_up(face: MakeFace) -> None:
    async with open_door() as door, face([door.address], patience=HASTY) as client:
        door.store.instead = errors.TransferPending(1)
        with pytest.raises(OperationFailed) as failed:
            await client.transfer()
    first, second, *_ = failed.value.attempts
    assert {first.code, second.code} == {"transfer-pending"}
    assert first.definite


async def test_a_transfer_in_doubt_is_said_again_only_to_a_node_that_is_named(
    face: MakeFace,
) -> None:
    async with open_door() as door, rude_node(b"") as (rude, _):
        with_n2(door)
        async with face([rude, door.address], patience=HASTY) as client:
            with pytest.raises(OperationFailed) as failed:
                await client.transfer()
            assert (failed.value.code, failed.value.definite) == ("connection-lost", False)
            assert door.store.membership.leader == "n1"
        async with face([rude, door.address], patience=HASTY) as client:
            leads = await client.transfer("n2")
    assert [one.code for one in leads.attempts] == ["connection-lost", None]


async def test_a_transfer_follows_to_the_leader(face: MakeFace) -> None:
    async with open_door() as follower, open_door() as leader:
        with_n2(leader)
        follower.store.instead = errors.NotLeader("n1", leader.address)
        async with face([follower.address], patience=PINNED) as client:
            leads = await client.transfer("n2")
    assert [one.code for one in leads.attempts] == ["not-leader", None]
