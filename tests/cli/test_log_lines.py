"""A record is one line, whatever it quotes."""

import io
import json
import logging
import sys

import pytest

from huffleraft.cli.log_lines import (
    JsonFormatter,
    LineFormatter,
    LogLine,
    configure_logging,
    paint_for_stderr,
    parse_log_line,
)


def record_of(message: str, *args: object, level: int = logging.INFO) -> logging.LogRecord:
    record = logging.LogRecord("huffleraft", level, __file__, 1, message, args, None)
    record.created, record.msecs = 1_700_000_000.25, 250.0
    return record


def test_a_line_is_time_level_node_and_message() -> None:
    line = LineFormatter("n1").format(record_of("in term %d", 3))

    assert line == "2023-11-14T22:13:20.250Z INFO n1 in term 3"


def test_what_a_message_quotes_cannot_pass_for_a_line_of_ours() -> None:
    line = LineFormatter("n1").format(record_of("from %s", "x\n2023 ERROR n2 \x1b[31m\u2028fake"))

    assert line.endswith(r"from x\n2023 ERROR n2 \x1b[31m\u2028fake")


def test_a_plain_line_is_taken_apart_again() -> None:
    line = LineFormatter("n1").format(record_of("a b  c", level=logging.WARNING))

    assert parse_log_line(line) == LogLine("2023-11-14T22:13:20.250Z", "WARNING", "n1", "a b  c")


def test_what_is_no_line_of_ours_is_left_alone() -> None:
    assert parse_log_line("Traceback (most recent call last):") is None


def test_an_exception_is_told_below_its_line() -> None:
    record = record_of("broken")
    try:
        int("oh")
    except ValueError:
        record.exc_info = sys.exc_info()

    first, *rest = LineFormatter("n1").format(record).splitlines()

    assert first.endswith("INFO n1 broken")
    assert rest[-1].startswith("ValueError: invalid literal")


def test_a_json_line_holds_its_exception_within() -> None:
    record = record_of("from %s", "x\ny\u2028z")
    try:
        int("oh")
    except ValueError:
        record.exc_info = sys.exc_info()

    line = JsonFormatter("n1").format(record)

    assert line.isascii()
    assert "\n" not in line
    told = json.loads(line)
    assert told.pop("traceback").splitlines()[-1].startswith("ValueError: invalid literal")
    assert told == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "INFO",
        "logger": "huffleraft",
        "node": "n1",
        "message": "from x\ny\u2028z",
    }


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error is a colour terminal from here on, and nothing is said about colours."""
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)

    line = LineFormatter("n1", paint_for_stderr()).format(record_of("hello"))

    assert "\x1b[32mINFO" in line
    assert line.endswith("hello")


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")

    assert paint_for_stderr() is None


def test_a_pipe_gets_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())

    assert paint_for_stderr() is None


def test_logging_goes_to_standard_error_under_a_name_learnt_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stderr = io.StringIO()
    monkeypatch.setattr("sys.stderr", stderr)
    root, ours = logging.getLogger(), logging.getLogger("huffleraft")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    root.handlers[:] = []
    try:
        formatter = configure_logging("info", None)
        logging.getLogger("huffleraft.x").info("before")
        formatter.node_id = "n7"
        logging.getLogger("huffleraft.x").info("after")
        logging.getLogger("huffleraft.x").debug("not shown")
        logging.getLogger("asyncio").info("not shown either")
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        ours.setLevel(levels[1])

    words = [line.split(" ", 1)[1] for line in stderr.getvalue().splitlines()]
    assert words == ["INFO - before", "INFO n7 after"]
