"""The harness's end of the proxy: commands that return when the proxy has carried them out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import IO, Final, Self

import msgspec

from jepsen_lite.proxy.control import (
    LINE_BYTES_MAX,
    Add,
    Answer,
    Command,
    Cut,
    Delay,
    Heal,
    Point,
    Report,
    Withdraw,
    answer_decoder,
    encoder,
    started_decoder,
)
from jepsen_lite.proxy.links import Fate, Link, ProxyReport

ANSWER_SECONDS: Final = 20.0
"""A proxy that has not answered by then hangs, and the run is worth nothing."""


LEAVE_SECONDS: Final = 5.0
"""How long it may take to end once its input has ended."""


class ProxyFailed(RuntimeError):  # noqa: N818  # a fact is named for what happened
    """The proxy's process ended, hung, or refused a command; its own sentence says which."""


class Proxy:
    """A running proxy.  Its commands are carried out in the order in which they were given."""

    def __init__(self, process: asyncio.subprocess.Process, addresses: Mapping[str, str]) -> None:
        self.addresses = dict(addresses)
        self._process = process
        self._turn = asyncio.Lock()
        self._number = 0

    @classmethod
    @asynccontextmanager
    async def start(cls, nodes: Sequence[str], log: IO[bytes] | None = None) -> AsyncIterator[Self]:
        """A proxy for *nodes*, which ends with the block.  *log* takes what it has to complain of.

        Raises ProxyFailed.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "jepsen_lite.proxy",
            *nodes,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            limit=LINE_BYTES_MAX,
            process_group=0,
        )
        try:
            try:
                addresses = started_decoder.decode(await _line(process)).addresses
            except msgspec.DecodeError as error:
                raise ProxyFailed(f"the proxy began with something else: {error}") from error
            yield cls(process, addresses)
        finally:
            await _let_go(process)

    @property
    def pid(self) -> int:
        """The proxy's process."""
        return self._process.pid

    async def add(self, node: str) -> str:
        """*node* comes to be: from now on it has an address, which is returned, and links."""
        address = (await self._command(lambda number: Add(number, node))).address
        if address is None:
            raise ProxyFailed("the proxy answered without the new node's address")
        self.addresses[node] = address
        return address

    async def point(self, node: str, port: int) -> None:
        """*node* listens on *port* of the loopback; its address leads there from now on."""
        await self._command(lambda number: Point(number, node, port))

    async def withdraw(self, node: str) -> None:
        """*node* is down: who connects to its address is refused."""
        await self._command(lambda number: Withdraw(number, node))

    async def cut(self, links: Iterable[Link]) -> ProxyReport:
        """Hold what *links* carry, from now on.  The report is of this very moment."""
        cut = tuple(links)
        return await self._report_of(lambda number: Cut(number, cut))

    async def heal(self, fates: Mapping[Link, Fate]) -> ProxyReport:
        """Let links carry again.  One that is not cut is left as it is."""
        pairs = tuple(fates.items())
        return await self._report_of(lambda number: Heal(number, pairs))

    async def delay(self, seconds: Mapping[Link, float]) -> ProxyReport:
        """Let what links carry arrive *seconds* later; 0 ends a delay."""
        pairs = tuple(seconds.items())
        return await self._report_of(lambda number: Delay(number, pairs))

    async def report(self) -> ProxyReport:
        """What passed so far."""
        return await self._report_of(Report)

    async def _report_of(self, command: Callable[[int], Command]) -> ProxyReport:
        report = (await self._command(command)).report
        if report is None:
            raise ProxyFailed("the proxy answered without its report")
        return report

    async def _command(self, command: Callable[[int], Command]) -> Answer:
        async with self._turn:
            self._number += 1
            number = self._number
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(encoder.encode(command(number)) + b"\n")
                await self._process.stdin.drain()
            except ConnectionError as error:
                raise ProxyFailed("the proxy's process has ended") from error
            answer = answer_decoder.decode(await _line(self._process))
            while answer.number < number:  # whoever asked that was cancelled meanwhile
                answer = answer_decoder.decode(await _line(self._process))
        if answer.error is not None:
            raise ProxyFailed(answer.error)
        return answer


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError as error:
        raise ProxyFailed(f"the proxy has not answered for {ANSWER_SECONDS:g} s") from error
    if not line:
        raise ProxyFailed("the proxy's process has ended")
    return line


async def _let_go(process: asyncio.subprocess.Process) -> None:
    """Close its input, which ends it; kill it if that does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
