"""`jepsen-lite check` on a run folder: judged again by all checks, or told what it lacks."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from jepsen_lite.cli import main
from jepsen_lite.verdicts.evidence import ENDING, HISTORY
from tests.jepsen_lite.report.runs import stale_read
from tests.jepsen_lite.verdicts.test_checks import SOUND, judged


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """How `check` with *arguments* ends, what it says, and what it complains of."""
    with pytest.raises(SystemExit) as ended:
        main(["check", *arguments])
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


def test_a_run_is_judged_again_by_each_of_its_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = judged(tmp_path / "run", SOUND)
    (tmp_path / "run" / "results.json").unlink()

    code, out, err = told(capsys, str(tmp_path / "run"))

    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[:-1]] == [one.name for one in first.checks]
    assert out.endswith("verdict: true\n")
    written = json.loads((tmp_path / "run" / "results.json").read_text())
    assert written == first.to_json()


def test_the_exit_code_of_a_run_is_its_verdict_and_its_json_what_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged(tmp_path / "run", stale_read(seen="old"))

    code, out, _ = told(capsys, "--json", str(tmp_path / "run"))

    assert code == 1
    assert json.loads(out) == json.loads((tmp_path / "run" / "results.json").read_text())


def test_a_folder_that_holds_no_run_is_told_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = told(capsys, str(tmp_path))

    assert (code, out) == (254, "")
    assert err == (
        f"jepsen-lite: '{tmp_path}' holds no run: there is no history.jsonl in it; give a run "
        "folder or a history\n"
    )
    assert not list(tmp_path.iterdir())


def test_of_a_run_that_was_cut_short_the_history_can_be_judged_as_the_sentence_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a run"
    judged(folder, SOUND)
    (folder / ENDING).unlink()
    with (folder / HISTORY).open("ab") as history:
        history.write(b'{"process":17,"type":"inv')

    code, out, err = told(capsys, str(folder))

    assert (code, out) == (254, "")
    assert f"the run in '{folder}' was cut short: there is no ending.json in it" in err
    advised = shlex.split(err[err.index("jepsen-lite check ") :])[2:]
    code, out, err = told(capsys, *advised)
    assert code == 0
    assert out.startswith("Linearizable")
    assert "it was torn, and is dropped" in err


@pytest.mark.parametrize(
    "file,text,said",
    [
        (ENDING, "", "holds no run that can be judged: "),
        (ENDING, '{"seed": "one"}', "holds no run that can be judged: "),
        (HISTORY, "{}\n", "holds no run that can be judged: line 1: the field 'process' is missi"),
        ("faults.jsonl", "{}\n", "holds no run that can be judged: faults.jsonl, line 1: "),
        ("statuses.jsonl", "no\n", "holds no run that can be judged: statuses.jsonl, line 1: "),
    ],
)
def test_a_damaged_run_is_told_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, text: str, said: str
) -> None:
    judged(tmp_path / "run", SOUND)
    (tmp_path / "run" / file).write_text(text)

    code, out, err = told(capsys, str(tmp_path / "run"))

    assert (code, out) == (254, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "options", [("--model", "kv"), ("--budget", "9"), ("--mutants", "9"), ("--seed", "9")]
)
def test_what_belongs_to_a_history_file_is_refused_for_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, str]
) -> None:
    judged(tmp_path / "run", SOUND)

    code, _, err = told(capsys, *options, str(tmp_path / "run"))

    assert code == 254
    assert "--seed belong to a history file" in err
