"""One process a data directory, in a place where it may write."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from huffleraft.errors import DataDirLocked, DataDirUnwritable
from huffleraft.store.database import Database
from huffleraft.store.directory import (
    IDENTITY,
    KEPT_WAL,
    LOCK,
    WAL,
    DataDirectory,
    read_identity,
)
from huffleraft.store.founding import Identity

NOBODY = 65534


def test_a_directory_in_use_by_another_process_is_refused_by_its_number(tmp_path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; "
        "from huffleraft.store.directory import DataDirectory; "
        "DataDirectory.claim(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(tmp_path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataDirLocked, match=f"in use by process {holder.pid}, and") as refused:
            DataDirectory.claim(tmp_path)
        assert refused.value.pid == holder.pid
        holder.kill()
    DataDirectory.claim(tmp_path).release()


def test_a_lock_whose_owner_cannot_be_read_still_locks(tmp_path: Path) -> None:
    directory = DataDirectory.claim(tmp_path)
    (tmp_path / LOCK).write_text("who?")
    with pytest.raises(DataDirLocked, match="in use by another process"):
        DataDirectory.claim(tmp_path)
    directory.release()


def test_sqlite_holds_a_lock_of_its_own(tmp_path: Path) -> None:
    directory = DataDirectory.claim(tmp_path)
    first = Database(directory.database)
    with pytest.raises(DataDirLocked):
        Database(directory.database)
    first.close()
    Database(directory.database).close()
    directory.release()


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataDirUnwritable, match="cannot be used as a data directory"):
            DataDirectory.claim(path)


@pytest.fixture
def others_place() -> Iterator[Path]:
    """A directory that this process may pass through, and neither read nor write."""
    with TemporaryDirectory() as name:
        place = Path(name)
        (place / "ours").mkdir()
        place.chmod(0o111)
        if os.geteuid() != 0:
            yield place
        else:  # root may write anywhere: be somebody else
            os.chown(place / "ours", NOBODY, NOBODY)
            os.seteuid(NOBODY)
            yield place
            os.seteuid(0)
        place.chmod(0o700)


def test_a_directory_that_may_not_be_written_is_refused(others_place: Path) -> None:
    for path in (others_place, others_place / "node"):
        with pytest.raises(DataDirUnwritable, match="Permission denied; give a directory that"):
            DataDirectory.claim(path)


def test_a_directory_of_ours_in_a_place_that_is_not_is_good_enough(others_place: Path) -> None:
    directory = DataDirectory.claim(others_place / "ours")
    directory.write_identity(Identity("n1", "cluster"))
    directory.release()
    assert read_identity(others_place / "ours") == Identity("n1", "cluster")


def test_an_identity_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / IDENTITY).mkdir()
    with pytest.raises(DataDirUnwritable, match="Is a directory"):
        read_identity(tmp_path)


def test_a_claim_that_fails_lets_go_of_the_lock(tmp_path: Path) -> None:
    (tmp_path / KEPT_WAL).mkdir()
    (tmp_path / WAL).touch()
    with pytest.raises(DataDirUnwritable):
        DataDirectory.claim(tmp_path)
    (tmp_path / KEPT_WAL).rmdir()
    DataDirectory.claim(tmp_path).release()


def test_a_file_system_without_locks_is_not_told_as_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(DataDirUnwritable, match="No locks available"):
        DataDirectory.claim(tmp_path)


@pytest.mark.parametrize("second_names", [True, False])
def test_a_log_is_kept_while_its_connection_closes(
    tmp_path: Path, second_names: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if not second_names:
        monkeypatch.setattr("os.link", no_links)
    directory = DataDirectory.claim(tmp_path)
    directory.keep_wal()  # there is none yet
    directory.restore_wal()
    assert not directory.wal.exists()

    for closing_removes_it in (True, False):
        directory.wal.write_bytes(b"what was acknowledged")
        directory.keep_wal()
        if closing_removes_it:
            directory.wal.unlink()
        directory.restore_wal()
        assert directory.wal.read_bytes() == b"what was acknowledged"
        assert not (tmp_path / KEPT_WAL).exists()
    directory.release()


def test_an_identity_is_read_as_it_was_written(tmp_path: Path) -> None:
    directory = DataDirectory.claim(tmp_path)
    identity = Identity("n1", 'a cluster with "quotes", ä and \\')
    directory.write_identity(identity)
    assert read_identity(tmp_path) == identity
    directory.release()
