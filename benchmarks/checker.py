"""What a verdict costs: CPU and search nodes for long histories of one key.

    .venv/bin/python -m benchmarks.checker
    .venv/bin/python -m benchmarks.checker --sizes 1000,100000 --json

The histories are those of clients that are always busy on a truly linearizable register, each value
written once: sound, with one stale read at nine tenths, and with ten operations of unknown outcome
besides. Timed is what `jepsen-lite check` does once the file is read: the search, the replay of
what it found, and for a violation the few operations that prove it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.sets import reference_ms
from jepsen_lite.checkers import NODES_MAX
from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.judge import judge
from jepsen_lite.checkers.search import Found, Refuted
from jepsen_lite.checkers.shrink import shrink
from jepsen_lite.models import Read
from tests.jepsen_lite.checkers.closed_loop import Load, closed_loop, with_stale_read

_LOST = 10
"""Operations of unknown outcome, where there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One history. CPU is in seconds. *lost* calls are of unknown outcome.

    *core* is how many operations are left as the proof of a violation, 0 without one.
    """

    history: str
    clients: int
    calls: int
    lost: int
    verdict: str
    nodes: int
    verdict_cpu: float
    core: int
    core_cpu: float


def bench(
    sizes: Annotated[
        str, typer.Option(metavar="N,N", help="How many operations each history has.")
    ] = "500,10000",
    seed: Annotated[int, typer.Option(help="Draws the histories.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Judge histories that get longer, and print what each verdict costs."""
    figures = []
    for size in map(int, sizes.split(",")):
        for clients in (10, 50):
            for lost in (0, _LOST):
                sound = with_unknown(closed_loop(Load(calls=size, clients=clients), seed), lost)
                stale = with_stale_read(sound, lag=4 * clients)
                figures.append(measured("sound", clients, lost, sound))
                figures.append(measured("stale read", clients, lost, stale))
    tell(figures, reference_ms(), as_json=as_json)


def with_unknown(calls: Sequence[Call], lost: int) -> list[Call]:
    """*calls*, of which *lost* changes, spread over the first half, were never answered."""
    changes = [at for at, call in enumerate(calls) if not isinstance(call.action, Read)]
    chosen = {changes[len(changes) // 2 * number // lost] for number in range(lost)}
    return [
        Call(call.action, call.invoked, None) if at in chosen else call
        for at, call in enumerate(calls)
    ]


def measured(history: str, clients: int, lost: int, calls: Sequence[Call]) -> Figures:
    """Judge *calls*, and look for the proof if they are impossible."""
    begin = time.process_time()
    outcome = judge(calls, NODES_MAX)
    judged = time.process_time()
    core = len(shrink(calls, outcome).calls) if isinstance(outcome, Refuted) else 0
    done = time.process_time()
    verdict = "unknown"
    if isinstance(outcome, Found | Refuted):
        verdict = "true" if isinstance(outcome, Found) else "false"
    return Figures(
        history=history,
        clients=clients,
        calls=len(calls),
        lost=lost,
        verdict=verdict,
        nodes=outcome.nodes,
        verdict_cpu=judged - begin,
        core=core,
        core_cpu=done - judged,
    )


def tell(figures: Sequence[Figures], reference: float, *, as_json: bool) -> None:
    """Print *figures*: for a program, or as a table for a person."""
    if as_json:
        document = {"figures": [asdict(one) for one in figures], "reference_ms": reference}
        print(json.dumps(document))
        return
    table = Table(title="one key, unique values, clients always busy")
    table.add_column("history")
    for title in (
        "clients",
        "ops",
        "lost",
        "verdict",
        "nodes",
        "CPU s",
        "proof\nops",
        "proof\nCPU s",
    ):
        table.add_column(title, justify="right")
    for one in figures:
        table.add_row(
            one.history,
            str(one.clients),
            f"{one.calls:,}",
            str(one.lost),
            one.verdict,
            f"{one.nodes:,}",
            f"{one.verdict_cpu:.3f}",
            str(one.core or ""),
            f"{one.core_cpu:.3f}" if one.core else "",
        )
    console = Console()
    console.print(table)
    console.print(f"reference loop {reference:.1f} ms of CPU")


if __name__ == "__main__":
    typer.run(bench)
