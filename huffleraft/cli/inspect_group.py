"""`huffleraft inspect`: what a stopped node's directory holds, without changing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huffleraft.cli import exits
from huffleraft.cli.output import Output, OutputOption

app = typer.Typer(
    name="inspect",
    help="Look into the data directory of a node that is stopped; nothing in it is changed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DataDir = Annotated[Path, typer.Argument(metavar="DATA_DIR", help="A node's data directory.")]

_EPILOG = exits.exit_codes_text(exits.some(0, 2, 10, 11, 12, 14, 16))


@app.command(epilog=_EPILOG)
def log(
    data_dir: DataDir,
    values: Annotated[
        bool, typer.Option("--values", help="Show commands with their keys and values too.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Every entry of the log: its index and term, what it is, its size (JSON: one a line)."""
    from huffleraft.cli import inspecting  # noqa: PLC0415

    inspecting.show_log(data_dir, output, values=values)


@app.command(epilog=_EPILOG)
def state(data_dir: DataDir, output: OutputOption = Output.TABLE) -> None:
    """Who the node is, its vote, where its log and its rows stand, and what its files take."""
    from huffleraft.cli import inspecting  # noqa: PLC0415

    inspecting.show_state(data_dir, output)


@app.command(epilog=_EPILOG)
def verify(data_dir: DataDir, output: OutputOption = Output.TABLE) -> None:
    """Check every frame, page, seal and index as a start would; name the first that is wrong."""
    from huffleraft.cli import inspecting  # noqa: PLC0415

    inspecting.verify(data_dir, output)
