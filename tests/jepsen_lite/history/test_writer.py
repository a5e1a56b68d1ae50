"""What is appended is what is read, and a write that failed leaves no line behind it."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest

from jepsen_lite.history import Event, EventType, HistoryWriter, read_history
from jepsen_lite.models import KV
from jepsen_lite.values import Observed


def event(kind: EventType, *, observed: Observed | None = None, **extra: object) -> Event:
    """A line of one cas."""
    return Event(
        process=3,
        type=kind,
        f="cas",
        key="ключ\n",
        value=(None, "\ud800"),
        time=7,
        error="mismatch" if kind is EventType.FAIL else None,
        observed=observed,
        extra=extra,
    )


BEGUN = event(EventType.INVOKE)


@pytest.mark.parametrize("observed", [None, Observed(None), Observed(4), Observed("4")])
def test_what_was_appended_is_read_back(tmp_path: Path, observed: Observed | None) -> None:
    ended = event(EventType.FAIL, observed=observed, node="n1", term=2, attempts=[1, None])
    with HistoryWriter(tmp_path / "history.jsonl") as history:
        history.append(BEGUN)
        history.append(ended)

    read = read_history(tmp_path / "history.jsonl", KV)

    assert read.events == (BEGUN, ended)
    assert not read.warnings


def test_a_line_is_in_the_file_before_append_returns(tmp_path: Path) -> None:
    with HistoryWriter(tmp_path / "history.jsonl") as history:
        history.append(BEGUN)

        assert read_history(tmp_path / "history.jsonl", KV).events == (BEGUN,)


def test_two_histories_are_never_mixed(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_bytes(b"another\n")

    with pytest.raises(FileExistsError):
        HistoryWriter(tmp_path / "history.jsonl")

    assert (tmp_path / "history.jsonl").read_bytes() == b"another\n"


@pytest.mark.parametrize("extra", [{"value": 2}, {"observed": 1, "time": 0}])
def test_an_extra_field_may_not_hide_one_of_the_format(
    tmp_path: Path, extra: dict[str, object]
) -> None:
    hiding = replace(event(EventType.OK), extra=extra)

    with (
        HistoryWriter(tmp_path / "history.jsonl") as history,
        pytest.raises(ValueError, match="extra fields may not be called"),
    ):
        history.append(hiding)

    assert not (tmp_path / "history.jsonl").read_bytes()


def test_what_json_does_not_know_is_not_written(tmp_path: Path) -> None:
    with (
        HistoryWriter(tmp_path / "history.jsonl") as history,
        pytest.raises(ValueError, match="not JSON compliant"),
    ):
        history.append(event(EventType.OK, load=float("nan")))

    assert not (tmp_path / "history.jsonl").read_bytes()


def test_after_a_torn_line_nothing_more_is_written(tmp_path: Path) -> None:
    history = HistoryWriter(tmp_path / "history.jsonl")
    history.append(BEGUN)
    size = (tmp_path / "history.jsonl").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            history.append(event(EventType.OK))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with pytest.raises(ValueError, match="this history is closed"):
        history.append(event(EventType.OK))
    history.close()
    read = read_history(tmp_path / "history.jsonl", KV)
    assert read.events == (BEGUN,)
    assert read.warnings == ("line 2 has no newline: it was torn, and is dropped",)
