"""Log lines: to standard error, one line each, `time LEVEL node message`, or a JSON object.

The same fields whoever reads them: plain where standard error is a file or a pipe, coloured on a
terminal unless NO_COLOR is set.  Only the command line configures logging; an embedded node
leaves that to its application.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LINE = re.compile(r"(\S+) (DEBUG|INFO|WARNING|ERROR|CRITICAL) (\S+) (.*)")
_STYLES = {
    "DEBUG": "dim",
    "INFO": "green",
    "WARNING": "yellow",
    "ERROR": "red",
    "CRITICAL": "bold red",
}

Paint: TypeAlias = Callable[[str, str], str]
"""Gives a text a rich style, such as "bold red"."""


class LineFormatter(logging.Formatter):
    """Makes one line of a record, so that nothing a message quotes can pass for a line of ours.

    *node_id* is the name in each line; `-` until the node knows its own.
    """

    def __init__(self, node_id: str, paint: Paint | None = None) -> None:
        super().__init__()
        self.node_id = node_id
        self._paint = paint

    def format(self, record: logging.LogRecord) -> str:
        """`2026-01-31T10:00:00.123Z INFO n1 message`; a traceback, if any, follows below it."""
        when, level, node = _time_of(record), record.levelname, self.node_id
        message = _CONTROL.sub(lambda found: repr(found[0])[1:-1], record.getMessage())
        trace = "\n" + self.formatException(record.exc_info) if record.exc_info else ""
        if (paint := self._paint) is not None:
            when, node = paint(when, "dim"), paint(node, "bold")
            level = paint(f"{level:<7}", _STYLES.get(level, "default"))
        return f"{when} {level} {node} {message}{trace}"


class JsonFormatter(LineFormatter):
    """Makes one JSON object of a record: time, level, logger, node, message, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The same facts as the line for people; a traceback is a text within the object."""
        told = {
            "time": _time_of(record),
            "level": record.levelname,
            "logger": record.name,
            "node": self.node_id,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told)


def _time_of(record: logging.LogRecord) -> str:
    """When it was, in UTC and to the millisecond."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{moment}.{int(record.msecs):03d}Z"


def paint_for_stderr() -> Paint | None:
    """How to colour standard error; None where it is no terminal or NO_COLOR is set."""
    if not sys.stderr.isatty():
        return None  # before rich is imported: a node in a script should start quickly
    from rich.console import Console  # noqa: PLC0415
    from rich.style import Style  # noqa: PLC0415

    console = Console(stderr=True)
    if console.color_system is None or console.no_color:
        return None
    return lambda text, style: Style.parse(style).render(text)


def configure_logging(level: str, node_id: str | None, *, as_json: bool = False) -> LineFormatter:
    """Send log lines to standard error: ours from *level* on, of libraries only warnings.

    The formatter is returned, so that it can learn an id that is drawn later.
    """
    name = node_id or "-"
    formatter = JsonFormatter(name) if as_json else LineFormatter(name, paint_for_stderr())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("huffleraft").setLevel(level.upper())
    return formatter


@dataclass(frozen=True, slots=True)
class LogLine:
    """A plain line taken apart again, for who shows several nodes' lines as one stream."""

    when: str
    level: str
    node_id: str
    message: str


def parse_log_line(line: str) -> LogLine | None:
    """The fields of a plain line; None for anything else, a traceback's lines for example."""
    found = _LINE.fullmatch(line)
    return LogLine(found[1], found[2], found[3], found[4]) if found else None
