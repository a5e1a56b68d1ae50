"""`jepsen-lite check` on a file: the verdict as words, as JSON and as an exit code, or a reason."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from jepsen_lite.cli import main
from tests.jepsen_lite.history.lines import did, fail, info, invoke, ok, text_of

SOUND = (*did(0, "write", 1), *did(0, "read", 1))
STALE = (*SOUND, *did(0, "write", 2), *did(1, "read", 1))


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs the command on a history, in this process."""
    return Check(tmp_path / "history.jsonl", capsys)


class Check:
    """The command, and the file that it is given."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys

    def of(self, text: bytes, *options: str) -> Told:
        """What is told of a file that holds *text*."""
        self.path.write_bytes(text)
        return self("check", *options, str(self.path))

    def __call__(self, *arguments: str) -> Told:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Told(ended.value.code, out, err)


def burdened(key: str) -> bytes:
    """Operations on *key* that a search of one node cannot decide."""
    return text_of(
        (
            *(invoke(at, "write", at, key=key) for at in range(4)),
            *(ok(at, "write", at, key=key) for at in range(4)),
            *did(0, "read", 0, key=key),
        )
    )


@pytest.mark.parametrize(
    "lines,options,code,said",
    [
        (SOUND, (), 0, "Linearizable: 2 operations; an order was found for each, and replayed."),
        (STALE, (), 1, "Not linearizable: process 1 read 1, although process 0's write of 2"),
        (SOUND * 2, ("--budget", "1"), 2, "Unknown whether 4 operations are linearizable."),
        ((), (), 0, "Linearizable: there are no operations, so there was nothing to judge."),
    ],
    ids=["true", "false", "unknown", "empty"],
)
def test_the_exit_code_of_the_process_is_the_verdict(
    tmp_path: Path, lines: tuple[dict[str, object], ...], options: tuple[str, ...], code: int,
    said: str,
) -> None:  # fmt: skip
    path = tmp_path / "history.jsonl"
    path.write_bytes(text_of(lines))
    command = [sys.executable, "-m", "jepsen_lite", "check", "--model", "register", *options]

    run = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)

    assert (run.returncode, run.stderr) == (code, "")
    assert run.stdout.startswith(said)


@pytest.mark.parametrize("model", ["register", "cas-register", "kv"])
def test_each_model_judges_what_it_knows(check: Check, model: str) -> None:
    fields = {"key": "x"} if model == "kv" else {}

    sound = check.of(text_of(did(0, "write", 1, **fields)), "--model", model)
    stale = check.of(text_of(did(0, "read", 1, **fields)), "--model", model)

    assert (sound.code, stale.code) == (0, 1)


def test_a_malformed_history_exits_254_and_names_the_line(check: Check) -> None:
    told = check.of(text_of((*SOUND, ok(0, "read", 1))), "--model", "register")

    assert (told.code, told.out) == (254, "")
    assert told.err.startswith("jepsen-lite: '")
    assert told.err.endswith(
        "history.jsonl' is no history of a register: line 5: 'ok' completes nothing: process 0 has "
        "no open operation\n"
    )


def test_a_torn_line_is_told_beside_the_verdict(check: Check) -> None:
    told = check.of(text_of(SOUND) + b'{"proc', "--model", "register")

    assert told.code == 0
    assert told.err == "warning: line 5 has no newline: it was torn, and is dropped\n"


def test_unknown_names_the_key_and_the_furthest_event(check: Check) -> None:
    told = check.of(burdened("busy"), "--model", "kv", "--budget", "1")

    assert told.code == 2
    assert told.out == (
        "Unknown whether 5 operations on 1 key are linearizable. "
        'Key "busy": the search stopped after 1 node; the furthest event it reached is '
        "line 6, process 1 ok write 1.\n"
    )


def test_a_false_key_beats_an_unknown_one_which_is_named_as_well(check: Check) -> None:
    false = text_of(did(9, "read", 7, key="wrong"))

    told = check.of(burdened("busy") + false, "--model", "kv", "--budget", "1")

    assert told.code == 1
    assert told.out.startswith('Not linearizable on 1 of 2 keys: key "wrong": process 9 read 7')
    assert 'Key "busy": the search stopped after 1 node;' in told.out


def test_an_unknown_key_beats_a_true_one(check: Check) -> None:
    true = text_of(did(9, "write", 7, key="right"))

    assert check.of(burdened("busy") + true, "--model", "kv", "--budget", "1").code == 2


def test_the_result_as_json_has_the_verdict_the_words_and_the_proof(check: Check) -> None:
    told = check.of(text_of(STALE), "--model", "register", "--json")

    result = json.loads(told.out)
    assert (told.code, result["valid"]) == (1, False)
    assert result["message"].startswith("Not linearizable")
    assert result["violation"]["line"] == 8
    assert result["per_key"][0]["operations"] == 4


def test_mutants_say_what_a_true_verdict_is_worth(check: Check) -> None:
    lines = [line for value in range(5) for f in ("write", "read") for line in did(0, f, value)]

    told = check.of(text_of(tuple(lines)), "--model", "register", "--mutants", "20")

    assert told.code == 0
    assert told.out.endswith("Of 20 copies with one read made stale, 20 were caught (100 %).\n")


@pytest.mark.parametrize(
    "arguments,said",
    [
        ((), "Missing command"),
        (("judge",), "No such command 'judge'"),
        (("check",), "Missing argument 'PATH'"),
        (("check", "--model", "register"), "Missing argument 'PATH'"),
        (("check", "nowhere"), "--model is missing: say what 'nowhere' is, register, cas-"),
        (("check", "--model", "queue", "nowhere"), "Invalid value for '--model'"),
        (("check", "--model", "kv", "--budget", "0", "nowhere"), "Invalid value for '--budget'"),
        (("check", "--model", "kv", "--mutants", "-1", "x"), "Invalid value for '--mutants'"),
        (("check", "--wat", "nowhere"), "No such option: --wat"),
        (("check", "--model", "kv", "one", "two"), "Got unexpected extra argument"),
        (("check", "--model", "kv", "nowhere"), "'nowhere' cannot be read: No such file"),
        (("check", "--model", "kv", "a" * 300), "cannot be read: File name too long"),
        (("check", "--model", "kv", "a\x1b[2J"), "'a\\x1b[2J' cannot be read: No such file"),
    ],
)
def test_what_cannot_be_worked_with_exits_254_in_one_sentence(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)

    told = check(*arguments)

    assert (told.code, told.out) == (254, "")
    assert said in told.err
    assert told.err.startswith("jepsen-lite: ")
    assert told.err.count("\n") == 1


def test_a_file_that_cannot_be_read_exits_254(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path has to be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("history.jsonl")

        told = check("check", "--model", "kv", "history.jsonl")

    assert (told.code, told.out) == (254, "")
    assert told.err.startswith("jepsen-lite: 'history.jsonl' cannot be read: ")


def test_what_a_history_says_never_reaches_the_terminal_raw(check: Check) -> None:
    lines = (
        *(invoke("\x1b[2J", "write", "\x07"), ok("\x1b[2J", "write", "\x07", node="\ud800\n")),
        *(invoke(1, "read"), ok(1, "read", None, served_by="\x1b[31m", term="\x1b")),
    )

    told = check.of(text_of(lines), "--model", "register")

    assert told.code == 1
    assert told.out.isascii()
    assert "\x1b" not in told.out + told.err
    assert told.out.count("\n") == 1


def test_a_fault_of_our_own_exits_255_and_says_where_and_what_to_report(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise RuntimeError("lost\nin \x1bth\udcffught")

    monkeypatch.setattr("jepsen_lite.checkers.check_linearizable", lost)
    text = text_of(SOUND)

    told = check.of(text, "--model", "register")

    assert (told.code, told.out) == (255, "")
    assert told.err.startswith(
        "jepsen-lite: internal error, a fault of jepsen-lite itself: RuntimeError: lost in "
        "\\x1bth\\udcffught "
        "(in test_check.py, line "
    )
    assert told.err.endswith(
        f"please report this line together with the files of the command: jepsen-lite check "
        f"--model register {check.path}\n"
    )
    assert told.err.count("\n") == 1
    assert check.path.read_bytes() == text


def test_the_refusals_of_the_model_reach_the_command(check: Check) -> None:
    lines = invoke(0, "cas", [1, 2]), fail(0, "cas", [1, 2])

    assert check.of(text_of(lines), "--model", "cas-register").code == 0
    assert check.of(text_of(lines), "--model", "register").code == 254
    assert (
        check.of(text_of((*lines, info(0, "cas", [1, 2]))), "--model", "cas-register").code == 254
    )
