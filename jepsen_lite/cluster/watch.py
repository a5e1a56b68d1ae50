"""The latest word of every node, and waiting until what they say together is true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from jepsen_lite.cluster.process import State
from jepsen_lite.cluster.status import POLL_SECONDS, StatusClient, StatusSample

if TYPE_CHECKING:
    from jepsen_lite.cluster.process import NodeProcess

FRESH_NS = 1_500_000_000
"""A node that has not answered for so long says nothing about now."""


class Watch:
    """Polls every node that runs; *keep* gets each sample as it is made."""

    def __init__(
        self,
        nodes: Mapping[str, NodeProcess],
        now: Callable[[], int],
        keep: Callable[[StatusSample], None],
        *,
        hash_every: int | None,
    ) -> None:
        self.samples: list[StatusSample] = []
        self.latest: dict[str, StatusSample] = {}
        self._nodes = nodes
        self._now = now
        self._keep = keep
        self._hash_every = hash_every
        self._client = StatusClient(now)
        self._news = asyncio.Condition()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self, node: str) -> None:
        """Poll *node* from now on, whenever it runs."""
        self._tasks[node] = asyncio.create_task(self._follow(self._nodes[node]))

    async def forget(self, node: str) -> None:
        """Poll *node* no more; what it said last says nothing about now."""
        self.latest.pop(node, None)
        if (task := self._tasks.pop(node, None)) is not None:
            await _ended(task)

    async def stop(self) -> None:
        """Poll no more."""
        while self._tasks:
            _, task = self._tasks.popitem()
            await _ended(task)
        await self._client.close()

    async def ask(self, process: NodeProcess, *, with_hash: bool) -> StatusSample:
        """One sample of the node of *process*, now; kept with the others."""
        node = process.node
        sample = await self._client.ask(node, process.port, with_hash=with_hash)
        self.samples.append(sample)
        if node in self._nodes:  # else it was taken away meanwhile
            self.latest[node] = sample
        self._keep(sample)
        async with self._news:
            self._news.notify_all()
        return sample

    async def until(self, true: Callable[[], bool], within: float) -> bool:
        """Wait until *true* holds after some sample; False if it does not in *within* seconds."""
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(true)
        except TimeoutError:
            return False
        return True

    def leader(self) -> StatusSample | None:
        """The freshest sample of the node that leads in the highest term; None if none is known.

        A node that was killed or paused leads nobody, whatever it said last.
        """
        leaders = [
            sample
            for sample in self.fresh()
            if sample.status is not None and sample.status.role == "leader"
        ]
        return max(leaders, key=_term, default=None)

    def all_ready(self, since: int) -> bool:
        """Whether a leader leads and every node has said, after *since*, that it is ready."""
        return self.leader() is not None and not self.unready(since)

    def unready(self, since: int) -> dict[str, str]:
        """Nodes that have not said after *since* that they are ready, each with what it said."""
        return {
            node: _why(self.latest.get(node), since, process.state)
            for node, process in self._nodes.items()
            if not _is_ready(self.latest.get(node), since) or process.state is not State.UP
        }

    def fresh(self) -> Iterable[StatusSample]:
        """What each node that runs said last, if it said it in this boot and not long ago."""
        oldest = self._now() - FRESH_NS
        return (
            sample
            for node, sample in self.latest.items()
            if self._nodes[node].state is State.UP
            and sample.end_ns >= oldest
            and sample.status is not None
            and sample.status.boot == self._nodes[node].boot
        )

    async def _follow(self, process: NodeProcess) -> None:
        poll = 0
        while True:
            if process.state is State.UP and process.port:
                poll += 1
                with_hash = self._hash_every is not None and poll % self._hash_every == 0
                await self.ask(process, with_hash=with_hash)
            await asyncio.sleep(POLL_SECONDS)


async def _ended(task: asyncio.Task[None]) -> None:
    """End *task*, a poll of a node, which may be under way."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _term(sample: StatusSample) -> int:
    return sample.status.term if sample.status is not None else 0


def _is_ready(sample: StatusSample | None, since: int) -> bool:
    return (
        sample is not None
        and sample.begin_ns >= since
        and sample.status is not None
        and sample.status.ready
    )


def _why(sample: StatusSample | None, since: int, state: State) -> str:
    if state is not State.UP:
        return f"is {state.value}"
    if sample is None or sample.begin_ns < since:
        return "has not answered"
    if sample.status is None:
        return f"answers: {sample.error}"
    return f"is not ready ({sample.status.role} in term {sample.status.term})"
