"""The cluster itself: all nodes, their proxy and the watch over them, as one thing to break."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Self

import msgspec

from jepsen_lite.clock import RunClock
from jepsen_lite.cluster import life, status
from jepsen_lite.cluster.config import ClusterConfig, founding, joining
from jepsen_lite.cluster.configuration import Configuration, decided
from jepsen_lite.cluster.life import UnexpectedEnd
from jepsen_lite.cluster.process import NodeNotStarted, NodeProcess, State
from jepsen_lite.cluster.status import StatusSample
from jepsen_lite.cluster.watch import Watch
from jepsen_lite.jsonl import Lines
from jepsen_lite.proxy import Proxy


class ClusterNotReady(RuntimeError):  # noqa: N818  # a fact is named for what happened
    """Some node was not ready in time; says which, and what it said instead."""


class Cluster:
    """Made by `Cluster.start`; see the package for what to read and call."""

    def __init__(
        self, config: ClusterConfig, run_folder: Path, proxy: Proxy, clock: RunClock
    ) -> None:
        self.config = config
        self.run_folder = run_folder
        self.proxy = proxy
        self.clock = clock
        self.now = clock.now
        self.addresses = dict(proxy.addresses)
        self.unexpected_ends: list[UnexpectedEnd] = []
        self.condemned: set[str] = set()
        """Killed for good: nobody starts them again, and they are to be retired."""
        self._founding = founding(self.addresses)
        self._number = config.size
        self._lives = Lines(run_folder / life.FILE)
        self._statuses = Lines(run_folder / status.FILE)
        self.nodes = {node: self._process(node, self._founding) for node in config.nodes}
        self._watch = Watch(
            self.nodes, self.now, self._statuses.append, hash_every=config.hash_every
        )

    @classmethod
    @asynccontextmanager
    async def start(
        cls, config: ClusterConfig, run_folder: Path, clock: RunClock | None = None
    ) -> AsyncIterator[Self]:
        """All nodes of *config*, listening, for as long as the block lasts.

        Raises NodeNotStarted, ProxyFailed; then, too, nothing is left running.
        """
        async with AsyncExitStack() as stack:
            log = stack.enter_context(_proxy_log(run_folder))
            proxy = await stack.enter_async_context(Proxy.start(config.nodes, log))
            cluster = cls(config, run_folder, proxy, clock or RunClock())
            stack.push_async_callback(cluster.stop)
            await cluster._open()
            yield cluster

    @property
    def samples(self) -> Sequence[StatusSample]:
        """Every poll so far, in the order of their ends."""
        return self._watch.samples

    def latest(self, node: str) -> StatusSample | None:
        """The last poll of *node*."""
        return self._watch.latest.get(node)

    def running(self) -> tuple[str, ...]:
        """The nodes that run and listen: neither down, nor paused, nor still starting."""
        return tuple(node for node, one in self.nodes.items() if one.state is State.UP and one.port)

    def voters(self) -> tuple[str, ...] | None:
        """Who decides, by what a majority of themselves say now; None in doubt."""
        return decided(self._watch.fresh())

    def configuration(self) -> Configuration | None:
        """What is in force at the leader, as far as it is known; None in doubt."""
        leader = self._watch.leader()
        return None if leader is None or leader.status is None else leader.status.configuration

    def leader(self) -> str | None:
        """The running node that led in the highest term when it was last asked; None in doubt."""
        sample = self._watch.leader()
        return sample.node if sample is not None else None

    def term(self) -> int:
        """The highest term in which a node has been seen to lead."""
        terms = (
            sample.status.term
            for sample in self._watch.samples
            if sample.status is not None and sample.status.role == "leader"
        )
        return max(terms, default=0)

    async def has_leader(self, within: float) -> bool:
        """Wait until some running node leads; False if none does in *within* seconds."""
        return await self.until(lambda: self.leader() is not None, within)

    async def until(self, true: Callable[[], bool], within: float) -> bool:
        """Wait until *true* holds after some sample; False if it does not in *within* seconds."""
        return await self._watch.until(true, within)

    async def refresh(self) -> None:
        """Ask every running node once more, now."""
        asked = (self._watch.ask(self.nodes[node], with_hash=False) for node in self.running())
        await asyncio.gather(*asked)

    async def ready(self, within: float) -> None:
        """Wait until a leader leads and every node is ready.  Raises ClusterNotReady."""
        since = self.now()
        if not await self._watch.until(lambda: self._watch.all_ready(since), within):
            unready = self._watch.unready(since)
            said = "; ".join(f"{node} {why}" for node, why in unready.items())
            raise ClusterNotReady(
                f"after {within:g} s {said or 'every node is ready, but none leads'}; "
                f"their logs are in {self.run_folder}/nodes"
            )

    async def settled(self, within: float) -> int | None:
        """Wait until every node votes, is ready and has applied what the leader had committed.

        The commit meant is the first that a leader names after this call.  Returns the
        nanoseconds it took; None if it did not happen in *within* seconds.
        """
        since = self.now()
        goal: int | None = None

        def is_settled() -> bool:
            nonlocal goal
            leader = self._watch.leader()
            if goal is None and leader is not None and leader.begin_ns >= since:
                assert leader.status is not None
                goal = leader.status.commit_index
            return (
                goal is not None
                and self._watch.all_ready(since)
                and self._applied(goal)
                and self._all_vote()
            )

        settled = await self._watch.until(is_settled, within)
        return self.now() - since if settled else None

    async def final_statuses(self) -> tuple[StatusSample, ...]:
        """One sample of each running node, with the hash of its state."""
        asked = (self._watch.ask(self.nodes[node], with_hash=True) for node in self.running())
        return tuple(await asyncio.gather(*asked))

    async def kill(self, nodes: Iterable[str]) -> dict[str, int]:
        """SIGKILL all *nodes* at once; the exit status of each that ran, once it is gone."""
        ran = tuple(
            node for node in self._present(nodes) if self.nodes[node].state is not State.DOWN
        )
        for node in ran:
            self.nodes[node].signal_kill()
        for node in ran:
            await self.proxy.withdraw(node)
        await asyncio.gather(*(self.nodes[node].gone() for node in ran))
        return {node: _known(self.nodes[node].returncode) for node in ran}

    async def restart(self, nodes: Iterable[str]) -> tuple[str, ...]:
        """Start again those of *nodes* that are down; returns those that would not start.

        Each of these stands in `unexpected_ends`, with its last lines.  Who was killed for good, or
        has left the cluster, is left alone.
        """
        chosen = tuple(
            node
            for node in self._present(nodes)
            if node not in self.condemned and not self.nodes[node].has_left
        )
        # A kill that was interrupted has struck, though nobody waited for the end.
        ending = (node for node in chosen if self.nodes[node].is_ending)
        await asyncio.gather(*(self.nodes[node].gone() for node in ending))
        down = tuple(node for node in self._present(chosen) if self.nodes[node].state is State.DOWN)
        failures = await asyncio.gather(*map(self._bring_up, down), return_exceptions=True)
        for failure in failures:
            if failure is not None and not isinstance(failure, NodeNotStarted):
                raise failure
        return tuple(
            node for node, failure in zip(down, failures, strict=True) if failure is not None
        )

    async def pause(self, nodes: Iterable[str]) -> dict[str, bool]:
        """SIGSTOP all *nodes*; for each whether it was seen to stand still."""
        chosen = self._present(nodes)
        stopped = await asyncio.gather(*(self.nodes[node].pause() for node in chosen))
        return dict(zip(chosen, stopped, strict=True))

    def resume(self, nodes: Iterable[str]) -> None:
        """SIGCONT those of *nodes* that are paused."""
        for node in self._present(nodes):
            self.nodes[node].resume()

    async def add(self) -> str:
        """Start a new node, which asks to be let in; its id, which nobody ever had.

        It has listened when this returns, unless it would not start; then it is down.
        """
        self._number += 1
        node = f"n{self._number}"
        seeds = [self.addresses[one] for one in self.nodes if one not in self.condemned]
        self.addresses[node] = await self.proxy.add(node)
        self.nodes[node] = self._process(node, joining(seeds))
        self._watch.follow(node)
        await self.restart([node])
        return node

    async def condemn(self, node: str) -> int | None:
        """SIGKILL for good: nobody starts *node* again.  Its exit status; None if it was down."""
        self.condemned.add(node)
        return (await self.kill([node])).get(node)

    def let_leave(self, node: str) -> None:
        """The removal of *node* is about to be asked for: it may end by itself from now on."""
        self.nodes[node].may_leave = True

    async def retire(self, node: str) -> None:
        """Forget *node*, which is down and no member any more, and delete its data."""
        process = self.nodes.pop(node)
        assert process.state is State.DOWN, f"{node} still runs"
        del self.addresses[node]
        self.condemned.discard(node)
        await self._watch.forget(node)
        await self.proxy.withdraw(node)
        shutil.rmtree(process.data_dir)

    async def stop(self) -> None:
        """Stop every node in good order, write `proxy.json`, and watch no more."""
        await self._watch.stop()
        try:
            await asyncio.gather(*(process.stop() for process in self.nodes.values()))
            report = await self.proxy.report()
            (self.run_folder / "proxy.json").write_bytes(msgspec.json.encode(report))
        finally:
            self._lives.close()
            self._statuses.close()

    async def _open(self) -> None:
        try:
            async with asyncio.TaskGroup() as starting:
                for node in self.nodes:
                    starting.create_task(self._bring_up(node))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        for node in self.nodes:
            self._watch.follow(node)

    async def _bring_up(self, node: str) -> None:
        process = self.nodes.get(node)
        if process is None or node in self.condemned:
            return  # taken away a moment ago
        await process.start(self.config.start_seconds)
        await self.proxy.point(node, process.port)

    def _process(self, node: str, beginning: str) -> NodeProcess:
        return NodeProcess(
            node,
            lambda data: self.config.command(node, self.proxy.addresses[node], data, beginning),
            self.run_folder.resolve() / "nodes" / node,
            now=self.now,
            tell=self._lives.append,
            lost=self.unexpected_ends.append,
        )

    def _present(self, nodes: Iterable[str]) -> tuple[str, ...]:
        """Those of *nodes* that are still here."""
        return tuple(node for node in nodes if node in self.nodes)

    def _all_vote(self) -> bool:
        """Whether those who vote are the nodes that run here; also where nobody tells."""
        told = self.configuration()
        return told is None or set(told.voters) == told.named == set(self.nodes)

    def _applied(self, index: int) -> bool:
        latest = (self._watch.latest.get(node) for node in self.nodes)
        return all(
            sample is not None and sample.status is not None and sample.status.last_applied >= index
            for sample in latest
        )


def _proxy_log(run_folder: Path) -> IO[bytes]:
    run_folder.mkdir(parents=True, exist_ok=True)
    return (run_folder / "proxy.log").open("ab")


def _known(returncode: int | None) -> int:
    assert returncode is not None, "a process that is gone has an exit status"
    return returncode
