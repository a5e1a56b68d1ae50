"""Files of one JSON object a line, also after a crash in the middle of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from jepsen_lite.clock import RunClock, seconds
from jepsen_lite.jsonl import Lines, read_lines


@dataclass(frozen=True)
class Point:
    x: int
    y: str | None = None


def test_what_was_appended_is_read_again_also_by_another_and_later(tmp_path: Path) -> None:
    file = tmp_path / "made" / "points.jsonl"
    for x in range(2):
        lines = Lines(file)
        lines.append(Point(x, "\n"))
        assert read_lines(file, Point)[-1] == Point(x, "\n")
        lines.close()
    assert read_lines(file, Point) == (Point(0, "\n"), Point(1, "\n"))


def test_no_file_has_no_lines(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "none", Point) == ()


def test_a_last_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "points.jsonl"
    file.write_text('{"x":1}\n{"x":2')
    assert read_lines(file, Point) == (Point(1),)


def test_a_line_that_is_something_else_is_named(tmp_path: Path) -> None:
    file = tmp_path / "points.jsonl"
    file.write_text('{"x":1}\n{"x":"one"}\n{"x":3}\n')
    with pytest.raises(ValueError, match=r"points.jsonl, line 2: Expected `int`, got `str`"):
        read_lines(file, Point)


def test_the_clock_of_a_run_begins_at_nothing_and_never_falls() -> None:
    clock = RunClock()
    readings = [clock.now() for _ in range(100)]
    assert 0 <= seconds(readings[0]) < 1
    assert readings == sorted(readings)
