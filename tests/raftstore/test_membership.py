"""Nodes that join, move and leave: whole nodes over loopback."""

from __future__ import annotations

import pytest

from huffleraft.core import Leader, Server
from huffleraft.errors import (
    ConfigurationInvalid,
    MemberRefused,
    MemberRemoved,
    MemberUnreachable,
    NoSuchMember,
    QuorumAtRisk,
    SeedsSilent,
)
from huffleraft.http.api import Member
from huffleraft.kv.queries import Found
from huffleraft.store.memory import MemoryDisk
from tests.raftstore.growing import growing
from tests.raftstore.stores import SWIFT, free_addresses

pytestmark = pytest.mark.anyio

IMPATIENT = SWIFT.__class__(
    heartbeat=0.05, election_min=0.3, election_max=0.6, redial_max=0.1, join_patience=0.5
)


def is_silent(server: Server, peer: str) -> bool:
    """Whether the leader *server* has noticed that *peer* does not answer."""
    progress = dict(server.role.progress)[peer] if isinstance(server.role, Leader) else None
    return progress is not None and not (progress.recently_active or progress.active_before)


async def test_a_member_names_a_newcomer_and_returns_when_it_votes() -> None:
    async with growing() as cluster:
        one = cluster.running["n1"]
        await one.set("k", b"before it existed")
        two = await cluster.start("n2", join=cluster.addresses["n1"])

        joined = await one.join(cluster.addresses["n2"])

        assert joined.done
        assert joined.member == Member("n2", cluster.addresses["n2"], "voter")
        assert [member.standing for member in one.members().members] == ["voter", "voter"]
        await two.joined()
        found = await two.get("k")
        assert isinstance(found, Found)
        assert found.value == b"before it existed"


async def test_a_newcomer_joins_by_itself_through_a_node_that_does_not_lead() -> None:
    async with growing(size=2) as cluster:
        seed = await cluster.follower()
        three = await cluster.start("n3", join=cluster.addresses[seed.node_id])

        await three.joined()

        assert three.server.configuration.voters == ("n1", "n2", "n3")
        assert three.cluster_id == seed.cluster_id


async def test_joining_again_says_the_same() -> None:
    async with growing(size=2) as cluster:
        one, two = cluster.running["n1"], cluster.running["n2"]
        first = await one.join(cluster.addresses["n2"])
        index = one.members().index

        assert await two.join(cluster.addresses["n2"]) == first
        assert one.members().index == index


async def test_a_learner_gets_the_log_and_never_votes() -> None:
    async with growing() as cluster:
        one = cluster.running["n1"]
        learner = await cluster.start("n2", join=cluster.addresses["n1"], learner=True)

        await learner.joined()
        joined = await one.join(cluster.addresses["n2"], learner=True)

        assert joined.done
        assert joined.member.standing == "learner"
        assert learner.server.configuration.voters == ("n1",)
        index = (await one.set("k", b"1")).index
        await cluster.until(lambda: learner.server.last_applied >= index)
        await cluster.stop("n2")
        await one.set("k", b"nobody waits for it")


async def test_a_newcomer_that_was_stopped_half_way_goes_on_when_it_is_started_again() -> None:
    async with growing() as cluster:
        await cluster.start("n2", join=cluster.addresses["n1"])
        await cluster.stop("n2")

        two = await cluster.start("n2", join=cluster.addresses["n1"])
        await two.joined()

        assert two.server.configuration.voters == ("n1", "n2")


async def test_a_removed_follower_is_told_ends_and_does_not_start_again() -> None:
    async with growing(size=3) as cluster:
        leader, follower = await cluster.leader(), await cluster.follower()
        node_id = follower.node_id

        await leader.remove(node_id)

        assert isinstance(await cluster.ended(node_id), MemberRemoved)
        with pytest.raises(MemberRemoved, match=f"{node_id} was removed from its cluster"):
            await cluster.start(node_id)
        await leader.remove(node_id)  # said again
        assert node_id not in leader.server.configuration.members


async def test_a_leader_that_is_removed_answers_first_and_another_follows_it() -> None:
    async with growing(size=3) as cluster:
        leader, other = await cluster.leader(), await cluster.follower()

        await other.remove(leader.node_id)

        assert isinstance(await cluster.ended(leader.node_id), MemberRemoved)
        await (await cluster.leader()).set("k", b"1")
        assert len(other.server.configuration.voters) == 2


async def test_whoever_was_removed_while_it_was_down_hears_it_when_it_comes_back() -> None:
    async with growing(size=3) as cluster:
        leader, follower = await cluster.leader(), await cluster.follower()
        node_id = follower.node_id
        await cluster.stop(node_id)
        await leader.remove(node_id)

        await cluster.start(node_id)

        assert isinstance(await cluster.ended(node_id), MemberRemoved)


async def test_a_removed_id_is_never_given_again() -> None:
    async with growing(size=2) as cluster:
        leader, follower = await cluster.leader(), await cluster.follower()
        node_id = follower.node_id
        await leader.remove(node_id)
        await cluster.ended(node_id)
        cluster.disks[node_id] = MemoryDisk()

        await cluster.start(node_id, join=cluster.addresses[leader.node_id])

        ended = await cluster.ended(node_id)
        assert isinstance(ended, MemberRefused | MemberRemoved)
        assert "never used again" in str(ended)


async def test_a_voter_that_lost_its_disk_is_refused_by_name() -> None:
    async with growing(size=3) as cluster:
        leader, follower = await cluster.leader(), await cluster.follower()
        node_id = follower.node_id
        await cluster.stop(node_id)
        cluster.disks[node_id] = MemoryDisk()

        with pytest.raises(MemberRefused, match=f"{node_id} is a member already"):
            await cluster.start(node_id, join=cluster.addresses[leader.node_id])


async def test_a_member_that_moved_tells_its_new_address() -> None:
    async with growing(size=3) as cluster:
        follower = await cluster.follower()
        node_id, before = follower.node_id, cluster.addresses[follower.node_id]
        await cluster.stop(node_id)

        moved = await cluster.start(node_id, moved=True)
        await moved.joined()

        leader = await cluster.leader()
        where = leader.server.configuration.address_of(node_id)
        assert where == cluster.addresses[node_id] != before
        assert len(leader.server.configuration.voters) == 3


async def test_a_node_alone_that_moved_says_so_to_itself() -> None:
    async with growing() as cluster:
        await cluster.stop("n1")
        one = await cluster.start("n1", moved=True)
        await one.joined()
        assert one.members().members == (Member("n1", cluster.addresses["n1"], "voter"),)


async def test_a_change_that_would_lose_the_quorum_is_refused_unless_forced() -> None:
    async with growing(size=3) as cluster:
        leader = await cluster.leader()
        down, other = (node for node in cluster.lives if node != leader.node_id)
        await cluster.stop(down)
        await cluster.until(lambda: is_silent(leader.server, down))

        with pytest.raises(QuorumAtRisk, match=f"with {other} changed so"):
            await leader.remove(other)
        await leader.remove(down)
        assert sorted(leader.server.configuration.voters) == sorted((leader.node_id, other))


async def test_wishes_that_cannot_come_true_are_refused_by_name() -> None:
    async with growing(IMPATIENT) as cluster:
        one = cluster.running["n1"]
        with pytest.raises(MemberRefused, match="n1 is the only voter"):
            await one.remove("n1")
        with pytest.raises(NoSuchMember, match="n9 is not a member"):
            await one.remove("n9")
        (nowhere,) = free_addresses(1)
        with pytest.raises(MemberUnreachable, match=nowhere):
            await one.join(nowhere, timeout=0.3)
        with pytest.raises(SeedsSilent, match=nowhere):
            await cluster.start("n2", join=nowhere)
        with pytest.raises(ConfigurationInvalid, match="a learner joins a cluster"):
            await cluster.start("n3", learner=True)


async def test_a_node_of_another_cluster_is_not_let_in() -> None:
    async with growing() as cluster, growing() as others:
        with pytest.raises(MemberRefused, match="belongs to cluster"):
            await cluster.running["n1"].join(others.addresses["n1"])
