"""A way through a small world, told as a golden script: it runs, and can be saved as a story.

Each move becomes the sentences that let the same happen to a cluster of cores, which is run beside
to know where each message stands among those on its link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from huffleraft.core import (
    AppendEntriesRequest,
    Committed,
    Entry,
    Follower,
    LogIndex,
    Message,
    NodeId,
    PreVoteRequest,
    ReadReady,
    Ref,
    Reply,
    RequestVoteRequest,
)
from huffleraft.core.invariants import require
from tests.core.cluster import CoreCluster, Packet
from tests.core.scenario import Story
from tests.worlds.beginning import start_of
from tests.worlds.moves import Move
from tests.worlds.node import Letter
from tests.worlds.world import World


class Telling:
    """The script of a way through a world, and what breaks at its end."""

    def __init__(
        self,
        world: World,
        moves: Sequence[Move],
        look: Callable[[CoreCluster], None] = lambda _: None,
    ) -> None:
        """Tell *moves*, from the start of *world* on, and let *look* see what each led to."""
        self.start = start_of(world.bounds)
        self.lines: list[str] = []
        self.broken: str | None = None
        self._world = world
        self._story = Story(check_steps=world.physics.check_steps)
        self._asked: dict[Ref, tuple[NodeId, LogIndex]] = {}
        try:
            for line in self.start:
                self._story.tell(line)
            for place, move in enumerate(moves):
                self._tell_move(move, moves[place + 1 :])
                look(self.cluster)
        except AssertionError as broken:
            self.broken = getattr(broken, "name", "Assertion")

    @property
    def cluster(self) -> CoreCluster:
        """The cluster to which all of it has happened."""
        return self._story.cluster

    def script(self, title: str) -> str:
        """The script, under the comment *title*."""
        return "\n".join([f"# {title}", "", *self.start, "", *self.lines, ""])

    def _say(self, line: str) -> None:
        self.lines.append(line)
        if line.startswith("read "):
            self._asked[self.cluster._refs + 1] = line.split()[1], self._acknowledged()
        self._story.tell(line)
        self.cluster.check()
        self._check_reads()

    def _tell_move(self, move: Move, later: Sequence[Move]) -> None:
        name = self._world.ids[move.node]
        match move.word:
            case "expire":
                self._say(f"expire {name} election")
            case "heartbeat" | "check-quorum":
                self._say(f"expire {name} {move.word}")
            case "flush":
                self._say(f"flush {name} {move.what}")
            case "crash":
                self._say(f"crash {name} {move.what}")
                self._say(f"restart {name}")
            case "configure":
                voters = ",".join(self._world.bounds.wanted[move.what])
                self._say(f"configure {name} {voters} by force")
            case "deliver":
                again = any(one.word == "deliver" and one.what == move.what for one in later)
                self._deliver(self._find(self._world.post.letters[move.what]), keep=again)
            case "campaign":
                helpers = [
                    one for place, one in enumerate(self._world.ids) if move.what >> place & 1
                ]
                self._campaign(name, {name, *helpers})
            case "arrive" | "repeat" | "cut":
                self._stream(name, move)
            case _:
                self._say(f"{move.word} {name}")

    def _campaign(self, name: NodeId, among: set[NodeId]) -> None:
        before = max((one.number for one in self.cluster.network), default=0)
        self._say(f"campaign {name}")
        while fresh := next(self._at_once(before, among), None):
            self._deliver(fresh)

    def _at_once(self, before: int, among: set[NodeId]) -> Iterator[Packet]:
        for packet in self.cluster.network:
            between = {packet.source, packet.to} <= among
            if (
                packet.number > before
                and between
                and isinstance(packet.message, self._world.bounds.at_once)
            ):
                yield packet

    def _stream(self, name: NodeId, move: Move) -> None:
        streams = [one for one in self.cluster.network if one.copy and one.source == name]
        packet = streams[move.what]
        if move.word == "cut":
            self._say(f"drop {name} -> {packet.to} {self._place(packet)}")
        else:
            self._deliver(packet, keep=move.word == "repeat")

    def _deliver(self, packet: Packet, *, keep: bool = False) -> None:
        role = self.cluster[packet.to].role
        asks = isinstance(packet.message, PreVoteRequest | RequestVoteRequest)
        if asks and isinstance(role, Follower) and role.sticky:
            self._say(f"expire {packet.to} stickiness")
        place = self._place(packet)
        words = ["deliver", packet.source, "->", packet.to]
        self._say(" ".join([*words, *([str(place)] if place > 1 else []), *["keep"] * keep]))

    def _place(self, packet: Packet) -> int:
        link = (packet.source, packet.to)
        same = [one for one in self.cluster.network if (one.source, one.to) == link]
        return same.index(packet) + 1

    def _find(self, letter: Letter) -> Packet:
        meant = (letter.to, _nameless(letter.message))
        return next(
            one for one in self.cluster.network if (one.to, _nameless(one.message)) == meant
        )

    # Reads are judged here, as the world judges them.

    def _acknowledged(self) -> LogIndex:
        replies = self.cluster.replies.values()
        outcomes = [one.outcome for one in replies if isinstance(one, Reply)]
        return max((one.index for one in outcomes if isinstance(one, Committed)), default=0)

    def _check_reads(self) -> None:
        cluster = self.cluster
        for ref, (node, acknowledged) in list(self._asked.items()):
            if isinstance(cluster.replies.get(ref), ReadReady):
                del self._asked[ref]
                require(
                    cluster[node].last_applied >= acknowledged,
                    "LinearizableRead",
                    "{} served read {} before {}",
                    node,
                    ref,
                    acknowledged,
                )


def _nameless(message: Message) -> Any:
    """*message* without what clients said: a script has other commands."""
    if not isinstance(message, AppendEntriesRequest):
        return message
    entries = tuple(
        Entry(one.term, one.index, b"" if isinstance(one.payload, bytes) else one.payload)
        for one in message.entries
    )
    return replace(message, entries=entries)
