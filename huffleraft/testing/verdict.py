"""How a check draws, and how it says no."""

from __future__ import annotations

from hypothesis import settings


class NotConforming(AssertionError):  # noqa: N818 - it is a verdict
    """What was promised and not kept, in one sentence."""


def require(holds: bool, promise: str, seen: str) -> None:
    """Raise NotConforming unless what was promised *holds*."""
    if not holds:
        raise NotConforming(f"{promise}: {seen}")


def drawn(examples: int) -> settings:
    """So many examples, the same ones each time, and one verdict: the first that is found."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
    )
