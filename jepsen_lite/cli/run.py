"""`jepsen-lite run`: break a real cluster, judge what its clients saw, and draw it."""

import asyncio
import secrets
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jepsen_lite.cli.exits import UsageFault

if TYPE_CHECKING:
    from rich.console import Console

    from jepsen_lite.plan import Plan
    from jepsen_lite.verdicts import Results

NODES_MAX = 9


def run(
    nodes: Annotated[int, typer.Option(min=1, max=NODES_MAX, help="Real processes.")] = 5,
    time_limit: Annotated[
        float, typer.Option(min=1, max=3600, metavar="SECONDS", help="How long faults are dealt.")
    ] = 60.0,
    seed: Annotated[
        int | None, typer.Option(help="Of all chance; printed, and drawn if absent.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the nodes' data in any case.")] = False,
    plant: Annotated[
        str | None, typer.Option(metavar="NAME", help="A known bug to be put into the product.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"),
) -> int:
    """Break a cluster: exit 0 no fault found, 1 a fault found, 2 unknown."""
    from rich.console import Console  # noqa: PLC0415 - slow, and the other commands need it not

    from jepsen_lite.cluster import ClusterNotReady, NodeNotStarted  # noqa: PLC0415
    from jepsen_lite.folders import new_run_folder  # noqa: PLC0415
    from jepsen_lite.plan import Plan  # noqa: PLC0415
    from jepsen_lite.plants.catalogue import PLANTS  # noqa: PLC0415
    from jepsen_lite.verdict import Verdict  # noqa: PLC0415

    if plant is not None and plant not in PLANTS:
        raise UsageFault(f"{plant!a} is no plant; known are {', '.join(PLANTS)}")
    console = Console()
    drawn = secrets.randbits(32) if seed is None else seed
    plan = Plan(seed=drawn, nodes=nodes, faults_seconds=time_limit, plant=plant)
    try:
        folder = new_run_folder(runs, drawn)
    except OSError as error:
        raise UsageFault(f"no run folder can be made in {str(runs)!a}: {error.strerror}") from None
    console.print(f"seed {drawn}, {nodes} nodes, {time_limit:g} s of faults, in {folder}")
    try:
        results = _perform(plan, folder, console)
    except (ClusterNotReady, NodeNotStarted) as failure:
        said = " ".join(str(failure).split())
        print(f"jepsen-lite: no cluster came to be, so nothing was shown: {said}", file=sys.stderr)
        return Verdict.UNKNOWN.exit_code
    _tell(results, folder, console, keep=keep)
    return results.valid.exit_code


def _perform(plan: "Plan", folder: Path, console: "Console") -> "Results":
    """Run, then judge; Ctrl-C ends the faults early, and what there is is judged.

    A second Ctrl-C ends the nodes and everything, unjudged: KeyboardInterrupt.
    """
    from jepsen_lite.run import perform  # noqa: PLC0415
    from jepsen_lite.schedule import Progress  # noqa: PLC0415
    from jepsen_lite.verdicts import judge  # noqa: PLC0415

    progress = Progress()

    async def watched() -> None:
        running = asyncio.current_task()
        assert running is not None, "this is a task"

        def interrupt() -> None:
            if progress.stop.is_set():
                running.cancel()
            progress.stop.set()

        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
        with console.status("starting") as status:

            async def tell() -> None:
                while True:
                    status.update(progress.line())
                    await asyncio.sleep(0.25)

            telling = asyncio.create_task(tell())
            try:
                await perform(plan, folder, progress)
            finally:
                telling.cancel()

    try:
        asyncio.run(watched())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    return judge(folder)


def _tell(results: "Results", folder: Path, console: "Console", *, keep: bool) -> None:
    """The verdict in words, what was done and broken, and where to look."""
    from jepsen_lite.folders import remove_data  # noqa: PLC0415
    from jepsen_lite.report import write_report  # noqa: PLC0415
    from jepsen_lite.verdict import Verdict  # noqa: PLC0415

    report = write_report(folder)
    for check in results.checks:
        told = f"  {check.name:13} {check.valid.value:8} {check.message}"
        console.print(told, highlight=False, markup=False, soft_wrap=True)
    words = {
        Verdict.TRUE: "no fault was found",
        Verdict.FALSE: "A FAULT WAS FOUND",
        Verdict.UNKNOWN: "this run proves nothing",
    }
    console.print(f"verdict: {results.valid.value}, {words[results.valid]}", style="bold")
    if results.valid is Verdict.TRUE and not keep:
        remove_data(folder)
    latest = folder.parent / "latest" / report.name
    console.print(f"report: {latest.absolute().as_uri()}", soft_wrap=True, highlight=False)
