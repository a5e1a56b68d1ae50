"""A history on its way to a file, one line at a time, so that a killed harness loses at most one.

Each event is handed to the operating system whole, in one write of one line, before `append`
returns. What the process has appended survives its own death; what the machine's power failure
would take is not looked at here (closing syncs the file).
"""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from jepsen_lite.history.event import Event


class HistoryWriter:
    """Appends events to a new file. Raises FileExistsError rather than mix two histories."""

    def __init__(self, path: Path) -> None:
        self._file: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)

    def append(self, event: Event) -> None:
        """Write *event* as one line.

        Raises ValueError if the writer is closed, and OSError (a full disk) after which it is
        closed: a line after a torn one would make the file malformed.
        """
        if self._file is None:
            raise ValueError("this history is closed")
        line = json.dumps(event.to_json(), separators=(",", ":"), allow_nan=False)
        left = memoryview(line.encode() + b"\n")
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            self._release()
            raise

    def close(self) -> None:
        """Sync and close the file. Closing twice is harmless."""
        if self._file is not None:
            try:
                os.fsync(self._file)
            finally:
                self._release()

    def _release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
