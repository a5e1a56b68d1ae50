"""`huffleraft kv` as a shell has it: bytes in, bytes out, and an end that a script can tell."""

import json
import os
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from huffleraft.cli.exits import KV_EXIT_CODES
from tests.cli.nodes import alone
from tests.cli.processes import PATIENCE
from tests.raftstore.stores import free_addresses


@dataclass
class Shell:
    """Runs the commands against one node."""

    endpoints: str

    def _end(self, *args: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "huffleraft", "kv", *args],
            input=given,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "HUFFLERAFT_ENDPOINTS": self.endpoints},
        )

    def run(self, *args: str, given: bytes = b"") -> bytes:
        """What the command wrote; it ended well and in silence."""
        done = self._end(*args, given=given)
        assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
        return done.stdout

    def sentence(self, *args: str, code: int, given: bytes = b"") -> str:
        """The sentence with which the command ended under *code*; it wrote nothing else."""
        done = self._end(*args, given=given)
        told = done.stderr.decode().splitlines()
        assert (done.returncode, done.stdout) == (code, b""), told
        sentences = [line for line in told if line.startswith(("huffleraft: ", "Error: "))]
        assert len(sentences) == 1, told
        return sentences[0]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with alone(tmp_path_factory.mktemp("kv")) as (_, address):
        yield Shell(address)


@pytest.mark.parametrize(
    "value",
    [b"", b"\n", b"\x00\xff\r\n", "ä".encode(), bytes(1 << 20)],
    ids=lambda value: repr(value[:5]),
)
def test_bytes_come_out_as_they_went_in(shell: Shell, value: bytes) -> None:
    shell.run("put", "raw/key", given=value)
    assert shell.run("get", "raw/key") == value


def test_a_value_may_be_an_argument(shell: Shell) -> None:
    shell.run("put", "arg", "hällo")
    assert shell.run("get", "arg") == "hällo".encode()
    shell.run("put", "arg", "--", "-x")
    assert shell.run("get", "arg") == b"-x"


def test_a_missing_key_is_told_from_an_empty_value_and_may_be_deleted(shell: Shell) -> None:
    shell.run("put", "gone", "")
    shell.run("delete", "gone")
    assert "there is no key 'gone'" in shell.sentence("get", "gone", code=1)
    shell.run("delete", "gone")


def test_cas_changes_what_it_expects_and_nothing_else(shell: Shell) -> None:
    shell.run("cas", "swap", "--missing", "1")
    shell.run("cas", "swap", "--old", "1", given=b"2")
    told = shell.sentence("cas", "swap", "--old", "1", "3", code=1)
    assert "it has another value; nothing was changed" in told
    assert "it is missing" in shell.sentence("cas", "none", "--old", "1", "3", code=1)
    assert shell.run("get", "swap") == b"2"
    for both_or_neither in ([], ["--missing", "--old", "1"]):
        told = shell.sentence("cas", "swap", *both_or_neither, "3", code=2)
        assert "--old VALUE, or --missing" in told


def test_a_list_is_in_order_and_of_the_asked_keys(shell: Shell) -> None:
    for key in ("list/b", "list/a\n", "list/ä"):
        shell.run("put", key, "x\ty" if key == "list/b" else "")
    table = shell.run("list", "list/", "--values").decode().splitlines()
    assert table[0].split() == ["VERSION", "INDEX", "KEY", "VALUE"]
    assert [line.split()[2] for line in table[1:]] == ["list/a\\n", "list/b", "list/ä"]
    assert table[2].endswith("list/b  x\\ty")

    listed = json.loads(shell.run("list", "list/", "--values", "-o", "json"))
    assert [(one["key"], one["version"]) for one in listed] == [
        ("list/a\n", 1),
        ("list/b", 1),
        ("list/ä", 1),
    ]
    assert listed[1]["value"] == b64encode(b"x\ty").decode()
    some = json.loads(shell.run("list", "list/", "--limit", "1", "--after", "list/b", "-ojson"))
    assert [one["key"] for one in some] == ["list/ä"]
    assert "value" not in some[0]
    assert json.loads(shell.run("list", "no/such", "-o", "json")) == []


@pytest.mark.parametrize(
    "args, words",
    [
        (("get", ""), "the key is not valid: it is empty"),
        (("get", "a", "--endpoints", "n1"), "'n1' is no endpoint; give HOST:PORT"),
        (("get", "a", "--timeout", "0"), "give seconds above 0"),
        (("list", "--limit", "0"), "greater than or equal to 1"),
        (("list", "-o", "yaml"), "'yaml' is not one of"),
        (("get",), "Missing argument 'KEY'"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(args: tuple[str, ...], words: str) -> None:
    assert words in Shell("127.0.0.1:1").sentence(*args, code=2)


def test_a_value_that_is_too_large_is_a_usage_error() -> None:
    told = Shell("127.0.0.1:1").sentence("put", "a", code=2, given=bytes((1 << 20) + 1))
    assert "more than 1048576 bytes" in told


def test_a_cluster_that_is_not_there_is_told_with_what_to_do() -> None:
    (address,) = free_addresses(1)
    told = Shell(address).sentence("put", "a", "1", "--timeout", "0.5", code=3)
    assert "it had no effect" in told
    assert f"start a node at {address}, or name running ones with --endpoints" in told


def test_one_endpoint_that_answers_is_enough(shell: Shell) -> None:
    (gone,) = free_addresses(1)
    shell.run("put", "through", "1", "--endpoints", f"{gone},{shell.endpoints}")


def test_a_node_that_takes_the_write_and_never_answers_leaves_it_in_doubt() -> None:
    """It lets a session begin, and hangs up on every write."""
    with half_deaf_node() as address:
        told = Shell(address).sentence("put", "a", "1", "--timeout", "0.5", code=4)
    assert "it may or may not have taken effect" in told
    assert "get the key before you write again" in told


@contextmanager
def half_deaf_node() -> Iterator[str]:
    class HalfDeaf(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(201)
            self.send_header("Huffleraft-Node", "n1")
            self.end_headers()
            self.wfile.write(b'{"session":1}')

        def do_PUT(self) -> None:
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), HalfDeaf) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_the_help_of_each_command_ends_with_the_exit_codes() -> None:
    for verb in ("get", "put", "delete", "cas", "list"):
        told = [line.strip() for line in Shell("").run(verb, "--help").decode().splitlines()]
        assert all(f"{code}  {meaning}" in told for code, meaning in KV_EXIT_CODES.items())
