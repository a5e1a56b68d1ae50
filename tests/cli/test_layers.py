"""An option comes from its flag, else from the environment, else from a file, else by default."""

import inspect
import json
from pathlib import Path

import pytest
from typer.main import get_command

from huffleraft import cli
from huffleraft.cli import layers, main
from huffleraft.cli.options import ElectionBounds
from huffleraft.settings import NodeSettings
from tests.cli.nodes import ask, knows_a_leader, stop
from tests.cli.processes import Running
from tests.cli.test_command_line import sentence_of


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the options of a node, in a directory that the process is in."""
    monkeypatch.chdir(tmp_path)
    path = Path("node.toml")
    path.write_text('id = "n1"\nheartbeat-ms = 80\nrequest-timeout = 3\nelection-ms = "500-900"\n')
    return path


def shown(capsys: pytest.CaptureFixture[str], *args: str | Path) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["config", "show", *map(str, args)])
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, "")
    return out


def test_each_layer_beats_the_ones_below_it(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUFFLERAFT_ID", "n2")
    monkeypatch.setenv("HUFFLERAFT_HEARTBEAT_MS", "70")
    out = shown(capsys, "--origin", "-o", "json", "--config", file, "--id", "n3")
    told = json.loads(out)

    assert told["id"] == {"value": "n3", "origin": "flag", "from": "--id"}
    heartbeat = {"value": 70, "origin": "environment", "from": "HUFFLERAFT_HEARTBEAT_MS"}
    assert told["heartbeat-ms"] == heartbeat
    assert told["election-ms"] == {"value": "500-900", "origin": "file", "from": "node.toml"}
    assert told["request-timeout"] == {"value": 3.0, "origin": "file", "from": "node.toml"}
    assert told["backend"] == {"value": "asyncio", "origin": "default", "from": None}


def test_the_table_tells_values_and_origins(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [line.split() for line in shown(capsys, "--origin", "--config", file).splitlines()]

    assert rows[0] == ["OPTION", "VALUE", "ORIGIN"]
    assert ["heartbeat-ms", "80", "node.toml"] in rows
    assert ["data-dir", "-", "default"] in rows
    assert ["nodes", "-", "default"] in [
        line.split() for line in shown(capsys, "--origin", "--for", "dev").splitlines()
    ]


def test_whom_to_join_may_stand_in_a_file_and_in_the_environment(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("join = 'a:1, b:2'\nlearner = true\n")
    told = json.loads(shown(capsys, "--origin", "-o", "json", "--config", file))
    assert told["join"] == {"value": "a:1,b:2", "origin": "file", "from": "node.toml"}
    assert told["learner"] == {"value": True, "origin": "file", "from": "node.toml"}

    monkeypatch.setenv("HUFFLERAFT_JOIN", "c:3")
    told = json.loads(shown(capsys, "-o", "json", "--config", file))
    assert (told["join"], told["bootstrap"]) == ("c:3", None)


def test_to_join_and_to_found_at_once_is_told_by_where_each_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("id = 'n1'\nbootstrap = 'n1=127.0.0.1:7301'\n")
    monkeypatch.setenv("HUFFLERAFT_JOIN", "127.0.0.1:7302")

    sentence = sentence_of(capsys, 16, "serve", "--data-dir", "data", "--config", file)
    assert "--join says that this node joins a cluster" in sentence
    assert "HUFFLERAFT_JOIN says join" in sentence
    assert "node.toml says id, bootstrap" in sentence


@pytest.mark.parametrize("name", ["serve", "dev"])
def test_every_option_of_a_command_has_a_variable_and_a_row(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = get_command(cli.app).commands[name]  # type: ignore[attr-defined]  # it is a group
    told = json.loads(shown(capsys, "--for", name, "-o", "json"))

    options = [one for one in command.params if one.param_type_name == "option"]
    assert [layers.key_of(one) for one in options] == list(told)
    assert all(str(one.envvar).startswith("HUFFLERAFT_") for one in options)
    assert len({one.envvar for one in options}) == len(options)


WRONG = [
    ("lissten = 'a'", "node.toml has the key 'lissten', which is no option of serve"),
    ("listen = 7201", "node.toml says listen = 7201; a string is expected there"),
    ("listen = '7201'", "node.toml has a listen that cannot be: '7201' is not an address"),
    ("heartbeat-ms = '80'", "node.toml says heartbeat-ms = '80'; a whole number is expected"),
    ("join = ['a:1']", "node.toml says join = ['a:1']; a string is expected there"),
    ("learner = 'yes'", "node.toml says learner = 'yes'; true or false is expected there"),
    ("heartbeat-ms = 7.5", "node.toml says heartbeat-ms = 7.5; a whole number is expected"),
    ("heartbeat-ms = true", "node.toml says heartbeat-ms = True; a whole number is expected"),
    ("request-timeout = 'long'", "node.toml says request-timeout = 'long'; a number is expected"),
    ("log-level = 'loud'", "node.toml has a log-level that cannot be: 'loud' is not one of"),
    ("heartbeat-ms = 0", "it must be a number above 0 (node.toml says heartbeat-ms)"),
    ("[serve]\nid = 'n1'", "node.toml has the key 'serve', which is no option of serve"),
    ("config = 'more.toml'", "node.toml has the key 'config'"),
    ("id = ", "node.toml is no TOML"),
    ("advertise = '0.0.0.0:1'", "0.0.0.0:1 cannot be advertised"),
]


@pytest.mark.parametrize("text,words", WRONG)
def test_what_a_file_says_wrong_is_told_by_file_and_key(
    text: str, words: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text)

    assert words in sentence_of(capsys, 16, "serve", "--data-dir", "data", "--config", file)
    assert not Path("data").exists()


def test_a_value_out_of_range_is_told_by_file_and_key(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("nodes = 12")

    sentence = sentence_of(capsys, 16, "dev", "--config", file)
    assert "node.toml has a nodes that cannot be" in sentence
    assert "9" in sentence


def test_a_file_that_is_not_there_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.unlink()

    sentence = sentence_of(capsys, 16, "serve", "--data-dir", "data", "--config", file)
    assert "node.toml cannot be read: No such file or directory" in sentence


def test_a_contradiction_names_where_each_side_comes_from(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUFFLERAFT_HEARTBEAT_MS", "700")

    sentence = sentence_of(capsys, 16, "serve", "--data-dir", "data", "--config", file)
    assert "the heartbeat (0.7 s) must be shorter" in sentence
    assert "HUFFLERAFT_HEARTBEAT_MS says heartbeat-ms" in sentence
    assert "node.toml says id, election-ms, request-timeout" in sentence


def test_a_wrong_variable_is_told_by_its_name(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUFFLERAFT_LISTEN", "here")

    sentence = sentence_of(capsys, 2, "serve", "--data-dir", "data")
    assert "HUFFLERAFT_LISTEN" in sentence


def test_the_defaults_of_serve_are_those_of_a_node() -> None:
    defaults = {name: one.default for name, one in inspect.signature(cli.serve).parameters.items()}
    node = NodeSettings()

    assert defaults["heartbeat_ms"] == node.heartbeat * 1000
    bounds = ElectionBounds(round(node.election_min * 1000), round(node.election_max * 1000))
    assert defaults["election_ms"] == str(bounds)
    assert defaults["request_timeout"] == node.request_timeout


def test_a_node_runs_by_a_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text(
        f'data-dir = "{tmp_path / "data"}"\nid = "n1"\nlisten = "127.0.0.1:0"\n'
        'bootstrap = "n1=127.0.0.1:7900"\nheartbeat-ms = 60\nelection-ms = "400-800"\n'
    )
    with Running("serve", env={"HUFFLERAFT_CONFIG": str(file)}) as running:
        address = running.ready()["listen"]
        running.line(knows_a_leader)
        assert ask("PUT", f"http://{address}/v1/kv/a", b"1")[0] == 200
        stop(running)


def test_the_nodes_of_dev_hear_no_variable(tmp_path: Path) -> None:
    """One that speaks to a lone node would make all of them start as that one, or not at all."""
    env = {"HUFFLERAFT_ADVERTISE": "10.9.8.7:1", "HUFFLERAFT_NODES": "1"}
    with Running("dev", "--data-dir", tmp_path, env=env) as running:
        running.line("the cluster serves")
        assert not any("n2 listens" in line for line in running.out)
        stop(running)
