"""`huffleraft inspect` tells of a stopped node what it holds, and of a running one that it runs."""

import json
from pathlib import Path

import pytest

from huffleraft.cli import main
from huffleraft.store.directory import WAL
from tests.cli.nodes import alone, ask, stop
from tests.cli.test_command_line import sentence_of
from tests.store import images
from tests.store.images import flip

SECRET_KEY, SECRET = "a-private-key", b"a private value"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a node that was asked for something and stopped."""
    path = tmp_path_factory.mktemp("stopped")
    with alone(path) as (running, address):
        assert ask("PUT", f"http://{address}/v1/kv/{SECRET_KEY}", SECRET)[0] == 200
        stop(running)
    return path


def told(capsys: pytest.CaptureFixture[str], *args: str | Path) -> str:
    """What `inspect ARGS` writes to standard output."""
    with pytest.raises(SystemExit) as ended:
        main(["inspect", *map(str, args)])
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, "")
    return out


def test_the_log_is_told_by_ids_kinds_and_sizes(
    stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(capsys, "log", stopped).splitlines()

    assert lines[0].startswith("1:1 ")
    assert "n1" in lines[0]
    assert lines[1] == "2:2 no-op"
    assert lines[2].startswith("3:2 ")
    assert lines[2].endswith("B")

    entries = [json.loads(line) for line in told(capsys, "log", stopped, "-o", "json").splitlines()]
    assert [entry["index"] for entry in entries] == [1, 2, 3]
    assert [entry["kind"] for entry in entries] == ["configuration", "no-op", "command"]
    assert entries[0]["configuration"]["voters"] == ["n1"]


@pytest.mark.parametrize("form", ["table", "json"])
def test_keys_and_values_are_told_only_if_asked_for(
    form: str, stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = "YSBwcml2YXRlIHZhbHVl" if form == "json" else repr(SECRET)

    plain = told(capsys, "log", stopped, "-o", form)
    assert SECRET_KEY not in plain
    assert shown not in plain
    whole = told(capsys, "log", stopped, "-o", form, "--values")
    assert SECRET_KEY in whole
    assert shown in whole


def test_the_state_is_told(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = json.loads(told(capsys, "state", stopped, "-o", "json"))

    assert (state["node_id"], state["boot"], state["last_applied"]) == ("n1", 1, 3)
    assert state["vote"] == {"current_term": 2, "voted_for": "n1"}
    assert state["base"] == {"term": 0, "index": 0}
    assert (state["keys"], state["sessions"]) == (1, 0)
    assert state["files"]["huffleraft.db"] > 0

    table = dict(line.split("  ", 1) for line in told(capsys, "state", stopped).splitlines())
    assert table["last_applied"].strip() == "3"
    assert SECRET_KEY not in str(table)


def test_a_sound_directory_is_said_to_be(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "verify", stopped).splitlines()[-1].split() == ["verdict", "sound"]
    assert json.loads(told(capsys, "verify", stopped, "-o", "json"))["sound"] is True


def test_damage_is_named_by_file_and_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images.crashed(tmp_path)
    flip(tmp_path / "image", WAL, 32 + 2 * 4120 + 50, 1)

    sentence = sentence_of(capsys, 11, "inspect", "verify", tmp_path / "image")
    assert f"{WAL} is damaged at frame 3" in sentence
    with pytest.raises(SystemExit) as ended:
        main(["inspect", "verify", str(tmp_path / "image"), "-o", "json"])
    assert ended.value.code == 11
    wrong = json.loads(capsys.readouterr().out)
    assert (wrong["sound"], wrong["file"], wrong["where"]) == (False, WAL, "frame 3")


@pytest.mark.parametrize("what", ["log", "state", "verify"])
def test_what_cannot_be_looked_at_is_refused(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone(tmp_path / "node") as (running, _):
        sentence = sentence_of(capsys, 10, "inspect", what, tmp_path / "node")
        assert f"in use by process {running.process.pid}" in sentence
        stop(running)

    sentence = sentence_of(capsys, 16, "inspect", what, tmp_path)
    assert "is no node's data directory" in sentence
