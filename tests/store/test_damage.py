"""Damage is refused by name, and never believed."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import struct
from pathlib import Path

import pytest

from huffleraft.errors import HuffleraftError, IdentityMismatch, SchemaNewer, StorageCorrupt
from huffleraft.store import wal
from huffleraft.store.directory import DATABASE, IDENTITY, WAL, DataDirectory, read_identity
from huffleraft.store.founding import Founding
from huffleraft.store.opening import open_directory
from tests.store import images
from tests.store.images import contents, copy, flip, size

SEED = int(os.environ.get("HUFFLERAFT_SEED", "20"))
"""HUFFLERAFT_SEED=n draws other places to damage; a failure names file, offset and bit."""


@pytest.fixture(scope="module")
def crash_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("crashed")
    images.crashed(path)
    return path / "image"


@pytest.fixture(scope="module")
def restart_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("restarted")
    images.crashed(path, restarted_log=True)
    return path / "image"


@pytest.fixture(scope="module")
def closed_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("closed")
    images.closed(path)
    return path / "image"


def test_sound_images_are_opened_again_and_again(
    crash_image: Path, restart_image: Path, closed_image: Path, tmp_path: Path
) -> None:
    for image in (crash_image, restart_image, closed_image):
        path = copy(image, tmp_path / "node")
        first, second = contents(path), contents(path)
        assert first[0].boot + 1 == second[0].boot
        assert first[1] == second[1]
        assert first[0].entries == second[0].entries


# The write-ahead log.


def wal_places(image: Path) -> list[tuple[int, int]]:
    """Offsets and bits: each byte of the header and of three frames' headers, and some more."""
    dice = random.Random(SEED)
    frames = (size(image, WAL) - 32) // 4120
    headers = [range(32)]
    headers += [range(32 + n * 4120, 32 + n * 4120 + 24) for n in (0, frames // 2, frames - 1)]
    offsets = [offset for header in headers for offset in header]
    offsets += [dice.randrange(size(image, WAL)) for _ in range(250)]
    return [(offset, dice.randrange(8)) for offset in offsets]


def test_every_flipped_bit_of_the_log_is_refused_by_its_frame(
    crash_image: Path, tmp_path: Path
) -> None:
    path = copy(crash_image, tmp_path / "node")
    assert wal.scan(path / WAL).torn == 0
    for offset, bit in wal_places(crash_image):
        flip(path, WAL, offset, bit)
        with pytest.raises(StorageCorrupt) as refused:
            contents(path)
        assert "\n" not in str(refused.value)
        flip(path, WAL, offset, bit)
        frame = (offset - 32) // 4120 + 1
        where = "its header" if offset < 32 else f"frame {frame}"
        assert (refused.value.file, refused.value.where) == (WAL, where), (offset, bit)
    contents(path)


def test_a_flipped_bit_in_frames_of_an_older_generation_says_nothing(
    restart_image: Path, tmp_path: Path
) -> None:
    path = copy(restart_image, tmp_path / "node")
    held = contents(copy(restart_image, tmp_path / "sound"))
    scan = wal.scan(path / WAL)
    assert 0 < scan.good < scan.frames
    begin = 32 + scan.good * 4120
    dice = random.Random(SEED)
    for _ in range(60):
        path = copy(restart_image, tmp_path / "node")
        flip(path, WAL, dice.randrange(begin, size(path, WAL)), dice.randrange(8))
        assert contents(path) == held


def test_two_damaged_frames_in_the_middle_are_refused(crash_image: Path, tmp_path: Path) -> None:
    path = copy(crash_image, tmp_path / "node")
    with (path / WAL).open("r+b") as file:
        file.seek(32 + 3 * 4120 + 2000)
        file.write(random.Random(SEED).randbytes(4096))  # a block of the disk, over two frames
    with pytest.raises(StorageCorrupt, match="frame 4"):
        contents(path)


def test_a_torn_last_transaction_is_legal_however_it_is_torn(
    crash_image: Path, tmp_path: Path
) -> None:
    """Sectors of the last transaction that the power cut kept from the disk, in any subset."""
    commits = commit_frames(crash_image)
    begin, end = 32 + commits[-2] * 4120, 32 + commits[-1] * 4120
    assert end == size(crash_image, WAL)
    assert commits[-1] - commits[-2] > 2
    whole = contents(copy(crash_image, tmp_path / "whole"))[0]
    path = copy(crash_image, tmp_path / "cut")
    os.truncate(path / WAL, begin)
    before = contents(path)
    assert before[0].entries != whole.entries
    dice = random.Random(SEED)
    for _ in range(60):
        path = copy(crash_image, tmp_path / "node")
        with (path / WAL).open("r+b") as file:
            lost = dice.sample(range(begin // 512, end // 512), dice.randrange(1, 9))
            for sector in lost:
                start = max(sector * 512, begin)
                file.seek(start)
                length = (sector + 1) * 512 - start
                file.write(bytes(length) if dice.random() < 0.5 else dice.randbytes(length))
        if wal.scan(path / WAL).good == commits[-1]:
            assert contents(path)[0].entries == whole.entries, lost  # those sectors were zeros
        else:
            assert contents(path) == before, lost


def commit_frames(image: Path) -> list[int]:
    """The numbers of the frames that end a transaction."""
    raw = (image / WAL).read_bytes()
    numbers = range((len(raw) - 32) // 4120)
    return [n + 1 for n in numbers if struct.unpack_from(">I", raw, 32 + n * 4120 + 4)[0]]


def test_a_log_that_was_removed_is_missed(crash_image: Path, tmp_path: Path) -> None:
    for cut in (None, 0, 20, 32):
        path = copy(crash_image, tmp_path / "node")
        if cut is None:
            (path / WAL).unlink()
        else:
            os.truncate(path / WAL, cut)
        with pytest.raises(StorageCorrupt, match="did not close the database, so there was a log"):
            contents(path)


def test_a_log_of_zeros_is_missed(crash_image: Path, tmp_path: Path) -> None:
    path = copy(crash_image, tmp_path / "node")
    (path / WAL).write_bytes(bytes(size(path, WAL)))
    with pytest.raises(StorageCorrupt, match="so there was a log"):
        contents(path)


# The file itself.


def test_a_flipped_bit_of_the_file_is_refused_or_changes_nothing(
    closed_image: Path, tmp_path: Path
) -> None:
    held = contents(copy(closed_image, tmp_path / "sound"))
    dice = random.Random(SEED)
    offsets = [*range(16, 100, 2)]
    offsets += [dice.randrange(size(closed_image, DATABASE)) for _ in range(160)]
    refused = 0
    for offset in offsets:
        path = copy(closed_image, tmp_path / "node")
        bit = dice.randrange(8)
        flip(path, DATABASE, offset, bit)
        try:
            assert contents(path) == held, (offset, bit)
        except (StorageCorrupt, SchemaNewer):
            refused += 1
    assert refused > 60


@pytest.mark.parametrize(
    "written, sentence",
    [
        (images.VALUE, "damaged at key 'apple': its row does not match its seal"),
        (images.COMMAND, "damaged at log entries 12 to 59: its seal does not match"),
        (images.CANDIDATE.encode(), "damaged at the row of table vote"),
        (b"the answer", "damaged at session 5"),
        (b"n1cluster", "damaged at the row of table identity"),
    ],
)
def test_a_flipped_bit_is_told_by_its_place(
    closed_image: Path, tmp_path: Path, written: bytes, sentence: str
) -> None:
    path = copy(closed_image, tmp_path / "node")
    places = [m.start() for m in re.finditer(written, (path / DATABASE).read_bytes())]
    assert places
    for place in places:  # where pages were moved, an old copy may lie in unused space
        flip(path, DATABASE, place + 3, 0)
    with pytest.raises(StorageCorrupt) as refused:
        contents(path)
    assert sentence in str(refused.value)
    assert str(refused.value).startswith(DATABASE)


def test_a_batch_replaced_by_an_older_version_of_itself_breaks_the_chain(
    closed_image: Path, tmp_path: Path
) -> None:
    path = copy(closed_image, tmp_path / "node")
    with sqlite3.connect(path / DATABASE) as connection:
        connection.execute("DELETE FROM log WHERE first_index = 12")
        connection.execute("UPDATE log SET first_index = 12 WHERE first_index = 60")
    connection.close()
    with pytest.raises(StorageCorrupt, match="log entries 12 to 959"):
        contents(path)


def test_a_batch_lost_from_the_middle_or_the_end_is_missed(
    closed_image: Path, tmp_path: Path
) -> None:
    for lost, sentence in ((12, "log entry 12: the next is 60"), (-1, "applied up to 21")):
        path = copy(closed_image, tmp_path / "node")
        with sqlite3.connect(path / DATABASE) as connection:
            where = f"first_index = {lost}" if lost > 0 else "first_index >= 12"
            connection.execute(f"DELETE FROM log WHERE {where}")
        connection.close()
        with pytest.raises(StorageCorrupt, match=sentence):
            contents(path)


def test_a_truncated_file_is_refused(closed_image: Path, tmp_path: Path) -> None:
    for part in (0.0, 0.001, 0.1, 0.5, 0.99):
        path = copy(closed_image, tmp_path / "node")
        os.truncate(path / DATABASE, int(size(path, DATABASE) * part))
        with pytest.raises(StorageCorrupt, match=f"^{DATABASE} is damaged"):
            contents(path)


def test_a_truncated_file_beside_a_log_is_refused(crash_image: Path, tmp_path: Path) -> None:
    path = copy(crash_image, tmp_path / "node")
    os.truncate(path / DATABASE, 0)
    with pytest.raises(StorageCorrupt):
        contents(path)
    (path / IDENTITY).unlink()
    with pytest.raises(StorageCorrupt, match=f"{WAL} is there"):
        contents(path)


def test_a_database_that_was_removed_is_not_founded_anew(
    closed_image: Path, tmp_path: Path
) -> None:
    path = copy(closed_image, tmp_path / "node")
    (path / DATABASE).unlink()
    with pytest.raises(StorageCorrupt, match=f"it has none, but {IDENTITY} is there"):
        contents(path)


def test_a_file_that_is_no_database_is_refused(closed_image: Path, tmp_path: Path) -> None:
    path = copy(closed_image, tmp_path / "node")
    (path / DATABASE).write_bytes(b"not a database, but long enough to be one" * 200)
    with pytest.raises(StorageCorrupt, match="it is not that of a database"):
        contents(path)


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(StorageCorrupt, match="0 is not huffleraft's"):
        contents(tmp_path)


# Versions and identities.


def test_a_newer_schema_is_refused_by_name(closed_image: Path, tmp_path: Path) -> None:
    path = copy(closed_image, tmp_path / "node")
    with sqlite3.connect(path / DATABASE) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(
        SchemaNewer, match="schema version 7 and this huffleraft knows versions up to 1"
    ):
        contents(path)
    with sqlite3.connect(path / DATABASE) as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    contents(path)


def test_an_identity_can_be_read_without_opening(crash_image: Path, tmp_path: Path) -> None:
    identity = read_identity(crash_image)
    assert identity is not None
    assert (identity.node_id, identity.cluster_id) == ("n1", "cluster")
    assert read_identity(tmp_path) is None
    assert read_identity(tmp_path / "nowhere") is None


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff" * 9, b'{"node_id": "n1"}', b"[1]" * 9000])
def test_a_damaged_identity_is_refused(closed_image: Path, tmp_path: Path, raw: bytes) -> None:
    path = copy(closed_image, tmp_path / "node")
    (path / IDENTITY).write_bytes(raw)
    with pytest.raises(StorageCorrupt, match=f"^{IDENTITY} is damaged at its text"):
        contents(path)


def test_a_forged_identity_is_refused(closed_image: Path, tmp_path: Path) -> None:
    path = copy(closed_image, tmp_path / "node")
    text = (path / IDENTITY).read_text()
    (path / IDENTITY).write_text(text.replace('"n1"', '"n2"'))
    with pytest.raises(StorageCorrupt, match="damaged at its seal"):
        contents(path)


def test_an_identity_of_another_node_is_told_from_the_database(
    closed_image: Path, tmp_path: Path
) -> None:
    path = copy(closed_image, tmp_path / "node")
    other = DataDirectory.claim(tmp_path / "other")
    opened = open_directory(other, Founding("n2", "cluster", None), None)
    opened.database.close()
    other.release()
    (tmp_path / "other" / IDENTITY).replace(path / IDENTITY)
    with pytest.raises(StorageCorrupt, match="the database says"):
        contents(path)


# Founding and refusing leave nothing half done.


def test_a_founding_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    first, _ = contents(tmp_path)
    assert (first.boot, len(first.entries)) == (1, 1)
    (tmp_path / IDENTITY).unlink()  # the last step
    second, _ = contents(tmp_path)
    assert (second.boot, second.entries) == (2, first.entries)
    assert read_identity(tmp_path) is not None


def test_an_opening_that_is_refused_leaves_the_log_in_its_place(
    crash_image: Path, tmp_path: Path
) -> None:
    path = copy(crash_image, tmp_path / "node")
    held = contents(copy(crash_image, tmp_path / "sound"))
    directory = DataDirectory.claim(path)
    raw = (path / WAL).read_bytes()
    with pytest.raises(IdentityMismatch):
        open_directory(directory, Founding("n7", "cluster", None), None)
    assert (path / WAL).read_bytes() == raw
    directory.release()
    assert contents(path) == held


def test_a_log_kept_by_a_process_that_was_killed_meanwhile_gets_its_name_again(
    crash_image: Path, tmp_path: Path
) -> None:
    path = copy(crash_image, tmp_path / "node")
    held = contents(copy(crash_image, tmp_path / "sound"))
    directory = DataDirectory.claim(path)
    directory.keep_wal()
    (path / WAL).unlink()
    directory.release()
    assert contents(path) == held


def test_errors_are_one_kind_for_callers() -> None:
    assert issubclass(StorageCorrupt, HuffleraftError)
