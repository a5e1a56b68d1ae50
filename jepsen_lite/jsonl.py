"""Files of one JSON object a line: appended to as things happen, read again after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Lines:
    """An open file of lines.  Each is handed to the operating system before `append` returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._encoder = msgspec.json.Encoder()

    def append(self, line: object) -> None:
        """Write one object.  A crash leaves at most a last line without its newline."""
        self._file.write(self._encoder.encode(line) + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def read_lines(path: Path, kind: type[T]) -> tuple[T, ...]:
    """Every whole line of *path* as a *kind*; none if there is no such file.

    Raises ValueError, naming the line, for one that is not; a last line that was cut off by a
    crash is left out.
    """
    if not path.exists():
        return ()
    decoder = msgspec.json.Decoder(kind)
    *lines, _torn = path.read_bytes().split(b"\n")
    found: list[T] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from error
    return tuple(found)
