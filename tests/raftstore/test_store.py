"""One whole node: opening, contradictions, failing disks, the port, and the end."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import anyio
import pytest

from huffleraft import RaftStore
from huffleraft.errors import (
    ConfigurationInvalid,
    DataDirLocked,
    Halted,
    HuffleraftError,
    IdentityMismatch,
    InvalidKey,
    NoLeader,
    OutcomeUnknown,
    Overloaded,
    PortInUse,
    Stopping,
    StorageFailed,
    ValueTooLarge,
)
from huffleraft.kv.queries import Found
from huffleraft.store.memory import MemoryDisk
from tests.raftstore.stores import PATIENCE, SWIFT

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Path | MemoryDisk:
    return MemoryDisk() if request.param == "memory" else tmp_path / "data"


async def test_what_was_written_is_there_after_a_restart(disk: Path | MemoryDisk) -> None:
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(disk, listen=None) as store:
            await store.set("k", b"v")
            first = store.node_id
        async with RaftStore.open(disk, listen=None) as store:
            found = await store.get("k")
            assert isinstance(found, Found)
            assert found.value == b"v"
            assert (store.node_id, store.boot) == (first, 2)


async def test_the_status_tells_who_and_how_far_from_one_value() -> None:
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(MemoryDisk(), node_id="n1", listen=None) as store:
            written = await store.set("k", b"v")
            status = await store.status(hash=True)

            assert status["id"] == "n1"
            assert status["role"] == "leader"
            assert status["leader"] == "n1"
            assert status["last_applied"] == status["commit_index"] == written.index
            assert status["configuration"]["voters"] == ["n1"]
            assert status["configuration"]["learners"] == []
            assert status["configuration"]["old_voters"] == []
            assert status["ready"] is True
            assert len(bytes.fromhex(status["hash"])) == 32
            assert status["hash_index"] == written.index
            assert (await store.ready()).ready


async def test_a_node_without_a_quorum_is_not_ready_and_says_why() -> None:
    bootstrap = {"n1": "n1.invalid:1", "n2": "n2.invalid:1"}
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(
            MemoryDisk(), node_id="n1", listen=None, bootstrap=bootstrap, settings=SWIFT
        ) as store:
            readiness = await store.ready()
            assert not readiness.ready
            assert readiness.reason == "no leader is known"
            with pytest.raises(NoLeader):
                await store.set("k", b"v", timeout=0.2)


async def test_keys_and_values_that_cannot_be_are_refused_before_anything_is_asked() -> None:
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(MemoryDisk(), listen=None) as store:
            with pytest.raises(InvalidKey):
                await store.set("", b"v")
            with pytest.raises(ValueTooLarge):
                await store.set("k", bytes((1 << 20) + 1))
            await store.set("k", bytes(1 << 20))


# Contradictions.


async def refused(**said: object) -> HuffleraftError:
    """What opening with *said* raises."""
    with pytest.raises(HuffleraftError) as error:
        async with RaftStore.open(**said):  # type: ignore[arg-type]
            pass
    return error.value


async def test_a_directory_that_is_somebody_elses_is_refused_by_name(
    disk: Path | MemoryDisk,
) -> None:
    async with RaftStore.open(disk, node_id="n1", listen=None, cluster="one"):
        pass

    other_id = await refused(data_dir=disk, node_id="n2", listen=None, cluster="one")
    other_cluster = await refused(data_dir=disk, node_id="n1", listen=None, cluster="two")

    assert isinstance(other_id, IdentityMismatch)
    assert "node id 'n1' and 'n2' was asked for" in str(other_id)
    assert isinstance(other_cluster, IdentityMismatch)
    assert "cluster id" in str(other_cluster)
    async with RaftStore.open(disk, listen=None, cluster="one") as store:
        assert store.node_id == "n1"


async def test_one_command_line_both_starts_and_restarts_a_node(disk: Path | MemoryDisk) -> None:
    bootstrap = {"n1": "n1.invalid:1"}
    for boot in (1, 2):
        async with RaftStore.open(disk, node_id="n1", listen=None, bootstrap=bootstrap) as store:
            assert store.boot == boot
    wrong = await refused(
        data_dir=disk, node_id="n1", listen=None, bootstrap={"n1": "n1.invalid:2"}
    )
    assert isinstance(wrong, IdentityMismatch)


@pytest.mark.parametrize(
    "said, sentence",
    [
        ({"node_id": "no spaces"}, "cannot be a node id"),
        ({"bootstrap": {"n1": "h:1", "n2": "h:2"}}, "not which of them this node is"),
        ({"node_id": "n3", "bootstrap": {"n1": "h:1", "n2": "h:2"}}, "n3 is none of them"),
        ({"node_id": "n1", "bootstrap": {"n1": "h:1", "n2": "h:1"}}, "the same address"),
        ({"node_id": "n1", "bootstrap": {"n1": "nowhere"}}, "HOST:PORT is expected"),
        ({"advertise": "0.0.0.0:7000"}, "names no machine"),
        ({"advertise": "[::]:7000"}, "names no machine"),
        ({"listen": "0.0.0.0:0"}, "names no machine"),
        ({"listen": "127.0.0.1:99999"}, "HOST:PORT is expected"),
        ({"listen": "192.0.2.1:0"}, "name an address of this machine"),
    ],
)
async def test_what_cannot_work_is_told_in_one_sentence_and_nothing_is_founded(
    said: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    error = await refused(**{"data_dir": tmp_path / "data", "settings": SWIFT, **said})

    assert isinstance(error, ConfigurationInvalid)
    assert sentence in str(error)
    assert "\n" not in str(error)
    assert not (tmp_path / "data").exists()


async def test_a_port_in_use_is_named_and_the_directory_stays_free(tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(tmp_path / "a") as first:
            assert first.address is not None
            error = await refused(data_dir=tmp_path / "b", listen=first.address)
            assert isinstance(error, PortInUse)
            assert first.address in str(error)
        async with RaftStore.open(tmp_path / "b") as second:
            await second.set("k", b"v")


async def test_a_directory_belongs_to_one_node_at_a_time(disk: Path | MemoryDisk) -> None:
    async with RaftStore.open(disk, listen=None):
        assert isinstance(await refused(data_dir=disk, listen=None), DataDirLocked)


# Failing disks.


async def use_until_it_fails(disk: MemoryDisk, told: list[HuffleraftError]) -> None:
    async with RaftStore.open(disk, listen=None) as store:
        await store.set("k", b"v")
        disk.failure = "the platter is cracked"
        try:
            await store.set("k", b"w")
        except HuffleraftError as error:
            told.append(error)
        await anyio.sleep_forever()


async def test_a_failed_disk_ends_the_block_with_the_failure() -> None:
    disk = MemoryDisk()
    told: list[HuffleraftError] = []
    with anyio.fail_after(PATIENCE):
        with pytest.raises(StorageFailed, match="the platter is cracked"):
            await use_until_it_fails(disk, told)
        assert all(isinstance(error, OutcomeUnknown | Halted) for error in told)

        disk.failure = None
        async with RaftStore.open(disk, listen=None) as store:
            found = await store.get("k")
            assert isinstance(found, Found)
            assert found.value == b"v"


async def test_a_full_disk_delays_writes_until_there_is_room() -> None:
    disk = MemoryDisk()
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(disk, listen=None, settings=SWIFT) as store:
            await store.set("k", b"1")
            disk.full = True
            with pytest.raises((OutcomeUnknown, Overloaded, NoLeader)):
                await store.set("k", b"2", timeout=0.1)
            disk.full = False

            assert (await store.set("k", b"3")).version >= 2


# The port.


async def test_peers_and_http_share_the_one_port() -> None:
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(MemoryDisk(), node_id="n1") as store:
            await store.leader_known()
            assert store.address == store.advertised
            host, _, port = str(store.address).rpartition(":")
            async with await anyio.connect_tcp(host, int(port)) as stream:
                await stream.send(
                    b"PUT /v1/kv/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nv"
                    b"GET /v1/kv/a/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                )
                answers = b"".join([part async for part in stream])
            assert answers.count(b"HTTP/1.1 200") == 2
            assert answers.endswith(b"\r\n\r\nv")
            found = await store.get("a/b")
            assert isinstance(found, Found)


# The end.


async def test_what_the_block_raises_leaves_it_unwrapped() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with RaftStore.open(MemoryDisk(), listen=None):
            raise KeyError("mine")


async def test_a_cancelled_block_closes_its_node(tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        with anyio.CancelScope() as scope:
            async with RaftStore.open(tmp_path / "data", listen=None) as store:
                await store.set("k", b"v")
                scope.cancel()
                await anyio.sleep_forever()
        async with RaftStore.open(tmp_path / "data", listen=None) as store:
            assert isinstance(await store.get("k"), Found)


async def test_a_closed_node_leaves_no_thread_and_no_open_port(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(tmp_path / "data") as store:
            await store.set("k", b"v")
            address = str(store.address)
        async with RaftStore.open(tmp_path / "other", listen=address):
            pass
    for thread in set(threading.enumerate()) - before:
        if "huffleraft" in thread.name:
            thread.join(PATIENCE)
            assert not thread.is_alive()


async def test_closing_lets_what_is_under_way_finish() -> None:
    finished: list[object] = []

    async def write(store: RaftStore, number: int) -> None:
        finished.append(await store.set(f"k{number}", b"v"))

    with anyio.fail_after(PATIENCE):
        async with (
            anyio.create_task_group() as tasks,
            RaftStore.open(MemoryDisk(), listen=None) as store,
        ):
            await store.set("first", b"v")
            for number in range(20):
                tasks.start_soon(write, store, number)
            while len(store._node._requests) + len(finished) < 20:
                await anyio.lowlevel.checkpoint()
    assert len(finished) == 20


async def test_an_operation_on_a_closed_node_is_refused() -> None:
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(MemoryDisk(), listen=None) as store:
            await store.set("k", b"v")
        with pytest.raises(HuffleraftError) as error:
            await store.set("k", b"v")
        assert error.value.definite
        assert error.value.code == "stopping"


async def test_a_closed_node_refuses_what_needs_no_leader_too() -> None:
    never = {"n1": "n1.invalid:1", "n2": "n2.invalid:1"}
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(
            MemoryDisk(), node_id="n1", bootstrap=never, listen=None
        ) as store:
            pass
        with pytest.raises(Stopping):
            await store.leader_known()
        with pytest.raises(Stopping):
            await store.get("k", stale=True)
        with pytest.raises(Stopping):
            await store.status(hash=True)
        assert (await store.ready()).reason == str(Stopping())


async def test_a_refusal_is_a_new_error_each_time() -> None:
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(MemoryDisk(), listen=None) as store:
            pass
        refusals: list[BaseException] = []
        for _ in range(2):
            with pytest.raises(Stopping) as refused:
                await store.set("k", b"v")
            refusals.append(refused.value)
        # One that is raised again and again would hold every frame it ever passed.
        assert refusals[0] is not refusals[1]


async def test_closing_on_a_full_disk_loses_nothing_and_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = MemoryDisk()
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(disk, listen=None) as store:
            await store.set("k", b"v")
            disk.full = True
        assert "the last changes stay in the log alone" in caplog.text
        assert not disk.rows

        disk.full = False
        async with RaftStore.open(disk, listen=None) as store:
            assert isinstance(await store.get("k"), Found)


async def test_whoever_is_cancelled_while_it_opens_leaves_the_directory_free(
    disk: Path | MemoryDisk,
) -> None:
    async def cancel_after(turns: int, scope: anyio.CancelScope) -> None:
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        scope.cancel()

    with anyio.fail_after(PATIENCE):
        for turns in range(1, 12):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel_after, turns, tasks.cancel_scope)
                async with RaftStore.open(disk, listen=None):
                    await anyio.sleep_forever()
        async with RaftStore.open(disk, listen=None) as store:
            await store.set("k", b"v")


@pytest.mark.parametrize("seconds", [math.inf, math.nan, 0.0, -1.0])
async def test_a_timeout_that_is_none_is_refused_and_nothing_is_asked(seconds: float) -> None:
    with anyio.fail_after(PATIENCE):
        async with RaftStore.open(MemoryDisk(), listen=None) as store:
            for asked in (
                store.set("k", b"v", timeout=seconds),
                store.get("k", timeout=seconds),
                store.get("k", timeout=seconds, stale=True),
            ):
                with pytest.raises(ValueError, match="a number of seconds above 0 is expected"):
                    await asked
            assert len(store._node._requests) == 0


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0:7000", "[::]:7000", "0:7000", "[0:0:0:0:0:0:0:0]:7000"),
        *("[::ffff:0.0.0.0]:7000", ":7000", " :7000", "a b:7000", "n1\r\nX: y:7000", "n1:0"),
    ],
)
async def test_an_address_that_nobody_could_dial_is_not_advertised(address: str) -> None:
    disk = MemoryDisk()
    with pytest.raises(ConfigurationInvalid):
        async with RaftStore.open(disk, listen=None, advertise=address):
            pass
    assert disk.identity is None
