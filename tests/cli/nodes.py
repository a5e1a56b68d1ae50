"""Nodes as real processes: one that is its whole cluster, or three; and how to ask them."""

import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from huffleraft.cli.layout import lay_out
from tests.cli.processes import PATIENCE, Running, serving

ALONE = ("--id", "n1", "--bootstrap", "n1=127.0.0.1:7900", "--listen", "127.0.0.1:0")
FAST = ("--heartbeat-ms", "60", "--election-ms", "400-800")


def ask(method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """The status and the body that a node answers with."""
    asked = urllib.request.Request(url, body, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def knows_a_leader(line: str) -> bool:
    """Whether a node's log line, in the house notation, tells of a leader."""
    return " LEADER " in line or "  of n" in line


@contextmanager
def alone(data_dir: Path, *options: str) -> Iterator[tuple[Running, str]]:
    """A node that is its whole cluster, ready, and its address."""
    with serving("--data-dir", data_dir, *ALONE, *FAST, *options) as running:
        running.line(knows_a_leader)
        yield running, running.ready()["listen"]


def stop(running: Running, signum: signal.Signals = signal.SIGTERM) -> None:
    running.send(signum)
    assert running.end() == 0, running.report()
    assert "Traceback" not in running.report()


@contextmanager
def three_with_one_leader(directory: Path) -> Iterator[dict[str, Running]]:
    """Three nodes that log every step; each knows the leader."""
    layout = lay_out(3, directory)
    with ExitStack() as stack:
        nodes = {
            node: stack.enter_context(
                Running(
                    *("serve", "--id", node, "--listen", address),
                    *("--data-dir", directory / node, "--bootstrap", layout.bootstrap),
                    *("--request-timeout", "60", "--log-level", "debug", *FAST),
                )
            )
            for node, address in layout.addresses.items()
        }
        for running in nodes.values():
            running.line(knows_a_leader)
        yield nodes
