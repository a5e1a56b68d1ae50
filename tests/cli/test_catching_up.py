"""Real processes that catch up by snapshot, each killed without a word at its worst moment."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from huffleraft.cli.layout import Layout
from tests.cli.nodes import FAST, ask, knows_a_leader
from tests.cli.processes import Running
from tests.raftstore.stores import free_addresses

SMALL = ("--snapshot-entries", "200", "--trailing-entries", "20")
KEYS = 1_000
VALUE = bytes(8_000)


class Three:
    """Three nodes, each of which can be killed and started again."""

    def __init__(self, layout: Layout, stack: ExitStack) -> None:
        self.layout = layout
        self.running: dict[str, Running] = {}
        self._stack = stack

    def start(self, node_id: str) -> Running:
        address = self.layout.addresses[node_id]
        running = Running(
            *("serve", "--id", node_id, "--listen", address),
            *("--data-dir", self.layout.data_dir / node_id),
            *("--bootstrap", self.layout.bootstrap, "--request-timeout", "20", *FAST, *SMALL),
        )
        self.running[node_id] = self._stack.enter_context(running)
        running.ready()
        return running

    def kill(self, node_id: str) -> None:
        running = self.running.pop(node_id)
        running.process.kill()
        running.process.wait()
        assert "Traceback" not in running.report()

    def status(self, node_id: str, *, hashed: bool = False) -> dict[str, Any]:
        url = f"http://{self.layout.addresses[node_id]}/v1/status"
        code, body = ask("GET", url + ("?hash=true" if hashed else ""))
        assert code == 200
        told: dict[str, Any] = json.loads(body)
        return told

    def leader(self) -> str:
        while True:
            latest = max(map(self.status, self.running), key=lambda told: told["term"])
            if latest["leader"] in self.running:
                return str(latest["leader"])

    def put(self, key: str, value: bytes) -> None:
        """Write on whichever node leads, until it is done: a new leader may be needed first."""
        code = 0
        while code != 200:
            code, _ = ask(
                "PUT", f"http://{self.layout.addresses[self.leader()]}/v1/kv/{key}", value
            )

    def until(self, node_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        told = self.status(node_id, hashed=True)
        while not holds(told):
            told = self.status(node_id, hashed=True)
        return told


@pytest.mark.timeout(120)
def test_receiver_and_sender_are_killed_and_all_agree_in_the_end(tmp_path: Path) -> None:
    with ExitStack() as stack:
        addresses = dict(zip(("n1", "n2", "n3"), free_addresses(3), strict=True))
        three = Three(Layout(addresses, tmp_path), stack)
        for node_id in three.layout.addresses:
            three.start(node_id)
        for running in three.running.values():
            running.line(knows_a_leader)
        sender = three.leader()
        down = next(node_id for node_id in three.running if node_id != sender)
        three.kill(down)
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(lambda n: three.put(f"k{n:04}", VALUE), range(KEYS)))

        # The receiver, in the middle of the stream.
        three.start(down)
        first = three.running[sender].line(f"sends {down} the snapshot")
        three.kill(down)
        # The sender, in the middle of the next.
        three.start(down)
        three.running[sender].line(
            lambda line: f"sends {down} the snapshot" in line and line != first
        )
        three.kill(sender)
        # The receiver again, when it has just installed.
        three.running[down].line("installed the snapshot")
        three.kill(down)
        three.start(sender)
        three.start(down)

        three.put("last", b"")
        last = three.status(three.leader())["commit_index"]
        hashes = {
            three.until(node_id, lambda told: told["hash_index"] >= last)["hash"]
            for node_id in three.running
        }
        assert len(hashes) == 1
        assert three.status(down)["snapshot"]["last_included_index"] > KEYS / 2
        disk = three.status(down)["disk"]
        assert disk["incoming"] == 0
        assert disk["total"] > KEYS * len(VALUE)
