"""A place that will not do is named with its number, and the data in it is none the worse.

Each test lets a real node acknowledge writes, makes its place unfit, sees the node refuse in one
sentence with its documented exit code, sets the place right, and reads every write back.
"""

import resource
import shutil
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from huffleraft.store.directory import DATABASE, IDENTITY, LOCK, WAL
from tests.cli.nodes import ALONE, FAST, alone, ask, knows_a_leader, stop
from tests.cli.processes import Running

pytestmark = pytest.mark.timeout(120)

KEYS = 10


def put(address: str, key: str, value: bytes) -> int:
    """The status of a write, which is given a second."""
    return ask("PUT", f"http://{address}/v1/kv/{key}?timeout=1", value)[0]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The directory of a node that has acknowledged writes and was stopped."""
    with alone(tmp_path / "data") as (running, address):
        for number in range(KEYS):
            assert put(address, f"k{number}", b"%d" % number) == 200
        stop(running)
    return tmp_path / "data"


def assert_nothing_is_lost(data_dir: Path) -> None:
    with alone(data_dir) as (running, address):
        for number in range(KEYS):
            assert ask("GET", f"http://{address}/v1/kv/k{number}") == (200, b"%d" % number)
        stop(running)


def assert_refused(
    data_dir: Path,
    code: int,
    words: str,
    options: Sequence[str] = (),
    module: Sequence[str] = ("-m", "huffleraft"),
) -> None:
    """The node does not start, and says *words* in its one sentence."""
    command: tuple[str | Path, ...] = ("serve", "--data-dir", data_dir, *ALONE, *options)
    with Running(*command, module=module) as running:
        assert running.end() == code, running.report()
        assert words in running.sentence()
        assert running.out == []


# Whose it is, and of which version.


def test_another_cluster_on_the_directory_is_refused_by_name(data_dir: Path) -> None:
    assert_refused(data_dir, 13, "the data directory has cluster", ("--cluster", "another"))
    assert_nothing_is_lost(data_dir)


def test_a_directory_that_a_newer_version_wrote_is_refused_by_name(data_dir: Path) -> None:
    def set_version(version: int) -> None:
        with sqlite3.connect(data_dir / DATABASE) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        connection.close()

    set_version(7)
    assert_refused(data_dir, 12, "schema version 7 and this huffleraft knows versions up to 1")
    set_version(1)
    assert_nothing_is_lost(data_dir)


# Where nothing can be opened.  Root may write anywhere, so no test rests on permissions.


def test_a_port_in_use_leaves_the_data_as_it_was(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        assert_refused(data_dir, 15, f"{where} is in use by", ("--listen", where))
    assert_nothing_is_lost(data_dir)


def test_a_file_in_the_place_of_the_directory_is_refused(data_dir: Path) -> None:
    away = data_dir.rename(data_dir.with_name("away"))
    data_dir.write_text("a file")
    for path in (data_dir, data_dir / "below"):
        assert_refused(path, 14, f"{path} cannot be used as a data directory")
    data_dir.unlink()
    away.rename(data_dir)
    assert_nothing_is_lost(data_dir)


@pytest.mark.parametrize("name", [LOCK, IDENTITY, DATABASE, WAL])
def test_a_directory_in_the_place_of_a_file_is_refused(data_dir: Path, name: str) -> None:
    saved = data_dir.with_name("saved")
    shutil.copytree(data_dir, saved)
    (data_dir / name).unlink(missing_ok=True)
    (data_dir / name).mkdir()
    assert_refused(data_dir, 14, f"{data_dir} cannot be used as a data directory: Is a directory")
    (data_dir / name).rmdir()
    if (saved / name).exists():
        (saved / name).rename(data_dir / name)
    assert_nothing_is_lost(data_dir)


# A disk that is full, or fails.


def cramped(pages: int) -> Sequence[str]:
    return ("-m", "tests.cli.cramped", str(pages))


def test_a_disk_too_full_to_found_on_says_so_and_may_be_used_later(tmp_path: Path) -> None:
    assert_refused(tmp_path, 18, "there is no space left for", module=cramped(3))
    with alone(tmp_path) as (running, address):
        assert put(address, "a", b"1") == 200
        stop(running)


def test_a_disk_that_is_full_while_it_serves_loses_nothing(data_dir: Path) -> None:
    filler = b"x" * 20_000
    command = ("serve", "--data-dir", data_dir, *ALONE, *FAST)
    with Running(*command, module=cramped(60)) as running:
        running.line(knows_a_leader)
        address = running.ready()["listen"]
        acknowledged = 0
        while (status := put(address, f"filler{acknowledged}", filler)) == 200:
            acknowledged += 1
            assert acknowledged < 20, "the quota was never felt"
        assert status in {503, 504}
        running.line("there is no space left for")
        assert ask("GET", f"http://{address}/livez")[0] == 200
        stop(running)

    assert_nothing_is_lost(data_dir)
    with alone(data_dir) as (running, address):
        for number in range(acknowledged):
            assert ask("GET", f"http://{address}/v1/kv/filler{number}") == (200, filler)
        stop(running)


@contextmanager
def files_may_not_grow_beyond(size: int) -> Iterator[None]:
    """For the processes started meanwhile: a write past *size* bytes fails."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


def test_a_disk_that_fails_at_the_start_is_named(data_dir: Path) -> None:
    with files_may_not_grow_beyond(3_000):
        assert_refused(data_dir, 20, "the storage failed: disk I/O error")
    assert_nothing_is_lost(data_dir)
