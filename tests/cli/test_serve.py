"""One node as a user runs it: it says when it is ready, stops as asked, and forgets nothing."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.cli.nodes import ALONE, alone, ask, stop, three_with_one_leader
from tests.cli.processes import PATIENCE, Running


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_restarted_node_reads_back_what_it_acknowledged(backend: str, tmp_path: Path) -> None:
    with alone(tmp_path, "--backend", backend) as (running, address):
        first = running.ready()
        status, _ = ask("PUT", f"http://{address}/v1/kv/a%2Fb", b"hello")
        assert status in {200, 201, 204}, status
        stop(running)

    with alone(tmp_path, "--backend", backend) as (running, address):
        second = running.ready()
        assert ask("GET", f"http://{address}/v1/kv/a%2Fb") == (200, b"hello")
        stop(running, signal.SIGINT)

    assert (first["id"], first["advertise"]) == ("n1", "127.0.0.1:7900")
    assert int(second["boot"]) == int(first["boot"]) + 1


def test_a_killed_node_reads_back_what_it_acknowledged(tmp_path: Path) -> None:
    with alone(tmp_path) as (running, address):
        for number in range(20):
            ask("PUT", f"http://{address}/v1/kv/{number}", str(number).encode())
        running.send(signal.SIGKILL)
        assert running.end() == -signal.SIGKILL

    with alone(tmp_path) as (running, address):
        for number in range(20):
            url = f"http://{address}/v1/kv/{number}"
            assert ask("GET", url) == (200, str(number).encode())
        stop(running)


def test_listening_beyond_this_machine_is_warned_of_once(tmp_path: Path) -> None:
    founders = "n1=127.0.0.1:7900"
    options = ("--id", "n1", "--bootstrap", founders, "--listen", "0.0.0.0:0")
    with Running("serve", "--data-dir", tmp_path, *options) as running:
        running.line("ready id=n1 listen=0.0.0.0:")
        stop(running)

        told = [line for line in running.err if "there is no authentication yet" in line]
        assert len(told) == 1, running.report()


def test_a_second_process_on_one_directory_is_refused_and_the_first_goes_on(
    tmp_path: Path,
) -> None:
    with alone(tmp_path) as (first, address):
        with Running("serve", "--data-dir", tmp_path, *ALONE) as second:
            assert second.end() == 10, second.report()
            assert f"{tmp_path} is in use by" in second.sentence()
        assert ask("PUT", f"http://{address}/v1/kv/k", b"v")[0] < 300
        stop(first)


def test_another_id_on_a_directory_is_refused_by_name(tmp_path: Path) -> None:
    with alone(tmp_path) as (running, _):
        stop(running)

    other = ("--id", "n2", "--bootstrap", "n2=127.0.0.1:7900", "--listen", "127.0.0.1:0")
    with Running("serve", "--data-dir", tmp_path, *other) as running:
        assert running.end() == 13, running.report()
        assert "has node id 'n1' and 'n2' was asked for" in running.sentence()


def test_a_stop_answers_the_requests_it_holds_within_five_seconds(tmp_path: Path) -> None:
    with three_with_one_leader(tmp_path) as nodes:
        address = nodes["n1"].ready()["listen"]
        status, body = ask("GET", f"http://{address}/v1/status")
        assert status == 200, body
        leader = json.loads(body)["leader"]
        address = nodes[leader].ready()["listen"]
        for node, running in nodes.items():
            if node != leader:
                running.send(signal.SIGSTOP)
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as held:
            held.sendall(
                b"PUT /v1/kv/held?timeout=60 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
            )
            nodes[leader].line(" write r")  # it is held from here on
            nodes[leader].send(signal.SIGTERM)
            assert nodes[leader].end(within=5 + 5) == 0, nodes[leader].report()
            answer = held.recv(1000)
        assert answer.startswith((b"HTTP/1.1 503", b"HTTP/1.1 504")), answer


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    with alone(tmp_path) as (running, _):
        # Both wait for a stopped process, so they come in one moment.
        running.send(signal.SIGSTOP)
        os.waitid(os.P_PID, running.process.pid, os.WSTOPPED | os.WNOWAIT)
        running.send(signal.SIGINT)
        running.send(signal.SIGTERM)
        running.send(signal.SIGCONT)

        assert running.end() in {130, 143}, running.report()

    with alone(tmp_path) as (running, _):  # and nothing is the worse for it
        stop(running)


def test_with_log_json_every_line_is_one_object(tmp_path: Path) -> None:
    with alone(tmp_path, "--log", "json", "--log-level", "debug") as (running, address):
        ask("PUT", f"http://{address}/v1/kv/a", b"1")
        stop(running)

    lines = [json.loads(line) for line in running.err]
    assert lines
    for line in lines:
        assert list(line) == ["time", "level", "logger", "node", "message"]
    assert {"DEBUG", "INFO"} <= {line["level"] for line in lines}
    assert {"huffleraft.node", "huffleraft.store"} <= {line["logger"] for line in lines}
    assert {line["node"] for line in lines} == {"n1"}
    assert lines[-1]["message"] == "stopped"
