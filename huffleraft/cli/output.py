"""What a command tells: a table for a person, JSON for a program.

Neither has colours, so there is nothing to switch off where standard output is a pipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """The form of an answer."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="A table to read, or JSON for a program.")
]


def print_json(value: object) -> None:
    """One JSON document, on one line; bytes are told in base64."""
    import msgspec  # noqa: PLC0415  # help should not wait for it

    print(msgspec.json.encode(value).decode())


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their widest cell; what is not known is told by a dash."""
    lines = [list(headings), *([_cell(one) for one in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def print_facts(facts: Mapping[str, object]) -> None:
    """Names and what they are, a line each."""
    width = max(map(len, facts))
    for name, fact in facts.items():
        print(f"{name:<{width}}  {_cell(fact)}")


def _cell(value: object) -> str:
    """A cell's words, all on one line whatever a node or a file says."""
    if value is None:
        return "-"
    text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
