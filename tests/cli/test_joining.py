"""Nodes join a running cluster and leave it, as a user does it: real processes, real commands."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from huffleraft.cli.layout import lay_out
from tests.cli.nodes import FAST, ask, knows_a_leader, stop, three_with_one_leader
from tests.cli.processes import PATIENCE, Running

FREE = ("--listen", "127.0.0.1:0")


def cluster(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "huffleraft", "cluster", *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def standings(endpoint: str) -> dict[str, str]:
    """What the members are, as the node at *endpoint* knows it."""
    run = cluster("members", "--endpoints", endpoint, "-o", "json")
    assert run.returncode == 0, run.stderr
    return {one["id"]: one["standing"] for one in json.loads(run.stdout)["members"]}


def joined(endpoint: str, address: str, *options: str) -> dict[str, object]:
    """What `cluster join` of the node at *address* ends with."""
    run = cluster("join", address, "--endpoints", endpoint, "-o", "json", *options)
    assert (run.returncode, run.stderr) == (0, ""), run.stderr
    told: dict[str, object] = json.loads(run.stdout)
    return told


def removed(endpoint: str, node: str, *options: str) -> subprocess.CompletedProcess[str]:
    return cluster("remove", node, "--endpoints", endpoint, *options)


@contextmanager
def newcomer(data_dir: Path, seeds: str, *options: str) -> Iterator[Running]:
    """A node that joins through *seeds*, listening already."""
    where = ("serve", "--data-dir", data_dir, "--join", seeds)
    with Running(*where, *FREE, *FAST, *options) as running:
        running.ready()
        yield running


@contextmanager
def one(directory: Path) -> Iterator[tuple[Running, str]]:
    """A node that is its whole cluster, at an address at which others reach it."""
    layout = lay_out(1, directory)
    ((node, address),) = layout.addresses.items()
    command = ("serve", "--id", node, "--listen", address, "--data-dir", directory / node)
    with Running(*command, "--bootstrap", layout.bootstrap, *FAST) as running:
        running.line(knows_a_leader)
        yield running, address


def test_a_node_joins_three_is_a_voter_and_holds_what_was_written(tmp_path: Path) -> None:
    with three_with_one_leader(tmp_path) as nodes:
        where = {node: running.ready()["advertise"] for node, running in nodes.items()}
        for number in range(20):
            url = f"http://{where['n1']}/v1/kv/{number}?leader=forward"
            assert ask("PUT", url, str(number).encode())[0] == 200
        seeds = ",".join(where.values())
        with newcomer(tmp_path / "n4", seeds, "--id", "n4") as running:
            told = running.ready()
            assert told["id"] == "n4"
            assert told["advertise"] == told["listen"]
            assert not told["advertise"].endswith(":0")
            last = joined(where["n2"], told["advertise"], "--id", "n4")
            assert (last["id"], last["standing"]) == ("n4", "voter")
            assert last["address"] == told["advertise"]
            everyone = dict.fromkeys(("n1", "n2", "n3", "n4"), "voter")
            assert standings(where["n3"]) == everyone
            for number in range(20):
                url = f"http://{told['listen']}/v1/kv/{number}?leader=forward"
                assert ask("GET", url) == (200, str(number).encode())
            run = cluster("status", "--endpoints", told["listen"], "-o", "json")
            document = json.loads(run.stdout)
            assert (run.returncode, document["serves"]) == (0, True)
            assert {row["id"]: row["standing"] for row in document["members"]} == everyone
            stop(running)


def test_a_node_that_was_told_to_join_becomes_a_voter_by_itself(tmp_path: Path) -> None:
    with one(tmp_path) as (_, address), newcomer(tmp_path / "x", address) as running:
        told = running.ready()
        running.line(knows_a_leader)
        assert joined(address, told["advertise"])["standing"] == "voter"
        assert standings(address) == {"n1": "voter", told["id"]: "voter"}


def test_a_learner_listens_and_stays_one_over_a_restart(tmp_path: Path) -> None:
    with one(tmp_path) as (_, address):
        for boot in ("1", "2"):
            with newcomer(tmp_path / "n2", address, "--id", "n2", "--learner") as running:
                told = running.ready()
                assert told["boot"] == boot
                last = joined(address, told["advertise"], "--learner")
                assert (last["standing"], last["address"]) == ("learner", told["advertise"])
                assert standings(address) == {"n1": "voter", "n2": "learner"}
                stop(running)


def test_to_join_may_stand_in_the_environment(tmp_path: Path) -> None:
    with one(tmp_path) as (_, address):
        env = {"HUFFLERAFT_JOIN": address, "HUFFLERAFT_LEARNER": "true"}
        command = ("serve", "--data-dir", tmp_path / "n2", "--id", "n2", *FREE, *FAST)
        with Running(*command, env=env) as running:
            told = running.ready()
            assert joined(address, told["advertise"], "--learner")["id"] == "n2"
            assert standings(address)["n2"] == "learner"


def test_who_is_removed_ends_by_name_and_never_comes_back(tmp_path: Path) -> None:
    with three_with_one_leader(tmp_path) as nodes:
        where = {node: running.ready()["advertise"] for node, running in nodes.items()}
        for _ in range(2):  # once, and once again
            run = removed(where["n1"], "n3", "-o", "json")
            assert run.returncode == 0, run.stderr
            assert json.loads(run.stdout)["id"] == "n3"
        assert standings(where["n2"]) == {"n1": "voter", "n2": "voter"}
        assert nodes["n3"].end() == 19, nodes["n3"].report()
        assert "n3 was removed from its cluster" in nodes["n3"].sentence()

        founders = ",".join(f"{node}={address}" for node, address in where.items())
        again = ("serve", "--id", "n3", "--listen", where["n3"], "--data-dir", tmp_path / "n3")
        with Running(*again, "--bootstrap", founders, *FAST) as running:
            assert running.end() == 19, running.report()
        # Nor with an empty directory, under its old name.
        join = ("--id", "n3", "--join", where["n1"], *FREE, *FAST)
        with Running("serve", "--data-dir", tmp_path / "new", *join) as running:
            assert running.end() == 19, running.report()
            assert "n3 was removed from its cluster" in running.sentence()


def test_a_removal_that_would_leave_no_quorum_is_refused_unless_forced(tmp_path: Path) -> None:
    with three_with_one_leader(tmp_path) as nodes:
        where = {node: running.ready()["advertise"] for node, running in nodes.items()}
        leader = json.loads(ask("GET", f"http://{where['n1']}/v1/status")[1])["leader"]
        down, up = (node for node in nodes if node != leader)
        nodes[down].send(signal.SIGKILL)
        nodes[down].end()

        run = removed(where[leader], up)
        assert (run.returncode, run.stdout) == (1, "")
        assert "quorum-at-risk" in run.stderr
        assert set(standings(where[leader])) == {"n1", "n2", "n3"}

        run = removed(where[leader], down)  # who is down may go: two of two answer
        assert run.returncode == 0, run.stderr
        assert set(standings(where[leader])) == {leader, up}


def test_a_wish_that_is_fulfilled_may_be_said_again_after_many_writes(tmp_path: Path) -> None:
    """Its answer stands far behind what has been applied since."""
    with one(tmp_path) as (running, address):
        for number in range(3):
            assert ask("PUT", f"http://{address}/v1/kv/{number}", b"1")[0] == 200
        assert joined(address, address)["standing"] == "voter"
        stop(running)


def test_what_is_not_known_and_who_does_not_answer_is_told(tmp_path: Path) -> None:
    with one(tmp_path) as (_, address):
        run = removed(address, "n9")
        assert (run.returncode, run.stdout) == (1, "")
        assert "n9 is not a member and never was one" in run.stderr

        with socket.create_server(("127.0.0.1", 0)) as gone:
            nowhere = f"127.0.0.1:{gone.getsockname()[1]}"
        run = cluster("join", nowhere, "--endpoints", address, "--timeout", "1")
        assert (run.returncode, run.stdout) == (3, "")
        assert f"no node answers at {nowhere}" in run.stderr
        assert standings(address) == {"n1": "voter"}


class OfAnOlderVersion(BaseHTTPRequestHandler):
    """A node that knows nothing of members."""

    def do_GET(self) -> None:
        body = b'{"code": "no-such-route", "definite": true, "detail": "there is nothing here"}'
        self.send_response(404)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Huffleraft-Node", "n1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Standard error is the test's."""


def test_a_newcomer_without_anybody_to_join_through_says_so(tmp_path: Path) -> None:
    """One that is silent is asked for half a minute; one that does not know how, once."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OfAnOlderVersion) as seed:
        thread = threading.Thread(target=seed.serve_forever)
        thread.start()
        address = f"127.0.0.1:{seed.server_address[1]}"
        try:
            command = ("serve", "--data-dir", tmp_path / "x", "--join", address, *FREE)
            with Running(*command) as running:
                assert running.end() == 21, running.report()
                assert f"no member answers at {address}" in running.sentence()
        finally:
            seed.shutdown()
            thread.join()
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("seeds_again", [True, False])
def test_a_member_that_is_started_again_reads_what_it_is_from_its_directory(
    seeds_again: bool, tmp_path: Path
) -> None:
    """What it was told the first time is noted, and may stand there for ever."""
    with one(tmp_path) as (_, address):
        with newcomer(tmp_path / "n2", address, "--id", "n2") as running:
            told = running.ready()
            joined(address, told["advertise"])
            stop(running)
        told_again = ("--join", address) if seeds_again else ()
        again = ("serve", "--data-dir", tmp_path / "n2", "--listen", told["listen"], *FAST)
        with Running(*again, *told_again) as running:
            assert running.ready()["id"] == "n2"
            running.line(knows_a_leader)
            assert standings(told["listen"]) == {"n1": "voter", "n2": "voter"}
            stop(running)
