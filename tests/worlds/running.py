"""Runs explorations for people: how far it has come, a row of figures, the first counterexample."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.worlds.beginning import begin
from tests.worlds.catalogue import WORLDS
from tests.worlds.explore import Report, explore
from tests.worlds.telling import Telling

_HEAD = "world        bound  distinct  generated   depth  CPU s   states/CPU s  steps of the core"
EXHAUSTED, BROKEN, INTERRUPTED = 0, 1, 2


def run_all(names: Sequence[str], bound: str, most: int | None) -> int:
    """Explore the worlds of *names* within *bound*, and print a row for each."""
    _say(_HEAD)
    for name in names:
        bounds = WORLDS[name].bounds(bound)
        world = begin(bounds)
        with _progress(name) as tell:
            report = explore(world, most=most, tell=tell)
        _say(row(name, bound, report))
        if report.broken:
            _say(f"{report.broken}: {report.seen}")
            _say(Telling(world, report.moves).script(f"{report.broken} does not hold."))
            return BROKEN
        if not report.exhausted:
            _say(f"not exhausted: {report.waiting:,} states wait to be looked at. {report.seen}")
            return INTERRUPTED
    return EXHAUSTED


def run_planted(name: str, bound: str, bug: str, *, by_steps: bool, most: int | None) -> int:
    """Explore the world *name* of a core that has *bug*: it must break, and so must the script."""
    world = begin(WORLDS[name].bounds(bound), check_steps=by_steps)
    with _progress(name) as tell:
        report = explore(world, most=most, tell=tell)
    if not report.broken:
        _say(row(name, bound, report))
        _say(f"{bug}: got away")
        return BROKEN
    telling = Telling(world, report.moves)
    _say(telling.script(f"{bug}: {report.broken} does not hold.") + f"\n{report.seen}")
    if telling.broken != report.broken:
        _say(f"{bug}: the script breaks {telling.broken}, the world {report.broken}")
        return BROKEN
    _say(
        f"{bug}: {report.broken} after {len(report.moves)} moves"
        f" ({report.distinct:,} states, {report.seconds:.1f} s of CPU)"
    )
    return EXHAUSTED


def row(name: str, bound: str, report: Report) -> str:
    """One line of figures about *report*."""
    rate = report.distinct / report.seconds if report.seconds else 0
    return (
        f"{name:12} {bound:5} {report.distinct:>9,} {report.generated:>10,} {report.depth:>7}"
        f" {report.seconds:>6.1f} {rate:>14,.0f} {report.steps:>18,}"
    )


@contextmanager
def _progress(name: str) -> Iterator[Callable[[Report], None]]:
    """A function to tell how far it has come; it is heard only where somebody watches."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name)

        def tell(report: Report) -> None:
            progress.update(
                task,
                description=f"{name}: {report.distinct:,} states, {report.waiting:,} to be looked"
                f" at, depth {report.depth}, {report.distinct / report.seconds:,.0f} a CPU second",
            )

        yield tell


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
