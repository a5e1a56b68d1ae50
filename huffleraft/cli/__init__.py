"""The command line: `serve` runs one node, `dev` a whole cluster, the others look and ask.

This file names the commands and their options and imports what a command needs only when it is
called, since a node should not wait for the libraries of another command.

Exit codes, as `cli.exits` lists them beside those of `kv` and of changes of members: 0 stopped as
asked; 2 usage; 10 data directory in use; 11 damaged; 12 written by a newer version; 13 another
node's or cluster's; 14 not writable; 15 address in use; 16 options that cannot work; 17 a founder's
disk is gone; 18 the disk is full; 19 removed from its cluster; 20 the storage failed; 21 nobody to
join through; 22 not let in; 30 the cluster does not serve; 130 or 143 stopped at once by a second
signal; 1 anything else.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huffleraft.cli import cluster_group, config_group, exits, inspect_group, kv, options
from huffleraft.cli.layers import ConfigOption, LayeredCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="huffleraft",
    help="A replicated key-value store on Raft.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # plain text: an error is a sentence, not a picture
    pretty_exceptions_enable=False,
)
app.add_typer(kv.app)
app.add_typer(cluster_group.app)
app.add_typer(inspect_group.app)
app.add_typer(config_group.app)


class Backend(StrEnum):
    """The event loop under a node."""

    ASYNCIO = "asyncio"
    TRIO = "trio"


class LogLevel(StrEnum):
    """The least urgent line that is shown."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogForm(StrEnum):
    """What a log line is."""

    TEXT = "text"
    JSON = "json"


def _show_version(wanted: bool) -> None:
    if wanted:
        from huffleraft import __version__  # noqa: PLC0415

        print(f"huffleraft {__version__}")
        raise typer.Exit


@app.callback()
def _huffleraft(
    version: Annotated[  # typer hands it to the callback
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """A replicated key-value store on Raft."""


Level = Annotated[LogLevel, typer.Option(help="The least urgent log line to show.")]
Loop = Annotated[Backend, typer.Option(help="The event loop to run on.")]
SnapshotEntries = Annotated[
    int, typer.Option(metavar="N", help="Take a snapshot after so many entries.")
]
TrailingEntries = Annotated[
    int, typer.Option(metavar="N", help="Entries kept behind it, for nodes that are a little late.")
]


@app.command(cls=LayeredCommand, epilog=exits.exit_codes_text())
def serve(
    data_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="Where this node, and it alone, keeps its state.")
    ],
    node_id: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            parser=options.readable(options.parse_node_id),
            help="This node's name; drawn if the directory is new and none is given.",
        ),
    ] = None,
    listen: Annotated[
        options.Address,
        typer.Option(
            metavar="HOST:PORT",
            parser=options.readable(options.parse_address),
            help="Where to accept clients and peers; port 0 takes any free one.",
        ),
    ] = "127.0.0.1:7201",  # type: ignore[assignment]  # typer parses the default as well
    advertise: Annotated[
        options.Address | None,
        typer.Option(
            metavar="HOST:PORT",
            parser=options.readable(options.parse_advertised),
            help="Where clients and peers reach this node, if that is not where it listens.",
        ),
    ] = None,
    cluster: Annotated[
        str, typer.Option(metavar="NAME", help="The cluster's name; nodes of another are refused.")
    ] = "huffleraft",
    bootstrap: Annotated[
        dict[str, str] | None,
        typer.Option(
            metavar="ID=HOST:PORT,...",
            parser=options.readable(options.parse_bootstrap),
            help="All founders, the same list on each; used only if the directory is empty.",
        ),
    ] = None,
    join: Annotated[
        options.Addresses | None,
        typer.Option(
            metavar="HOST:PORT,...",
            parser=options.readable(options.parse_addresses),
            help="Members through which to join a cluster; used until this node is a member.",
        ),
    ] = None,
    learner: Annotated[
        bool, typer.Option("--learner", help="With --join: get the log, and do not vote.")
    ] = False,
    heartbeat_ms: Annotated[
        int, typer.Option(metavar="MS", help="How often a leader speaks.")
    ] = 100,
    election_ms: Annotated[
        options.ElectionBounds,
        typer.Option(
            metavar="MIN-MAX",
            parser=options.readable(options.parse_election_ms),
            help="How long a follower waits for a leader: drawn anew each time.",
        ),
    ] = "600-1200",  # type: ignore[assignment]  # likewise
    request_timeout: Annotated[
        float, typer.Option(metavar="S", help="Seconds until an unanswered request is given up.")
    ] = 5.0,
    snapshot_entries: SnapshotEntries = 10_000,
    trailing_entries: TrailingEntries = 1_000,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every step there, one JSON object a line."),
    ] = None,
    log: Annotated[
        LogForm, typer.Option(help="Log lines for people, or a JSON object each for programs.")
    ] = LogForm.TEXT,
    log_level: Level = LogLevel.INFO,
    backend: Loop = Backend.ASYNCIO,
    config: ConfigOption = None,
) -> None:
    """Run one node until SIGTERM or Ctrl-C; a second one stops it at once.

    The same command starts a node for the first time and every time after.  As soon as it
    listens it prints one line to standard output: ready id=ID listen=HOST:PORT
    advertise=HOST:PORT boot=NUMBER.
    """
    del config  # the other options have been read from it
    from huffleraft.cli import serving  # noqa: PLC0415

    serving.serve(
        serving.Orders(
            data_dir=data_dir,
            node_id=node_id,
            listen=listen,
            advertise=advertise,
            cluster=cluster,
            bootstrap=bootstrap,
            join=join,
            learner=learner,
            heartbeat_ms=heartbeat_ms,
            election_ms=election_ms,
            request_timeout=request_timeout,
            snapshot_entries=snapshot_entries,
            trailing_entries=trailing_entries,
            trace=trace,
            log=log.value,
            log_level=log_level.value,
            backend=backend.value,
        )
    )


@app.command(cls=LayeredCommand, epilog=exits.exit_codes_text())
def dev(
    nodes: Annotated[
        int | None,
        typer.Option(
            "--nodes", "-n", min=1, max=9, show_default="3", help="How many nodes to run."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            "--data",
            metavar="DIR",
            help="Keep the data here, and run on with what is here; else it is temporary.",
        ),
    ] = None,
    snapshot_entries: SnapshotEntries = 10_000,
    trailing_entries: TrailingEntries = 1_000,
    log_level: Level = LogLevel.INFO,
    backend: Loop = Backend.ASYNCIO,
    config: ConfigOption = None,
) -> None:
    """Run a cluster in this terminal until Ctrl-C; a second one stops it at once."""
    del config  # likewise
    from huffleraft.cli import developing  # noqa: PLC0415

    passed_on = {
        "--snapshot-entries": snapshot_entries,
        "--trailing-entries": trailing_entries,
        "--log-level": log_level.value,
        "--backend": backend.value,
    }
    raise typer.Exit(developing.run(nodes, data_dir, passed_on))


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line, on *args* or the process's own, and exit as `cli.exits` says."""
    try:
        app(args=args, prog_name="huffleraft")
    except Exception as error:
        fact = exits.cause_of(error)
        if fact is None:
            raise
        print(f"huffleraft: {fact}", file=sys.stderr)
        sys.exit(fact.exit_code)
