"""`huffleraft serve`: one node in one process, from the first line of its log to its exit.

An embedded node leaves signals, logging and the interpreter alone, for they are its
application's.  Here the process is the node's own, so this file takes all three in hand.

- SIGTERM and Ctrl-C stop the node in good order: what it holds is finished or failed within the
  settings' `stop_timeout`, and the exit code is 0.  A second one ends the process at once, which
  is safe at any moment: what was promised is on the disk already.
- Logging goes to standard error; standard output holds the one line that says `ready`.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio

from huffleraft.cli import log_lines
from huffleraft.cli.trace import tracing
from huffleraft.core import Limits
from huffleraft.errors import ConfigurationInvalid
from huffleraft.settings import NodeSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from huffleraft.cli.options import Address, Addresses, ElectionBounds
    from huffleraft.raftstore import RaftStore
    from huffleraft.runtime.driver import Observer

LOGGER = logging.getLogger("huffleraft.serve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the command line asks of one node, each part readable, not yet known to fit."""

    data_dir: Path
    node_id: str | None
    listen: Address
    advertise: Address | None
    cluster: str
    bootstrap: dict[str, str] | None
    join: Addresses | None
    learner: bool
    heartbeat_ms: int
    election_ms: ElectionBounds
    request_timeout: float
    snapshot_entries: int
    trailing_entries: int
    trace: Path | None
    log: str
    log_level: str
    backend: str

    def settings(self) -> NodeSettings:
        """The node's settings.  Raises ConfigurationInvalid where two of them contradict."""
        try:
            return NodeSettings(
                heartbeat=self.heartbeat_ms / 1000,
                election_min=self.election_ms.least / 1000,
                election_max=self.election_ms.most / 1000,
                request_timeout=self.request_timeout,
                snapshot_entries=self.snapshot_entries,
                limits=Limits(trailing_entries=self.trailing_entries),
            )
        except ValueError as error:
            raise ConfigurationInvalid(str(error)) from None

    def founders(self) -> dict[str, str] | None:
        """Who founds this node's cluster; None where it joins one that runs.

        A list of founders may stand in the environment of many nodes: whoever joins and is not
        on it is not meant by it.
        """
        if self.join is not None and self.bootstrap is not None:
            return self.bootstrap if self.node_id in self.bootstrap else None
        return self.bootstrap

    def seeds(self) -> tuple[str, ...] | None:
        """Through whom to join; None where nobody is to be asked.

        Raises ConfigurationInvalid where the node is to be a founder too, or is to listen to
        nobody.
        """
        if self.join is not None and self.founders() is not None:
            raise ConfigurationInvalid(
                "--join says that this node joins a cluster and --bootstrap that it founds one; "
                "give one of them, or an id that is not among the founders"
            )
        if self.learner and self.join is None:
            raise ConfigurationInvalid(
                "--learner says how to join a cluster, and --join names no member to join through; "
                "give both or neither"
            )
        return self.join.each if self.join is not None else None

    def advertised(self) -> str | None:
        """The address to advertise; None where only the bound port can tell.

        Without `--advertise` it is the one `--bootstrap` has for this id, else the one listened
        on.  Raises ConfigurationInvalid where they contradict or none can be told to others.
        """
        founder = self._founder_address()
        if self.advertise is not None:
            if founder is not None and str(self.advertise) != founder:
                raise ConfigurationInvalid(
                    f"--advertise says {self.advertise} and --bootstrap has {founder} for "
                    f"{self.node_id}; give one and the same address"
                )
            return str(self.advertise)
        if founder is not None:
            return founder
        if self.listen.is_unspecified:
            raise ConfigurationInvalid(
                f"the node listens on {self.listen}, which names no machine; say with "
                "--advertise HOST:PORT at which address the others reach it"
            )
        return str(self.listen) if self.listen.port else None

    def _founder_address(self) -> str | None:
        founders = self.founders()
        if founders is None:
            return None
        if self.node_id is None:
            raise ConfigurationInvalid(
                "--bootstrap names the founders, but not which of them this node is; "
                "say so with --id"
            )
        if self.node_id not in founders:
            raise ConfigurationInvalid(
                f"--bootstrap names {', '.join(founders)}, and --id {self.node_id} is none "
                "of them; a founder is named on its own list"
            )
        return founders[self.node_id]


def serve(orders: Orders) -> None:
    """Run the node that *orders* describe until it is told to stop.  Raises HuffleraftError."""
    orders.settings()  # what cannot work is told before anything is touched
    orders.seeds()
    orders.advertised()
    if orders.backend == "trio" and find_spec("trio") is None:
        raise ConfigurationInvalid(
            "trio is not installed; install huffleraft[trio], or run on asyncio"
        )
    formatter = log_lines.configure_logging(
        orders.log_level, orders.node_id, as_json=orders.log == "json"
    )
    # The writer thread and the event loop pass the interpreter to and fro at every commit, and
    # the usual turn of 5 ms would be waited out by one of them each time.
    sys.setswitchinterval(0.0005)
    # The log is a great many small immutable objects without cycles.  Walking them finds nothing
    # and stalls heartbeats, so the collector comes seldom, and never to what start-up made.
    gc.set_threshold(100_000, 20, 100)
    with ExitStack() as stack:
        observe = stack.enter_context(tracing(orders.trace)).observe if orders.trace else None
        anyio.run(_run, orders, formatter, observe, backend=orders.backend)


async def _run(
    orders: Orders, formatter: log_lines.LineFormatter, observe: Observer | None
) -> None:
    from huffleraft.raftstore import RaftStore  # noqa: PLC0415  # a bad option is told sooner

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as tasks:
            stop = _Stop(tasks.cancel_scope)
            tasks.start_soon(stop.listen, signals)
            async with RaftStore.open(
                orders.data_dir,
                node_id=orders.node_id,
                listen=str(orders.listen),
                advertise=orders.advertised(),
                cluster=orders.cluster,
                bootstrap=orders.founders(),
                join=orders.seeds(),
                learner=orders.learner,
                settings=orders.settings(),
                observe=observe,
            ) as store:
                formatter.node_id = store.node_id
                gc.freeze()
                _announce(store)
                await stop.asked()
                LOGGER.info("stopping; a second signal stops at once")
            tasks.cancel_scope.cancel()
    LOGGER.info("stopped")


def _announce(store: RaftStore) -> None:
    """Tell a program, by one line of standard output, that we serve."""
    print(
        f"ready id={store.node_id} listen={store.address} advertise={store.advertised} "
        f"boot={store.boot}",
        flush=True,
    )


class _Stop:
    """The wish to stop: the first signal is a request, the second an order."""

    def __init__(self, everything: anyio.CancelScope) -> None:
        self._everything = everything
        self._asked = anyio.Event()
        self._open = False

    async def asked(self) -> None:
        """Wait, now that the node is open, until a first signal comes."""
        self._open = True
        await self._asked.wait()

    async def listen(self, signals: AsyncIterator[signal.Signals]) -> None:
        """Take signals for as long as the process runs."""
        async for signum in signals:
            if self._asked.is_set():
                LOGGER.warning("stopping at once")
                os._exit(128 + signum)
            self._asked.set()
            if not self._open:  # nobody is served yet, so there is nothing to finish
                self._everything.cancel()
