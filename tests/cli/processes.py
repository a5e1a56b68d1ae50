"""A command of ours as a real process, whose lines a test waits for.

Waiting is for a line or for the end, always with a deadline, and a failure shows all that the
process wrote.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Self

PATIENCE = 30.0
"""Seconds any wait may take on a busy machine before the test fails."""


class Running:
    """`huffleraft ARGS...`, in a process group of its own, killed when the block ends."""

    def __init__(
        self,
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        module: Sequence[str] = ("-m", "huffleraft"),
    ) -> None:
        self.command = [sys.executable, *module, *map(str, args)]
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._changed = threading.Condition()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines))
            for stream, lines in (
                (self.process.stdout, self.out),
                (self.process.stderr, self.err),
            )
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self._join()

    def _read(self, stream: IO[bytes], lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _join(self) -> None:
        for reader in self._readers:
            reader.join(PATIENCE)

    def line(self, wanted: str | Callable[[str], bool], *, within: float = PATIENCE) -> str:
        """The first line, of either stream, that contains or fulfils *wanted*."""
        fits = wanted if callable(wanted) else lambda line: wanted in line

        def found() -> str | None:
            return next((line for line in (*self.out, *self.err) if fits(line)), None)

        def settled() -> bool:
            return found() is not None or not any(one.is_alive() for one in self._readers)

        with self._changed:
            # A reader's very last notice may come while it is still alive: look again by then.
            self._changed.wait_for(settled, within)
            line = found()
        assert line is not None, f"no line {wanted!r} came from\n{self.report()}"
        return line

    def ready(self) -> dict[str, str]:
        """What `serve` says of itself once it listens."""
        words = self.line(lambda line: line.startswith("ready ")).split()[1:]
        return dict(word.split("=", 1) for word in words)

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to this process alone."""
        self.process.send_signal(signum)

    def end(self, *, within: float = PATIENCE) -> int:
        """Its exit code, once it has ended and all it wrote was read."""
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {within} s\n{self.report()}") from None
        self._join()
        return code

    def report(self) -> str:
        """What was run and everything it wrote."""
        return "\n".join([" ".join(self.command), "-- stdout", *self.out, "-- stderr", *self.err])

    def sentence(self) -> str:
        """The one line on standard error with which a command of ours fails."""
        told = [line for line in self.err if line.startswith(("huffleraft: ", "Error: "))]
        assert len(told) == 1, self.report()
        assert "Traceback" not in "\n".join(self.err), self.report()
        return told[0]


@contextlib.contextmanager
def serving(*args: str | Path) -> Iterator[Running]:
    """A `serve` that listens already."""
    with Running("serve", *args) as running:
        running.ready()
        yield running
