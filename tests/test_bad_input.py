"""A bad disk is answered with one sentence and a number, and never with a forgotten write.

Each test lets a real node acknowledge writes, does something to what it stored, and starts it
again.  Either it refuses, and says which file is wrong and where, or every acknowledged write is
read back.  Where the damage is undone, the same directory serves on.
"""

import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from huffleraft.errors import NoLeader, OutcomeUnknown, Overloaded
from huffleraft.kv.queries import Found
from huffleraft.raftstore import RaftStore
from huffleraft.store.directory import DATABASE, IDENTITY, WAL
from huffleraft.store.sqlite import SqliteStore
from tests.cli.nodes import ALONE, alone, ask, stop
from tests.cli.processes import Running

pytestmark = pytest.mark.timeout(120)

KEYS = 30


def value_of(number: int) -> bytes:
    """A value that occurs nowhere by chance."""
    return f"<the value with the number {number:04}>".encode() * 4


def write_all(address: str) -> None:
    for number in range(KEYS):
        status, body = ask("PUT", f"http://{address}/v1/kv/k{number}", value_of(number))
        assert status < 300, (number, status, body)


def assert_all_are_read_back(address: str, count: int = KEYS) -> None:
    for number in range(count):
        answer = ask("GET", f"http://{address}/v1/kv/k{number}")
        assert answer == (200, value_of(number)), number


def assert_refused(data_dir: Path, code: int, *words: str) -> None:
    """The node does not start, and says why in one sentence that contains *words*."""
    with Running("serve", "--data-dir", data_dir, *ALONE) as running:
        assert running.end() == code, running.report()
        sentence = running.sentence()
        assert all(word in sentence for word in words), sentence
        assert running.out == []


def assert_serves_on(data_dir: Path) -> None:
    with alone(data_dir) as (running, address):
        assert_all_are_read_back(address)
        stop(running)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a node that has acknowledged writes and was stopped in good order."""
    data_dir = tmp_path_factory.mktemp("stopped")
    with alone(data_dir) as (running, address):
        write_all(address)
        stop(running)
    return data_dir


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a node that has acknowledged writes and was killed."""
    data_dir = tmp_path_factory.mktemp("killed")
    with alone(data_dir) as (running, address):
        write_all(address)
        running.send(signal.SIGKILL)
        assert running.end() == -signal.SIGKILL
    return data_dir


def flip_a_bit_of(file: Path, wanted: bytes, *, last: bool = False) -> None:
    """Flip one bit in the middle of *wanted*, which *file* holds."""
    content = bytearray(file.read_bytes())
    at = content.rfind(wanted) if last else content.find(wanted)
    assert at >= 0, f"{file.name} does not hold {wanted!r}"
    content[at + len(wanted) // 2] ^= 0b100
    file.write_bytes(content)


def flip_in_the_log(data_dir: Path) -> None:
    flip_a_bit_of(data_dir / WAL, value_of(KEYS // 2))


def flip_in_the_last_write(data_dir: Path) -> None:
    flip_a_bit_of(data_dir / WAL, value_of(KEYS - 1), last=True)


def flip_in_the_database(data_dir: Path) -> None:
    flip_a_bit_of(data_dir / DATABASE, value_of(KEYS // 2))


def flip_in_the_identity(data_dir: Path) -> None:
    flip_a_bit_of(data_dir / IDENTITY, b"cluster_id")


def halve_the_database(data_dir: Path) -> None:
    content = (data_dir / DATABASE).read_bytes()
    (data_dir / DATABASE).write_bytes(content[: len(content) // 2])


def empty_the_database(data_dir: Path) -> None:
    (data_dir / DATABASE).write_bytes(b"")


def remove_the_log(data_dir: Path) -> None:
    (data_dir / WAL).unlink()


def foreign_database(data_dir: Path) -> None:
    (data_dir / DATABASE).write_bytes(b"this is not a database, it is a letter\n" * 200)


def content_of(file: Path) -> bytes:
    """What a file holds; one that is missing holds as little as an empty one."""
    return file.read_bytes() if file.exists() else b""


@pytest.mark.parametrize(
    "end,damage,file",
    [
        ("killed", flip_in_the_log, WAL),
        ("killed", flip_in_the_last_write, WAL),
        ("killed", remove_the_log, WAL),
        ("stopped", flip_in_the_database, DATABASE),
        ("stopped", flip_in_the_identity, IDENTITY),
        ("stopped", halve_the_database, DATABASE),
        ("stopped", empty_the_database, DATABASE),
        ("stopped", foreign_database, DATABASE),
    ],
)
def test_damage_is_named_left_alone_and_once_undone_nothing_is_lost(
    end: str,
    damage: Callable[[Path], None],
    file: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    whole: Path = request.getfixturevalue(end)
    data_dir = tmp_path / "data"
    shutil.copytree(whole, data_dir)

    damage(data_dir)
    damaged = content_of(data_dir / file)
    for _ in range(2):  # refusing must not repair, or hide, what it refuses
        assert_refused(data_dir, 11, file, "is damaged at")
    assert content_of(data_dir / file) == damaged

    shutil.copytree(whole, data_dir, dirs_exist_ok=True)
    assert_serves_on(data_dir)


def test_a_write_cut_short_by_a_crash_is_no_damage(killed: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(killed, data_dir)
    with (data_dir / WAL).open("ab") as log:
        log.write(b"\x00\x01" * 700)

    assert_serves_on(data_dir)


def test_a_disk_that_fails_halts_the_node_and_takes_nothing_acknowledged(tmp_path: Path) -> None:
    """No file may grow beyond a limit: a write past it fails, for a reason that is not ENOSPC."""
    acknowledged = 0
    with alone(tmp_path) as (running, address):
        write_all(address)
        limit = (tmp_path / WAL).stat().st_size + 50_000
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        filler = b"x" * 20_000
        statuses = []
        for number in range(100):
            try:
                status, _ = ask("PUT", f"http://{address}/v1/kv/filler{number}", filler)
            except OSError:  # it is gone already
                break
            statuses.append(status)
            if status >= 300:
                break
            acknowledged += 1
        assert running.end() == 20, running.report()
        assert "the storage failed" in running.sentence()
        assert len(statuses) < 100, "the limit was never felt"
        assert set(statuses[acknowledged:]) <= {503, 504}

    with alone(tmp_path) as (running, address):
        assert_all_are_read_back(address)
        for number in range(acknowledged):
            assert ask("GET", f"http://{address}/v1/kv/filler{number}") == (200, filler)
        stop(running)


@pytest.mark.anyio
async def test_a_full_disk_makes_writes_late_and_takes_nothing_acknowledged(
    tmp_path: Path,
) -> None:
    """The quota is SQLite's own (`max_page_count`): beyond it, it says that the disk is full."""
    filler = b"x" * 20_000
    acknowledged: list[str] = []
    doubtful: list[str] = []

    async def fill(store: RaftStore) -> None:
        for number in range(20):
            key = f"filler{number}"
            try:
                await store.set(key, filler, timeout=1.0)
            except (OutcomeUnknown, NoLeader, Overloaded):
                doubtful.append(key)
                return
            acknowledged.append(key)

    with anyio.fail_after(50):
        async with RaftStore.open(tmp_path, node_id="n1", listen=None) as store:
            await store.leader_known()
            storage = store._opened.store
            assert isinstance(storage, SqliteStore)
            await storage.limit_pages(60)
            await fill(store)
            assert doubtful, "the quota was never felt"

            await storage.limit_pages(None)
            await store.set("after", b"there is space again")
            await assert_all_are_there(store, acknowledged, filler)

        async with RaftStore.open(tmp_path, node_id="n1", listen=None) as store:
            await assert_all_are_there(store, acknowledged, filler)
            assert isinstance(await store.get("after"), Found)


async def assert_all_are_there(store: RaftStore, keys: list[str], value: bytes) -> None:
    for key in keys:
        found = await store.get(key)
        assert isinstance(found, Found), key
        assert found.value == value, key
