"""What is wrong with a command line is said in one sentence, before anything is touched."""

from pathlib import Path

import pytest

from huffleraft import __version__
from huffleraft.cli import main
from huffleraft.cli.exits import EXIT_CODES
from tests.cli.processes import Running

FOUNDERS = "n1=127.0.0.1:7301,n2=127.0.0.1:7302"

UNREADABLE = [
    (["--listen", "7201"], "'7201' is not an address: expected HOST:PORT"),
    (["--listen", "::1:7201"], "an IPv6 address stands in brackets"),
    (["--advertise", "a:b"], "'a:b' is not an address"),
    (["--id", "n 1"], "'n 1' is not a node id"),
    (["--bootstrap", "n1"], "'n1' does not name a founder"),
    (["--join", "127.0.0.1"], "'127.0.0.1' is not an address"),
    (["--join", "127.0.0.1:7301,"], "'' is not an address"),
    (["--join", "127.0.0.1:0"], "port 0 is no port"),
    (["--election-ms", "600"], "'600' is not a range"),
    (["--backend", "curio"], "'curio' is not one of"),
    (["--nope"], "No such option: --nope"),
]

UNWORKABLE = [
    (["--advertise", "0.0.0.0:7301"], "0.0.0.0:7301 cannot be advertised"),
    (["--advertise", "[::]:7301"], "[::]:7301 cannot be advertised"),
    (["--listen", "0.0.0.0:7301"], "say with --advertise HOST:PORT"),
    (["--bootstrap", FOUNDERS], "say so with --id"),
    (["--id", "n3", "--bootstrap", FOUNDERS], "--id n3 is none of them"),
    (
        ["--id", "n1", "--bootstrap", FOUNDERS, "--advertise", "127.0.0.1:9"],
        "--advertise says 127.0.0.1:9 and --bootstrap has 127.0.0.1:7301",
    ),
    (
        ["--id", "n1", "--bootstrap", FOUNDERS, "--join", "127.0.0.1:7302"],
        "--join says that this node joins a cluster and --bootstrap that it founds one",
    ),
    (["--learner"], "--join names no member to join through"),
    (["--join", "127.0.0.1:7302", "--listen", "0.0.0.0:7301"], "say with --advertise HOST:PORT"),
    (["--election-ms", "1200-600"], "give the lower one first"),
    (["--heartbeat-ms", "0"], "heartbeat is 0.0; it must be a number above 0"),
    (["--heartbeat-ms", "700"], "the heartbeat (0.7 s) must be shorter"),
    (["--snapshot-entries", "0"], "snapshot_entries is 0; it must be a number above 0"),
    (["--trailing-entries", "-1"], "limit trailing_entries is -1; it must be at least 0"),
    (["--request-timeout", "nan"], "request_timeout is nan"),
]


def sentence_of(capsys: pytest.CaptureFixture[str], code: int, *args: str | Path) -> str:
    """The one sentence with which the command line ends under this exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(arg) for arg in args])
    out, err = capsys.readouterr()
    assert ended.value.code == code, err
    assert not out
    told = [line for line in err.splitlines() if line.startswith(("huffleraft: ", "Error: "))]
    assert len(told) == 1, err
    return told[0]


@pytest.mark.parametrize("options,words", UNREADABLE)
def test_an_unreadable_option_is_a_usage_error(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = tmp_path / "data"

    assert words in sentence_of(capsys, 2, "serve", "--data-dir", data_dir, *options)
    assert not data_dir.exists()


@pytest.mark.parametrize("options,words", UNWORKABLE)
def test_options_that_cannot_work_together_are_told(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = tmp_path / "data"

    assert words in sentence_of(capsys, 16, "serve", "--data-dir", data_dir, *options)
    assert not data_dir.exists()


def test_a_data_directory_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Missing option '--data-dir'" in sentence_of(capsys, 2, "serve")


def test_a_process_ends_as_the_command_line_says(tmp_path: Path) -> None:
    with Running("serve", "--data-dir", tmp_path, "--advertise", "[::]:1") as running:
        assert running.end() == 16
        assert "[::]:1 cannot be advertised" in running.sentence()
        assert running.out == []


def test_the_help_of_serve_ends_with_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--help"])

    assert ended.value.code == 0
    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert all(f"{code}  {meaning}" in told for code, meaning in EXIT_CODES.items())


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"huffleraft {__version__}\n"
