"""What memory holds above the disk, and what it lets go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.kv.cache import UNKNOWN, Cache
from huffleraft.kv.overlay import Bounds, Overlay
from huffleraft.ports import Flush, Row, SessionRow


def row(value: bytes, index: int = 1) -> Row:
    return Row(value, 1, index)


def test_a_cache_knows_that_a_key_is_missing() -> None:
    cache = Cache(10, 1000)
    assert cache.get("k") is UNKNOWN
    cache.admit("k", None)
    assert cache.get("k") is None


def test_a_full_cache_lets_go_of_the_longest_unused() -> None:
    cache = Cache(2, 1000)
    cache.admit("a", None)
    cache.admit("b", None)
    cache.get("a")
    cache.admit("c", None)
    assert cache.get("b") is UNKNOWN
    assert cache.get("a") is None


def test_a_cache_is_bounded_in_bytes_too() -> None:
    cache = Cache(10, 100)
    cache.admit("a", row(bytes(60)))
    cache.admit("b", row(bytes(60)))
    assert cache.get("a") is UNKNOWN
    assert cache.get("b") == row(bytes(60))


def test_a_row_larger_than_the_cache_is_not_kept() -> None:
    cache = Cache(10, 100)
    cache.admit("a", row(bytes(200)))
    assert len(cache) == 0


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 50))))
def test_a_cache_never_exceeds_its_bounds(admitted: list[tuple[str, int]]) -> None:
    cache = Cache(4, 100)
    for key, size in admitted:
        cache.admit(key, row(bytes(size)))
        held = {one: cache.get(one) for one in "abcdef"}
        sizes = [1 + len(one.value) for one in held.values() if isinstance(one, Row)]
        assert len(sizes) == len(cache) <= 4
        assert sum(sizes) <= 100
        assert held[key] == row(bytes(size))


def is_full(one: Overlay) -> bool:
    return one.is_full


def is_dirty(one: Overlay) -> bool:
    return one.is_dirty


def overlay(**bounds: int) -> Overlay:
    return Overlay(Bounds(**bounds))


def test_a_change_hides_what_the_disk_has() -> None:
    one = overlay()
    one.admit("k", row(b"old"))
    one.write({"k": row(b"new")}, {})
    assert one.get("k") == row(b"new")


def test_a_removed_key_is_known_to_be_missing() -> None:
    one = overlay()
    one.admit("k", row(b"old"))
    one.write({"k": None}, {})
    assert one.get("k") is None


def test_a_flush_takes_all_that_was_changed_and_later_changes_stay_dirty() -> None:
    one = overlay()
    session = SessionRow(1, 2, b"")
    one.write({"k": row(b"1")}, {2: session})
    flush = one.begin_flush(7)
    one.write({"k": row(b"2"), "l": None}, {})
    assert flush == Flush(7, {"k": row(b"1")}, {2: session})
    one.end_flush()
    assert one.get("k") == row(b"2")
    assert one.begin_flush(8) == Flush(8, {"k": row(b"2"), "l": None}, {})


def test_rows_being_flushed_are_still_known() -> None:
    one = overlay(cached_rows=1)
    one.write({"k": row(b"1"), "l": row(b"2")}, {})
    one.begin_flush(1)
    assert (one.get("k"), one.get("l")) == (row(b"1"), row(b"2"))


def test_flushed_rows_are_cached_and_no_longer_dirty() -> None:
    one = overlay()
    one.write({"k": row(b"1")}, {})
    one.begin_flush(1)
    assert is_dirty(one)
    one.end_flush()
    assert not is_dirty(one)
    assert one.get("k") == row(b"1")


def test_what_a_flush_did_not_finish_goes_below_what_has_changed_since() -> None:
    one = overlay()
    one.write({"k": row(b"1"), "l": row(b"1")}, {1: SessionRow(1, 1, b""), 2: None})
    one.begin_flush(1)
    one.write({"k": row(b"2")}, {2: SessionRow(1, 5, b"")})
    one.abandon_flush()
    rows = {"k": row(b"2"), "l": row(b"1")}
    sessions = {1: SessionRow(1, 1, b""), 2: SessionRow(1, 5, b"")}
    assert one.begin_flush(2) == Flush(2, rows, sessions)


def test_an_overlay_is_full_by_number_of_rows_and_sessions() -> None:
    one = overlay(dirty_rows=3)
    one.write({"a": None, "b": None}, {})
    assert not is_full(one)
    one.write({}, {1: None})
    assert is_full(one)
    one.begin_flush(1)
    assert not is_full(one)


@pytest.mark.parametrize("in_session", [False, True])
def test_an_overlay_is_full_by_bytes(in_session: bool) -> None:
    one = overlay(dirty_bytes=100)
    for index in (1, 2):
        assert not is_full(one)
        if in_session:
            one.write({}, {1: SessionRow(1, index, bytes(50))})
        else:
            one.write({"k": row(bytes(49))}, {})
    assert is_full(one)


def test_bytes_of_an_abandoned_flush_count_again() -> None:
    one = overlay(dirty_bytes=100)
    one.write({"k": row(bytes(99))}, {})
    one.begin_flush(1)
    assert not is_full(one)
    one.abandon_flush()
    assert is_full(one)
