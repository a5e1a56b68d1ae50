"""Histories as their files have them: a line is a dict, and a test says only what it is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from jepsen_lite.checkers import check_linearizable
from jepsen_lite.history import History, MalformedHistory, read_history
from jepsen_lite.models import MODELS
from jepsen_lite.verdict import Verdict

Line: TypeAlias = dict[str, Any]


def line(kind: str, process: object, f: str, value: object = None, **fields: object) -> Line:
    """One line, of key `x` only if *fields* say so."""
    return {"process": process, "type": kind, "f": f, "value": value, "time": 0, **fields}


def invoke(process: object, f: str, value: object = None, **fields: object) -> Line:
    """The line that begins an operation."""
    return line("invoke", process, f, value, **fields)


def ok(process: object, f: str, value: object = None, **fields: object) -> Line:
    """The line that says it happened."""
    return line("ok", process, f, value, **fields)


def fail(process: object, f: str, value: object = None, **fields: object) -> Line:
    """The line that says it did not happen."""
    return line("fail", process, f, value, **fields)


def info(process: object, f: str, value: object = None, **fields: object) -> Line:
    """The line that says nobody knows."""
    return line("info", process, f, value, **fields)


def did(process: object, f: str, value: object = None, **fields: object) -> tuple[Line, Line]:
    """An operation that went well, alone in its time; a read saw *value*."""
    asked = None if f == "read" else value
    return invoke(process, f, asked, **fields), ok(process, f, value, **fields)


def text_of(lines: tuple[Mapping[str, object], ...]) -> bytes:
    """The file of *lines*."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def history_of(text: bytes, model: str) -> History:
    """What the reader makes of a file that holds *text*."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        path.write_bytes(text)
        return read_history(path, MODELS[model])


def verdict(model: str, *lines: Line) -> Verdict:
    """What the check says of *lines*."""
    return check_linearizable(history_of(text_of(lines), model)).valid


def refusal(model: str, *lines: Line) -> str:
    """The sentence that refuses *lines*; a test fails if they are taken."""
    return refusal_of(text_of(lines), model)


def refusal_of(text: bytes, model: str = "register") -> str:
    """The sentence that refuses a file that holds *text*."""
    try:
        history = history_of(text, model)
    except MalformedHistory as malformed:
        return str(malformed)
    raise AssertionError(f"this was taken for a history: {history.operations}")
