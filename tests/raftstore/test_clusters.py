"""Three whole nodes, in memory and on SQLite over loopback: any node may be asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import anyio
import pytest

from huffleraft import RaftStore
from huffleraft.errors import FounderDiskGone, NotLeader
from huffleraft.kv.commands import SessionStamp
from huffleraft.kv.queries import Found, Missing
from huffleraft.kv.results import CasMismatch, Changed
from tests.raftstore.stores import PATIENCE, SWIFT, stores

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sockets"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "sockets" else None


async def value_on(store: RaftStore, key: str) -> bytes | None:
    found = await store.get(key)
    return found.value if isinstance(found, Found) else None


async def test_every_operation_can_be_asked_of_any_node(root: Path | None) -> None:
    async with stores(root) as cluster:
        one, two, three = cluster.running.values()

        changed = await one.set("k", b"1")
        assert isinstance(await two.cas("k", b"1", b"2"), Changed)
        mismatch = await three.cas("k", b"1", b"3")
        assert isinstance(mismatch, CasMismatch)
        assert mismatch.current == b"2"
        assert [await value_on(store, "k") for store in (one, two, three)] == [b"2"] * 3
        assert (await two.delete("k")).existed
        assert isinstance(await one.get("k"), Missing)
        assert changed.version == 1

        session = await three.register_session()
        stamp = SessionStamp(session, 1)
        first = await one.set("s", b"once", session=stamp)
        again = await two.set("s", b"once", session=stamp)
        assert (again.index, again.version, again.replayed) == (first.index, 1, True)


async def test_any_node_lists_the_keys_in_order_page_by_page(root: Path | None) -> None:
    async with stores(root) as cluster:
        one, two, three = cluster.running.values()
        for number in range(12):
            await one.set(f"k{number:02}", b"1")
        await two.delete("k03")
        last = (await three.set("other", b"2")).index

        page = await two.page("k", "k01", limit=3)
        assert [listed.key for listed in page.keys] == ["k02", "k04", "k05"]
        assert (page.next, page.applied_index >= last) == ("k05", True)
        met = [(listed.key, listed.value) async for listed in three.scan()]
        assert met == [(f"k{n:02}", b"1") for n in range(12) if n != 3] + [("other", b"2")]
        with pytest.raises(ValueError, match="1 to 1000 keys are expected"):
            await one.page(limit=0)


async def test_the_others_go_on_when_the_leader_is_closed_and_it_catches_up(
    root: Path | None,
) -> None:
    async with stores(root) as cluster:
        leader = cluster.leader().node_id
        await cluster.running[leader].set("before", b"1")

        await cluster.close(leader)
        survivor = next(iter(cluster.running.values()))
        assert await value_on(survivor, "before") == b"1"
        written = await survivor.set("after", b"2", timeout=10)
        again = await cluster.open(leader)
        while not (await again.ready()).ready:
            await again.leader_known()
            await anyio.lowlevel.checkpoint()

        assert again.boot == 2
        assert await value_on(again, "after") == b"2"
        assert again.server.commit_index >= written.index


async def test_a_node_alone_for_itself_names_the_leader_instead_of_asking_it(
    root: Path | None,
) -> None:
    async with stores(root) as cluster:
        follower = cluster.followers()[0]
        with anyio.fail_after(PATIENCE / 2), pytest.raises(NotLeader) as refusal:
            await follower.local_api.set("k", b"v", timeout=2 * PATIENCE)  # it asks once

        leader = cluster.leader()
        assert refusal.value.leader_id == leader.node_id
        assert refusal.value.address == cluster.bootstrap[leader.node_id]
        placed = await leader.local_api.set("k", b"v")
        assert (placed.index, placed.term) == (placed.result.index, leader.server.current_term)


async def test_all_nodes_come_to_the_same_state(root: Path | None) -> None:
    async with stores(root) as cluster:
        nodes = list(cluster.running.values())
        for number in range(30):
            await nodes[number % 3].set(f"k{number % 7}", b"%d" % number)
        last = await nodes[0].set("last", b"")

        hashes = set()
        for node in nodes:
            status = await node.status(hash=True)
            while status["hash_index"] < last.index:
                await node.get("last")
                await anyio.lowlevel.checkpoint()
                status = await node.status(hash=True)
            hashes.add((status["hash"], status["cluster_id"], status["leader"]))
        assert len(hashes) == 1


async def test_many_clients_at_once_lose_nothing(root: Path | None) -> None:
    async with stores(root) as cluster:
        nodes = list(cluster.running.values())
        written: list[Changed] = []

        async def client(number: int) -> None:
            written.append(await nodes[number % 3].set("counter", b"%d" % number))

        async with anyio.create_task_group() as clients:
            for number in range(60):
                clients.start_soon(client, number)

        assert sorted(one.version for one in written) == list(range(1, 61))


async def test_a_founder_whose_directory_is_gone_does_not_found_again(tmp_path: Path) -> None:
    async with stores(tmp_path) as cluster:
        lost = cluster.followers()[0].node_id
        await cluster.close(lost)
        shutil.rmtree(tmp_path / lost)

        with pytest.raises(FounderDiskGone) as error:
            async with RaftStore.open(
                tmp_path / lost,
                node_id=lost,
                listen=cluster.bootstrap[lost],
                bootstrap=cluster.bootstrap,
                settings=SWIFT,
            ):
                pass

        assert (error.value.node_id, error.value.boot) == (lost, 1)
        assert not (tmp_path / lost / "huffleraft.db").exists()


async def test_nothing_is_left_of_a_cancelled_operation(root: Path | None) -> None:
    async with stores(root) as cluster:
        leader = cluster.leader()
        await leader.set("k", b"before")
        for follower in cluster.followers():
            await cluster.close(follower.node_id)

        async with anyio.create_task_group() as asking:
            asking.start_soon(leader.set, "k", b"cancelled")
            asking.start_soon(leader.get, "k")
            while len(leader._node._requests) < 2:
                await anyio.lowlevel.checkpoint()
            asking.cancel_scope.cancel()
        assert len(leader._node._requests) == 0
