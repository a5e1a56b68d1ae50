"""The one time axis of all drawings: nanoseconds of the run, as places from left to right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jepsen_lite.report.markup import Element, el

WIDTH: Final = 1200.0
LEFT: Final = 104.0
"""Room for the names of lanes."""
RIGHT: Final = 8.0

_STEPS_NS: Final = tuple(
    int(step * 1e9)
    for step in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 300)
)
_TICKS_MAX: Final = 14


@dataclass(frozen=True, slots=True)
class Axis:
    """From *begin_ns* to *end_ns* of the run."""

    begin_ns: int
    end_ns: int

    def x(self, time_ns: int) -> float:
        """The place of *time_ns*; what lies outside is put on the edge."""
        span = max(self.end_ns - self.begin_ns, 1)
        inside = min(max(time_ns, self.begin_ns), self.end_ns)
        return LEFT + (WIDTH - LEFT - RIGHT) * (inside - self.begin_ns) / span

    def covers(self, begin_ns: int, end_ns: int) -> bool:
        """Whether any of the span is on the axis."""
        return begin_ns <= self.end_ns and end_ns >= self.begin_ns

    def ticks(self, top: float, bottom: float) -> Iterator[Element]:
        """Vertical lines at round times, and the times in words below them."""
        span = self.end_ns - self.begin_ns
        step = next((one for one in _STEPS_NS if span / one <= _TICKS_MAX), _STEPS_NS[-1])
        first = -(-self.begin_ns // step) * step
        for at in range(first, self.end_ns + 1, step):
            x = self.x(at)
            yield el("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=top, y2=bottom, class_="tick")
            yield el("text", _told(at, step), x=f"{x:.1f}", y=bottom + 12, class_="time")


def _told(time_ns: int, step_ns: int) -> str:
    digits = 0 if step_ns >= 10**9 else 1 if step_ns >= 10**8 else 3
    return f"{time_ns / 1e9:.{digits}f} s"
