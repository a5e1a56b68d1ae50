"""`huffleraft kv`: one operation on the keys of a cluster, for a shell.

The commands and their options; what they do is in `cli.keys`, which loads the client.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from huffleraft.cli import exits

_EPILOG = exits.exit_codes_text(exits.KV_EXIT_CODES)

app = typer.Typer(
    name="kv",
    help="Read and write the keys of a cluster, through whichever of its nodes answers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=_EPILOG,
)


class Output(StrEnum):
    """How a list is written."""

    TABLE = "table"
    JSON = "json"


Endpoints = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT,...",
        envvar="HUFFLERAFT_ENDPOINTS",
        help="Nodes to ask, one after the other until one answers.",
    ),
]
Seconds = Annotated[
    float, typer.Option("--timeout", metavar="S", help="Seconds until it is given up.")
]
Stale = Annotated[
    bool, typer.Option("--stale", help="Be content with what some node knows, maybe an old state.")
]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY")]
ValueArgument = Annotated[
    str,
    typer.Argument(metavar="VALUE", help="The value; - or none: standard input."),
]

_LOCAL = "127.0.0.1:7201"


@app.command(epilog=_EPILOG)
def get(
    key: KeyArgument,
    endpoints: Endpoints = _LOCAL,
    timeout: Seconds = 5.0,
    stale: Stale = False,
) -> None:
    """Write a key's value to standard output: its bytes, and nothing else."""
    from huffleraft.cli import keys  # noqa: PLC0415

    keys.get(endpoints, timeout, key, stale=stale)


@app.command(epilog=_EPILOG)
def put(
    key: KeyArgument,
    value: ValueArgument = "-",
    endpoints: Endpoints = _LOCAL,
    timeout: Seconds = 5.0,
) -> None:
    """Give a key a value."""
    from huffleraft.cli import keys  # noqa: PLC0415

    keys.put(endpoints, timeout, key, value)


@app.command(epilog=_EPILOG)
def delete(
    key: KeyArgument,
    endpoints: Endpoints = _LOCAL,
    timeout: Seconds = 5.0,
) -> None:
    """Remove a key; that it is not there is no failure."""
    from huffleraft.cli import keys  # noqa: PLC0415

    keys.delete(endpoints, timeout, key)


@app.command(epilog=_EPILOG)
def cas(
    key: KeyArgument,
    value: ValueArgument = "-",
    old: Annotated[
        str | None, typer.Option(metavar="VALUE", help="The value that it must have.")
    ] = None,
    missing: Annotated[bool, typer.Option("--missing", help="It must not be there.")] = False,
    endpoints: Endpoints = _LOCAL,
    timeout: Seconds = 5.0,
) -> None:
    """Compare and set: give a key a value if it has the one that you name."""
    if (old is None) != missing:
        raise typer.BadParameter("say what the key must have: --old VALUE, or --missing")
    from huffleraft.cli import keys  # noqa: PLC0415

    keys.cas(endpoints, timeout, key, old, value)


@app.command("list", epilog=_EPILOG)
def list_(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="What they begin with.")] = "",
    after: Annotated[
        str, typer.Option(metavar="KEY", help="Begin behind this key, itself left out.")
    ] = "",
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="List so many at most.")
    ] = None,
    values: Annotated[bool, typer.Option("--values", help="List their values too.")] = False,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="json: an array, values in base64.")
    ] = Output.TABLE,
    endpoints: Endpoints = _LOCAL,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="S", help="Seconds until a page is given up.")
    ] = 5.0,
    stale: Stale = False,
) -> None:
    """List keys in order, page by page; each page is the state at one moment."""
    from huffleraft.cli import keys  # noqa: PLC0415

    wanted = keys.Wanted(prefix, after, limit, values=values, stale=stale)
    keys.list_keys(endpoints, timeout, wanted, as_json=output is Output.JSON)
