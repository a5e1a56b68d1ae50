"""`huffleraft cluster`: the members of a cluster, asked together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from huffleraft.cli import exits, options
from huffleraft.cli.output import Output, OutputOption

app = typer.Typer(
    name="cluster",
    help="Ask all members of a cluster at once.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where to ask."""

    addresses: tuple[str, ...]


def _endpoints(text: str) -> Endpoints:
    try:
        return Endpoints(tuple(str(options.parse_address(one.strip())) for one in text.split(",")))
    except options.UnreadableError as error:
        raise typer.BadParameter(str(error)) from None


@app.command(epilog=exits.exit_codes_text(exits.some(0, 2, 16, 30)))
def status(
    endpoints: Annotated[
        Endpoints,
        typer.Option(
            metavar="HOST:PORT,...",
            parser=_endpoints,
            envvar="HUFFLERAFT_ENDPOINTS",
            show_envvar=True,
            help="One or more members; the others are found through them.",
        ),
    ] = "127.0.0.1:7201",  # type: ignore[assignment]  # typer parses the default as well
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0.01, help="Seconds that a member may take to answer.")
    ] = 2.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """One row for each member, also for one that cannot be reached, and why it cannot.

    LAG is by how many entries a member's rows are behind what the cluster has committed.

    The exit code is 0 only if there is a leader and a quorum answers.
    """
    from huffleraft.cli import cluster_status  # noqa: PLC0415

    raise typer.Exit(cluster_status.show(endpoints.addresses, timeout, output))
