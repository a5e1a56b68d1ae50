"""Bytes that claim to be a copy: the very ones that were written, or refused."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.errors import SnapshotDamaged
from huffleraft.ports import SnapshotCopy
from huffleraft.store.copies import (
    PAGE_BYTES,
    CopyWriter,
    Page,
    RowsPage,
    SessionsPage,
    page_of_rows,
    read_pages,
)
from huffleraft.store.memory_copies import written

ROWS = RowsPage([(b"a", b"1", 1, 7), (b"b", b"", 2, 9)])
MORE_ROWS = RowsPage([(b"c", b"3", 1, 8)])
SESSIONS = SessionsPage([(2, 1, 9, b"answer"), (4, 0, 4, b"")])
PAGES = (ROWS, MORE_ROWS, SESSIONS)

keys = st.binary(min_size=1, max_size=4).filter(lambda key: key.isascii())
numbers = st.integers(0, 50)
rows = st.dictionaries(keys, st.tuples(st.binary(max_size=9), numbers, numbers), max_size=9)
sessions = st.dictionaries(st.integers(1, 50), st.tuples(numbers, numbers, st.binary(max_size=9)))


def read(copy: SnapshotCopy, data: bytes) -> list[Page]:
    return list(read_pages(BytesIO(data), copy))


def announced(copy: SnapshotCopy, data: bytes) -> SnapshotCopy:
    """What a sender would announce who believes in *data*."""
    return SnapshotCopy(copy.index, len(data), sha256(data).digest())


@given(rows, sessions)
def test_what_is_written_is_read(
    rows: dict[bytes, tuple[bytes, int, int]], sessions: dict[int, tuple[int, int, bytes]]
) -> None:
    of_rows = RowsPage(sorted((key, *rest) for key, rest in rows.items()))
    of_sessions = SessionsPage(sorted((id_, *rest) for id_, rest in sessions.items()))
    copy, data = written((of_rows, of_sessions), 50)
    assert (copy.size, copy.digest) == (len(data), sha256(data).digest())
    pages: list[Page] = [page for page in (of_rows, of_sessions) if page.records]
    assert read(copy, data) == pages


def test_every_flipped_bit_is_refused() -> None:
    copy, data = written(PAGES, 9)
    for offset in range(len(data)):
        for bit in range(8):
            wrong = bytearray(data)
            wrong[offset] ^= 1 << bit
            with pytest.raises(SnapshotDamaged):
                read(copy, bytes(wrong))
            # All but the header are sealed: a digest over the damaged bytes does not help.
            with pytest.raises(SnapshotDamaged):
                read(announced(copy, bytes(wrong)), bytes(wrong))


def test_a_copy_that_was_cut_or_goes_on_is_refused() -> None:
    copy, data = written(PAGES, 9)
    for size in range(len(data)):
        with pytest.raises(SnapshotDamaged):
            read(copy, data[:size])
        with pytest.raises(SnapshotDamaged):
            read(announced(copy, data[:size]), data[:size])
    with pytest.raises(SnapshotDamaged, match="bytes follow its end"):
        read(copy, data + b"\0")
    with pytest.raises(SnapshotDamaged, match="it ends at byte"):
        read(announced(copy, data + b"\0"), data + b"\0")


def test_a_copy_of_another_index_is_refused() -> None:
    copy, data = written(PAGES, 9)
    with pytest.raises(SnapshotDamaged, match="it is of index 9, and 10 was announced"):
        read(SnapshotCopy(10, copy.size, copy.digest), data)


def test_another_copy_of_the_same_size_is_refused() -> None:
    copy, _ = written(PAGES, 9)
    other, data = written((RowsPage([(b"a", b"2", 1, 7), (b"b", b"", 2, 9)]), *PAGES[1:]), 9)
    assert other.size == copy.size
    with pytest.raises(SnapshotDamaged, match="its digest is not the one that was announced"):
        read(copy, data)


@pytest.mark.parametrize(
    "pages, sentence",
    [
        ((MORE_ROWS, ROWS), "its keys do not ascend"),
        ((ROWS, ROWS), "its keys do not ascend"),
        ((SESSIONS, ROWS), "rows after sessions"),
        ((SESSIONS, SESSIONS), "its ids do not ascend"),
        ((RowsPage([(b"", b"", 1, 1), (b"", b"", 1, 1)]),), "its keys do not ascend"),
        ((RowsPage([(b"\xff", b"", 1, 1)]),), "can't decode"),
        ((RowsPage([(b"a", b"", 1, 10)]),), "a record of index 10 in a copy of index 9"),
        ((SessionsPage([(1, 1, 10, b"")]),), "a record of index 10 in a copy of index 9"),
        ((SessionsPage([(-1, 1, 1, b"")]),), "Expected `int` >= 0"),
    ],
)
def test_well_sealed_pages_that_make_no_state_are_refused(
    pages: Sequence[Page], sentence: str
) -> None:
    copy, data = written(pages, 9)
    with pytest.raises(SnapshotDamaged, match=sentence):
        read(copy, data)


def test_pages_that_were_lost_moved_or_repeated_are_refused() -> None:
    writer = CopyWriter(9)
    head = writer.begin()
    first, second, third = writer.page(ROWS), writer.page(MORE_ROWS), writer.page(SESSIONS)
    end, copy = writer.end()
    for parts in (
        (head, second, third, end),
        (head, first, third, end),
        (head, first, second, end),
        (head, first, first, second, third, end),
        (head, second, first, third, end),
        (head, end),
    ):
        data = b"".join(parts)
        with pytest.raises(SnapshotDamaged, match="does not match its seal"):
            read(announced(copy, data), data)


def test_a_length_is_judged_before_anything_is_read_for_it() -> None:
    copy, data = written(PAGES, 9)
    wrong = bytearray(data)
    wrong[29:33] = b"\xff\xff\xff\xf0"
    for size in (len(data), 1 << 40):
        tracemalloc.start()
        with pytest.raises(SnapshotDamaged, match="says that it has 4294967280 bytes"):
            read(SnapshotCopy(9, size, copy.digest), bytes(wrong))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20


def test_pages_are_filled_and_hold_one_record_at_least() -> None:
    rows = [(b"%04d" % i, bytes(size), 1, 1) for i, size in enumerate((10, PAGE_BYTES, 9, 9))]
    left = iter(rows)
    assert [len(page_of_rows(left).records) for _ in range(3)] == [2, 2, 0]
