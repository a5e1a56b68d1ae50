"""`huffleraft cluster transfer`, as a shell has it."""

from __future__ import annotations

import pytest

from huffleraft import errors
from huffleraft.cli import exits, main, membership
from huffleraft.http.api import Member
from tests.cli.test_members import HERE, Shell, shell

__all__ = ["shell"]  # a fixture


@pytest.fixture
def pair(shell: Shell) -> Shell:
    """Commands against n1, which leads itself and n2."""
    shell.members.members["n2"] = Member("n2", HERE, "voter")
    return shell


def test_who_leads_then_is_told_to_people_and_programs(pair: Shell) -> None:
    assert pair.document("transfer", "n2") == {"leader": "n2", "term": 3}
    code, out, err = pair.run("transfer")
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()] == [["LEADER", "TERM"], ["n1", "3"]]


def test_a_refusal_is_told_in_the_words_of_the_cluster(pair: Shell) -> None:
    told = pair.sentence("transfer", "n9", code=membership.REFUSED)

    assert told.startswith("huffleraft: transfer n9 is refused (transfer-refused): n9 is no voter")


def test_what_has_no_effect_is_told_from_what_is_in_doubt(pair: Shell) -> None:
    pair.door.store.instead = errors.TransferPending(60_000)  # it is asked once: then time is up
    told = pair.sentence("transfer", "--timeout", "0.2", code=membership.NO_EFFECT)
    assert "(transfer-pending); it had no effect" in told

    pair.door.store.instead = errors.TransferUndecided("n2 was told to lead")
    told = pair.sentence("transfer", "--timeout", "0.2", code=membership.UNFINISHED)
    assert "(transfer-undecided); it may or may not have taken effect" in told
    assert told.endswith("see who leads by `huffleraft cluster status` before it is said again\n")


def test_what_is_no_id_is_told_before_anybody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["cluster", "transfer", "n/2"])
    assert ended.value.code == 2
    assert "is not a node id" in capsys.readouterr().err


def test_every_end_has_its_number_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["cluster", "transfer", "--help"])
    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert all(f"{code}  {why}" in told for code, why in exits.MEMBER_EXIT_CODES.items())
