"""What nodes say of themselves, asked again and again behind the proxy's back.

A fault must not hide from us what it does, so the poll goes straight to each node's real port.
Each answer is one value of the node's state (role, term, commit, applied of the same instant),
held between two times of ours: it was true at some moment between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import msgspec

from jepsen_lite.cluster.configuration import Configuration
from jepsen_lite.jsonl import read_lines

FILE: Final = "statuses.jsonl"
POLL_SECONDS: Final = 0.2
ANSWER_SECONDS: Final = 1.0
HASH_EVERY: Final = 10
"""Every so many polls also ask for the hash of the state, which costs a walk over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The part of `/v1/status` that is judged or drawn; other fields are left alone."""

    id: str
    boot: int
    role: str
    term: int
    commit_index: int
    last_applied: int
    ready: bool
    leader: str | None = None
    hash: str | None = None
    hash_index: int | None = None
    first_index: int = 1
    last_index: int = 0
    """The log: what is before its first entry is only in a snapshot."""
    configuration: Configuration | None = None
    """Who belongs to the cluster, by what is in force at this node."""
    installs: int = 0
    """Snapshots of others that have replaced its state in this boot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSample:
    """One poll of one node.  Without `status`, `error` says why there is none."""

    node: str
    begin_ns: int
    end_ns: int
    status: Status | None = None
    error: str | None = None


_decoder = msgspec.json.Decoder(Status)


class StatusClient:
    """Asks nodes for their status, over connections that it keeps."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._client = httpx2.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False)

    async def ask(self, node: str, port: int, *, with_hash: bool = False) -> StatusSample:
        """The status of *node*, which listens on *port*; never raises for what a node does."""
        url = f"http://127.0.0.1:{port}/v1/status" + ("?hash=true" if with_hash else "")
        begin = self._now()
        status: Status | None = None
        error: str | None = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._client.get(url)
            if answer.status_code == httpx2.codes.OK:
                status = _decoder.decode(answer.content)
            else:
                error = f"status {answer.status_code}"
        except (httpx2.HTTPError, TimeoutError, msgspec.DecodeError) as failure:
            error = str(failure) or type(failure).__name__
        return StatusSample(
            node=node, begin_ns=begin, end_ns=self._now(), status=status, error=error
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()


def read_statuses(run_folder: Path) -> tuple[StatusSample, ...]:
    """Every poll of a run folder, in the order of their ends.  Raises ValueError."""
    return read_lines(run_folder / FILE, StatusSample)
