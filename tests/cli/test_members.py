"""`huffleraft cluster members`, `join` and `remove`, as a shell has them."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from huffleraft import errors
from huffleraft.cli import exits, main, membership
from tests.cli.processes import PATIENCE, Running
from tests.client.test_faces import door
from tests.http.doors import OpenDoor
from tests.http.membership import SolitaryMembers

HERE = "127.0.0.1:2"


@dataclass
class Shell:
    """Runs the commands against one node."""

    door: OpenDoor
    capsys: pytest.CaptureFixture[str]

    @property
    def members(self) -> SolitaryMembers:
        return self.door.store.membership

    def run(self, *args: str) -> tuple[int, str, str]:
        """The exit code, and what went to standard output and error."""
        with pytest.raises(SystemExit) as ended:
            main(["cluster", *args, "--endpoints", self.door.address])
        out, err = self.capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    def document(self, *args: str) -> object:
        code, out, err = self.run(*args, "-o", "json")
        assert (code, err) == (0, "")
        return json.loads(out)

    def sentence(self, *args: str, code: int) -> str:
        """The sentence with which the command ended under *code*; it wrote nothing else."""
        ended, out, err = self.run(*args)
        assert (ended, out) == (code, ""), err
        assert err.startswith("huffleraft: ")
        assert err.count("\n") == 1
        return err


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with door() as opened:
        opened.store.membership.newcomers[HERE] = "n2"
        yield Shell(opened, capsys)


def test_join_repeats_the_step_until_the_node_votes(shell: Shell) -> None:
    shell.members.steps = 3
    told = shell.document("join", HERE)
    assert told == {"id": "n2", "address": HERE, "standing": "voter", "index": 3}
    assert len(shell.door.store.asked) == 4


def test_a_learner_stays_one(shell: Shell) -> None:
    told = shell.document("join", HERE, "--learner", "--id", "n2")
    assert told == {"id": "n2", "address": HERE, "standing": "learner", "index": 2}


def test_members_are_listed_for_people_and_for_programs(shell: Shell) -> None:
    shell.document("join", HERE, "--learner")
    code, out, err = shell.run("members")
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()] == [
        ["ID", "ADDRESS", "STANDING", "LEADS"],
        ["n1", "127.0.0.1:1", "voter", "yes"],
        ["n2", HERE, "learner", "no"],
    ]
    assert shell.document("members") == {
        "cluster_id": "c",
        "leader": "n1",
        "index": 2,
        "joint": False,
        "members": [
            {"id": "n1", "address": "127.0.0.1:1", "standing": "voter"},
            {"id": "n2", "address": HERE, "standing": "learner"},
        ],
    }


def test_people_are_told_what_came_of_a_change(shell: Shell) -> None:
    _, joined, _ = shell.run("join", HERE)
    assert joined.splitlines()[1].split() == ["n2", HERE, "voter", "3"]
    _, left, _ = shell.run("remove", "n2")
    assert left.splitlines()[1].split() == ["n2", "removed", "4"]


def test_a_removal_may_be_said_again_and_may_be_forced(shell: Shell) -> None:
    shell.document("join", HERE)
    for _ in range(2):
        assert shell.document("remove", "n2") == {"id": "n2", "index": 4}
    shell.document("remove", "n1", "--force")
    assert shell.members.forced == [False, False, True]


def test_what_the_cluster_refuses_is_told_in_its_words(shell: Shell) -> None:
    told = shell.sentence("join", HERE, "--id", "n3", code=membership.REFUSED)
    assert told.startswith("huffleraft: join 127.0.0.1:2 is refused (member-refused): n2 at")
    told = shell.sentence("remove", "n9", code=membership.REFUSED)
    assert "(no-such-member): n9 is not a member and never was one" in told
    shell.door.store.instead = errors.QuorumAtRisk("n1 would be alone; force it if n2 is lost")
    told = shell.sentence("remove", "n1", code=membership.REFUSED)
    assert told.endswith("(quorum-at-risk): n1 would be alone; force it if n2 is lost\n")
    assert len(shell.door.store.asked) == 3


def test_a_newcomer_that_does_not_answer_is_called_until_the_time_is_up(shell: Shell) -> None:
    told = shell.sentence("join", "127.0.0.1:3", "--timeout", "0.2", code=membership.NO_EFFECT)
    assert "join 127.0.0.1:3 is not done after 0.2 s" in told
    assert "no node answers at 127.0.0.1:3: nobody listens; start it" in told


def test_a_learner_that_does_not_catch_up_in_time_is_under_way(shell: Shell) -> None:
    shell.members.steps = 1_000
    told = shell.sentence("join", HERE, "--timeout", "0.5", code=membership.UNFINISHED)
    assert "is not done after 0.5 s: n2 is a learner and catches up; say it again" in told


def test_a_change_in_doubt_is_told_from_one_without_effect(shell: Shell) -> None:
    shell.door.store.instead = errors.OutcomeUnknown("it was not done in time")
    told = shell.sentence("remove", "n1", "--timeout", "0.2", code=membership.UNFINISHED)
    assert "it may or may not have taken effect" in told
    assert "say it again, which does no harm" in told
    shell.door.store.instead = errors.ChangePending(100)
    told = shell.sentence("remove", "n1", "--timeout", "0.2", code=membership.NO_EFFECT)
    assert "(change-pending); it had no effect" in told


@pytest.mark.parametrize("args", [("members",), ("join", HERE), ("remove", "n1")])
def test_nobody_answers(args: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(SystemExit) as ended:
        main(["cluster", *args, "--endpoints", address, "--timeout", "0.1"])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (membership.NO_EFFECT, "")
    assert f"start a node at {address}, or name running ones with --endpoints" in err


USAGE = [
    (["join", "127.0.0.1"], 2, "is not an address"),
    (["join", "0.0.0.0:7"], 16, "names no machine"),
    (["join", "127.0.0.1:0"], 16, "port 0 is no port"),
    (["join", HERE, "--id", "n/2"], 2, "is not a node id"),
    (["remove", "n 2"], 2, "is not a node id"),
    (["members", "--timeout", "0"], 2, "'--timeout'"),
    (["join", HERE, "--timeout", "nan"], 2, "'--timeout'"),
    (["members", "--endpoints", "127.0.0.1:0"], 2, "port 0 is no port"),
    (["members", "--endpoints", "a:1,b"], 2, "is not an address"),
]


@pytest.mark.parametrize("args, code, words", USAGE)
def test_what_cannot_be_meant_is_told_before_anybody_is_asked(
    args: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["cluster", *args])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (code, "")
    assert words in err


@contextmanager
def joining_for_ever(shell: Shell) -> Iterator[Running]:
    shell.members.steps = 1_000_000
    command = ("cluster", "join", HERE, "--endpoints", shell.door.address)
    with Running(*command, env={"FORCE_COLOR": "1"}) as running:
        yield running


def test_a_join_in_a_pipe_says_nothing_while_it_waits_and_stops_at_once(shell: Shell) -> None:
    before = len(shell.door.store.asked)
    with joining_for_ever(shell) as running:
        while len(shell.door.store.asked) < before + 3:
            assert running.process.poll() is None, running.report()
        running.send(signal.SIGINT)
        assert running.end() == 130, running.report()
    assert (running.out, running.err) == ([], [])


def test_somebody_who_looks_on_sees_what_a_join_waits_for(shell: Shell) -> None:
    shell.members.steps = 1_000_000
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "huffleraft", "cluster", "join", HERE, "-o", "json"]
    env = {**os.environ, "TERM": "xterm", "HUFFLERAFT_ENDPOINTS": shell.door.address}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=env) as process:
        os.close(theirs)
        try:
            seen = b""
            while b"n2 is a learner and catches up" not in seen:
                seen += os.read(terminal, 4096)
            shell.members.steps = 1  # and then it has an end
            told, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            os.close(terminal)
    assert json.loads(told)["standing"] == "voter"


def test_every_end_has_its_number_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("members", "join", "remove"):
        with pytest.raises(SystemExit):
            main(["cluster", command, "--help"])
        told = [line.strip() for line in capsys.readouterr().out.splitlines()]
        assert all(f"{code}  {why}" in told for code, why in exits.MEMBER_EXIT_CODES.items())
    ends = (membership.REFUSED, membership.NO_EFFECT, membership.UNFINISHED, 130)
    assert set(ends) <= exits.MEMBER_EXIT_CODES.keys()
