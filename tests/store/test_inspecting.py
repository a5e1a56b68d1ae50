"""A stopped directory is read and verified, and nothing of it changes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
from pathlib import Path

import pytest

from huffleraft.errors import ConfigurationInvalid, DataDirLocked, StorageCorrupt
from huffleraft.store import wal
from huffleraft.store.directory import DATABASE, IDENTITY, KEPT_WAL, LOCK, WAL, DataDirectory
from huffleraft.store.inspecting import inspect
from tests.store import images
from tests.store.images import contents, copy, flip


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("crashed")
    images.crashed(path)
    return path / "image"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("closed")
    images.closed(path)
    return path / "image"


def everything(path: Path) -> dict[str, tuple[int, int, str]]:
    """All that could change: names, bytes, times of files and of the directory."""
    told = {
        one.name: (one.stat().st_ino, one.stat().st_mtime_ns, _digest(one))
        for one in path.iterdir()
    }
    return {**told, ".": (path.stat().st_ino, path.stat().st_mtime_ns, "")}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ["crashed", "closed"])
def test_it_holds_what_a_start_would_find_and_is_left_as_it_was(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = copy(request.getfixturevalue(kind), tmp_path / "node")
    before = everything(path)

    found = inspect(path)

    assert everything(path) == before
    started, digest = contents(path)
    assert found.holds.entries == started.entries
    assert found.holds.vote == started.vote
    assert found.holds.last_applied == started.last_applied
    assert found.holds.boot == started.boot - 1
    assert found.state_hash == digest
    assert (found.keys, found.sessions) == (100, 1)


def test_a_log_that_holds_no_commit_stays(crashed: Path, tmp_path: Path) -> None:
    """Its first transaction is torn behind a whole frame: SQLite would remove such a log."""
    path = copy(crashed, tmp_path / "node")
    without_commit(path / WAL)
    scan = wal.scan(path / WAL)
    assert (scan.good, scan.frames) == (1, 1)
    before = everything(path)

    inspect(path)

    assert everything(path) == before


def without_commit(log: Path) -> None:
    """Cut the log behind its first frame, and make that one end no transaction."""
    raw = log.read_bytes()[: 32 + 4120]
    words = ">" if raw[3] & 1 else "<"
    seed = struct.unpack(">2I", raw[24:32])
    told, page = raw[32:36] + bytes(4), raw[56:]
    stored = wal._checksum(words, told + page, (seed[0], seed[1]))
    log.write_bytes(raw[:32] + told + raw[40:48] + struct.pack(">2I", *stored) + page)


def test_a_directory_in_use_is_refused_by_its_owner(crashed: Path, tmp_path: Path) -> None:
    path = copy(crashed, tmp_path / "node")
    owner = DataDirectory.claim(path)
    before = everything(path)
    try:
        with pytest.raises(DataDirLocked, match=f"in use by process {os.getpid()}"):
            inspect(path)
    finally:
        owner.release()
    assert everything(path) == before


def test_two_may_look_at_once_and_no_node_starts_meanwhile(crashed: Path, tmp_path: Path) -> None:
    path = copy(crashed, tmp_path / "node")
    with (path / LOCK).open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        inspect(path)
        with pytest.raises(DataDirLocked):
            DataDirectory.claim(path)


@pytest.mark.parametrize("file,offset", [(WAL, 32 + 4120 + 99), (DATABASE, 3), (IDENTITY, 30)])
def test_damage_is_refused_as_at_a_start(
    file: str, offset: int, crashed: Path, tmp_path: Path
) -> None:
    path = copy(crashed, tmp_path / "node")
    flip(path, file, offset, 3)
    before = everything(path)

    with pytest.raises(StorageCorrupt) as refused:
        inspect(path)

    assert everything(path) == before
    with pytest.raises(StorageCorrupt) as at_start:
        contents(path)
    assert str(refused.value) == str(at_start.value)


def test_what_is_no_data_directory_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ConfigurationInvalid, match="is no node's data directory"):
            inspect(path)
    assert not list(tmp_path.iterdir())


def test_a_close_that_was_cut_short_is_told(closed: Path, crashed: Path, tmp_path: Path) -> None:
    path = copy(crashed, tmp_path / "node")
    (path / WAL).rename(path / KEPT_WAL)

    with pytest.raises(ConfigurationInvalid, match="start the node once"):
        inspect(path)
