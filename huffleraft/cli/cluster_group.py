"""`huffleraft cluster`: the members of a cluster, asked together, let in, removed, made leader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from huffleraft.cli import exits, options
from huffleraft.cli.output import Output, OutputOption

if TYPE_CHECKING:
    from huffleraft.cli.membership import Asking

app = typer.Typer(
    name="cluster",
    help="Ask all members of a cluster at once, and change who they are.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_EPILOG = exits.exit_codes_text(exits.MEMBER_EXIT_CODES)

Endpoints = Annotated[
    options.Addresses,
    typer.Option(
        metavar="HOST:PORT,...",
        parser=options.readable(options.parse_addresses),
        envvar="HUFFLERAFT_ENDPOINTS",
        show_envvar=True,
        help="One or more members; the others are found through them.",
    ),
]
Seconds = Annotated[
    float,
    typer.Option(
        "--timeout", metavar="S", min=0.01, max=86_400, help="Seconds until it is given up."
    ),
]


@app.command(epilog=exits.exit_codes_text(exits.some(0, 2, 16, 30)))
def status(
    endpoints: Endpoints = "127.0.0.1:7201",  # type: ignore[assignment]  # typer parses the default as well
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0.01, help="Seconds that a member may take to answer.")
    ] = 2.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """One row for each member, also for one that cannot be reached, and why it cannot.

    LAG is by how many entries a member's rows are behind what the cluster has committed. STANDING
    says who votes: learners do not, and who is leaving does until the change of voters is over.

    The exit code is 0 only if there is a leader and a quorum answers, which is a majority of the
    voters, and while they change, of the old ones too.
    """
    from huffleraft.cli import cluster_status  # noqa: PLC0415

    raise typer.Exit(cluster_status.show(endpoints.each, timeout, output))


@app.command(epilog=_EPILOG)
def members(
    endpoints: Endpoints = "127.0.0.1:7201",  # type: ignore[assignment]  # likewise
    timeout: Seconds = 5.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the members, as the node that answers knows them; `status` asks each of them."""
    from huffleraft.cli import membership  # noqa: PLC0415

    membership.members(_asking(endpoints, timeout, output))


@app.command(epilog=_EPILOG)
def join(
    address: Annotated[
        options.Address,
        typer.Argument(
            metavar="ADDRESS",
            parser=options.readable(options.parse_advertised),
            help="Where the members reach the new node: HOST:PORT.",
        ),
    ],
    node_id: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            parser=options.readable(options.parse_node_id),
            help="Let it in only if this is its name.",
        ),
    ] = None,
    learner: Annotated[
        bool, typer.Option("--learner", help="It is to get the log and not to vote.")
    ] = False,
    endpoints: Endpoints = "127.0.0.1:7201",  # type: ignore[assignment]  # likewise
    timeout: Seconds = 60.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let a running node in: first it learns, and once it has caught up it votes.

    Said of a member that has moved, it tells the others the new address. Start the new node with
    `huffleraft serve --join`, which asks to be let in by itself, too.
    """
    from huffleraft.cli import membership  # noqa: PLC0415

    asking = _asking(endpoints, timeout, output)
    membership.join(asking, str(address), node_id, learner=learner)


@app.command(epilog=_EPILOG)
def remove(
    node_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            parser=options.readable(options.parse_node_id),
            help="The member that is to go; its id is never used again.",
        ),
    ],
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Even if those who answer will be no quorum, and nothing is decided."
        ),
    ] = False,
    endpoints: Endpoints = "127.0.0.1:7201",  # type: ignore[assignment]  # likewise
    timeout: Seconds = 60.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Remove a member for good; one that is gone already is no failure."""
    from huffleraft.cli import membership  # noqa: PLC0415

    membership.remove(_asking(endpoints, timeout, output), node_id, force=force)


@app.command(epilog=_EPILOG)
def transfer(
    node_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            parser=options.readable(options.parse_node_id),
            help="The voter that is to lead; whichever is best able to, if none is named.",
        ),
    ] = None,
    endpoints: Endpoints = "127.0.0.1:7201",  # type: ignore[assignment]  # likewise
    timeout: Seconds = 10.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let another member lead, and tell who does once it leads.

    A leader that is stopped by SIGTERM hands over by itself. For moments clients are told to ask
    again, and no write is left in doubt.
    """
    from huffleraft.cli import membership  # noqa: PLC0415

    membership.transfer(_asking(endpoints, timeout, output), node_id)


def _asking(endpoints: options.Addresses, timeout: float, output: Output) -> Asking:
    from huffleraft.cli.membership import Asking  # noqa: PLC0415

    return Asking(endpoints, timeout, output)
