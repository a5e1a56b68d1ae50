"""Golden scripts: stories in few words, with the exact consequence of every sentence.

A script begins with a comment that says what it shows and why that matters.  Then come blocks:
commands, a line ``---``, and what happened.  Blocks are separated by an empty line.  Ids are
index:term, as everywhere in the house notation.

    cluster n1 n2 n3 [spare n4] [batch 8]
                                      a cluster that has run for a while, and hears no leader
                                      (one entry a request unless said, one behind a snapshot);
                                      spare nodes are empty, and belong to no cluster yet
    log n1 1:1 2:1 term 2 [commit 1]  what n1's disk holds; before anything else happens
    slow n1 n2                        from now on these disks finish writes only by `flush`
    fast n1 n2                        and these at once again, as they did before
    elect n1 [n2 ...]                 these hear nobody, n1 campaigns, and all between them settles
    campaign n1                       n1 hears nobody until its election timeout
    expire n1 TIMER                   election, heartbeat, check-quorum, stickiness or transfer
    propose n1 [COUNT]                clients offer commands, one event
    read n1 [COUNT]                   clients ask to read, one event
    configure n1 n1,n2 [learners n3,n4] [by force]
                                      somebody wants these voters, and these learners
    transfer n1 [n2]                  n1 is asked to hand its office to n2, or to the best voter
    deliver n1 -> n2 [PLACE] [keep]   the oldest message arrives, or the one at that place among
                                      those on the link, from 1; with keep, a copy comes again last
    drop n1 -> n2 [PLACE]             all messages on that link are lost, or that one
    snapshot n1 [INDEX]               n1's machine is durable, for a snapshot of all it applied,
                                      or up to INDEX
    flush n1 [COUNT]                  the oldest writes become durable
    crash n1 [COUNT]                  power fails; so many unfinished writes survived
    restart n1
    fail n1 REASON                    a write failed
    stabilize [n1 n2 ...]             all that can pass between these nodes passes, unreported
    show [n1 ...]                     one line a server
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from huffleraft.core import (
    ORIGIN,
    CancelTimer,
    ClientRequested,
    Effect,
    Entry,
    EntryId,
    Halt,
    Log,
    NodeId,
    ReadReady,
    ReadRequested,
    Reply,
    ResetTimer,
    StorageFailed,
    Timer,
    TransferRequested,
    Vote,
)
from huffleraft.core.invariants import Image
from huffleraft.notation import render_effect, render_server
from tests.core.cluster import ONE_AT_A_TIME, CoreCluster, Packet

RULE = "---"


class ScriptError(Exception):
    """A line of a script is not understood; the message says what was expected."""


def run_script(text: str) -> str:
    """*text* with the consequences of each block as they are now."""
    head, *blocks = text.strip().split("\n\n")
    if not head.startswith("#"):
        raise ScriptError("a script begins with a comment that says what it shows")
    story = Story()
    told = [head]
    for block in blocks:
        commands = block.split(f"\n{RULE}")[0].splitlines()
        said = [line for command in commands for line in story.tell(command)]
        told.append("\n".join([*commands, RULE, *said]))
    return "\n\n".join(told) + "\n"


class Story:
    """One cluster, and the commands that are told of it."""

    def __init__(self, *, check_steps: bool = True) -> None:
        """Nothing has happened yet: the first command is `cluster`.

        Without *check_steps*, only what is visible between servers is checked.
        """
        self._cluster: CoreCluster | None = None
        self._check_steps = check_steps
        self.slow: set[NodeId] = set()
        """Whose disks finish writes by `flush` alone."""
        self._commands: dict[str, Callable[[list[str]], Iterable[str] | None]] = {
            "cluster": self._found,
            "log": self._log,
            "slow": self._slow_disks,
            "fast": self._fast_disks,
            "elect": self._elect,
            "campaign": self._campaign,
            "expire": self._expire,
            "propose": self._propose,
            "read": self._read,
            "configure": self._configure,
            "transfer": self._transfer,
            "deliver": self._deliver,
            "drop": self._drop,
            "snapshot": self._snapshot,
            "flush": self._flush,
            "crash": self._crash,
            "restart": self._restart,
            "fail": self._fail,
            "stabilize": self._stabilize,
            "show": self._show,
        }

    @property
    def cluster(self) -> CoreCluster:
        """The cluster of this story."""
        if self._cluster is None:
            raise ScriptError("the first command is: cluster n1 n2 n3")
        return self._cluster

    def tell(self, line: str) -> list[str]:
        """Let the sentence *line* happen; what came of it, in the house notation."""
        word, *rest = line.split()
        if word not in self._commands:
            raise ScriptError(f"{word!r} is no command; known are {', '.join(self._commands)}")
        before = len(self._cluster.effects) if self._cluster else 0
        said = self._commands[word](rest)
        if said is not None:
            return list(said)
        self._finish_fast_writes()
        self.cluster.check()
        return [
            f"{node:3} {render_effect(effect)}"
            for node, effects in self.cluster.effects[before:]
            for effect in effects
            if not isinstance(effect, ResetTimer | CancelTimer)
        ]

    def _finish_fast_writes(self) -> None:
        moved = True
        while moved:
            moved = False
            for node in self.cluster.running:
                if node not in self.slow and self.cluster.nodes[node].unfinished:
                    self.cluster.flush(node)
                    moved = True

    # The commands.

    def _found(self, words: list[str]) -> Iterable[str]:
        founders, _, spares = (part.strip() for part in " ".join(words).partition("spare"))
        ids, spare = ([one for one in part.split() if one[0] == "n"] for part in (founders, spares))
        batch = int(words[words.index("batch") + 1]) if "batch" in words else None
        limits = replace(ONE_AT_A_TIME, entries_per_append=batch or 1)
        self._cluster = CoreCluster(
            len(ids), spares=len(spare), limits=limits, check_steps=self._check_steps
        )
        for node in (*ids, *spare):
            self._cluster.expire(node, Timer.STICKINESS)
        return ()

    def _log(self, words: list[str]) -> Iterable[str]:
        node, *rest = words
        ids = [EntryId(int(t), int(i)) for i, _, t in (w.partition(":") for w in rest if ":" in w)]
        term = int(rest[rest.index("term") + 1]) if "term" in rest else ids[-1].term
        one = self.cluster.nodes[node]
        first = one.disk.log[1]
        made = [Entry(at.term, at.index, f"{at.index}:{at.term}".encode()) for at in ids[1:]]
        one.disk = Image(Vote(term), None, Log(ORIGIN, (first, *made)))
        one.server = None
        self.cluster.restart(node)
        self.cluster.expire(node, Timer.STICKINESS)
        return ()

    def _slow_disks(self, words: list[str]) -> Iterable[str]:
        self.slow.update(words)
        return ()

    def _fast_disks(self, words: list[str]) -> None:
        self.slow.difference_update(words)

    def _elect(self, words: list[str]) -> Iterable[str]:
        side = words if len(words) > 1 else self.cluster.running
        for node in side:
            self.cluster.expire(node, Timer.STICKINESS)
        before = len(self.cluster.effects)
        self.cluster.campaign(words[0])
        return self._settle(side, before)

    def _campaign(self, words: list[str]) -> None:
        (node,) = words
        self.cluster.campaign(node)

    def _expire(self, words: list[str]) -> None:
        node, timer = words
        self.cluster.expire(node, Timer(timer))

    def _propose(self, words: list[str]) -> None:
        node, count = words[0], int(words[1]) if len(words) > 1 else 1
        refs = [self.cluster.new_ref() for _ in range(count)]
        self.cluster.event(node, ClientRequested(tuple((ref, b"r%d" % ref) for ref in refs)))

    def _read(self, words: list[str]) -> None:
        node, count = words[0], int(words[1]) if len(words) > 1 else 1
        self.cluster.event(node, ReadRequested(tuple(self.cluster.new_ref() for _ in range(count))))

    def _configure(self, words: list[str]) -> None:
        node, voters, *rest = words
        force = rest[-2:] == ["by", "force"]
        learners = rest[:-2] if force else rest
        if learners and learners[0] != "learners":
            raise ScriptError("expected: configure n1 n1,n2,n3 learners n4 by force")
        named = learners[1].split(",") if learners else ()
        self.cluster.ask_for(node, voters.split(","), named, force=force)

    def _transfer(self, words: list[str]) -> None:
        node, *to = words
        self.cluster.event(node, TransferRequested(self.cluster.new_ref(), to[0] if to else None))

    def _deliver(self, words: list[str]) -> None:
        source, arrow, to, *rest = words
        if arrow != "->":
            raise ScriptError("expected: deliver n1 -> n2")
        keep = rest[-1:] == ["keep"]
        place = int(rest[0]) if len(rest) > keep else 1
        on_link = self._on_link(source, to)
        if len(on_link) < place:
            raise ScriptError(f"no message is on its way from {source} to {to}")
        packet = on_link[place - 1]
        self.cluster.deliver(packet, keep=keep)
        if keep:
            self.cluster.network.remove(packet)
            self.cluster.network.append(packet)

    def _drop(self, words: list[str]) -> Iterable[str] | None:
        source, _, to, *place = words
        lost = self._on_link(source, to)
        if place:
            lost = [lost[int(place[0]) - 1]]
        for packet in lost:
            self.cluster.lose(packet)
        # Only the end of a stream is noticed by its sender.
        return None if any(packet.copy for packet in lost) else ()

    def _on_link(self, source: NodeId, to: NodeId) -> list[Packet]:
        return [one for one in self.cluster.network if (one.source, one.to) == (source, to)]

    def _snapshot(self, words: list[str]) -> None:
        node, *index = words
        self.cluster.take_snapshot(node, int(index[0]) if index else None)

    def _flush(self, words: list[str]) -> None:
        self.cluster.flush(words[0], int(words[1]) if len(words) > 1 else None)

    def _crash(self, words: list[str]) -> Iterable[str]:
        self.cluster.crash(words[0], int(words[1]) if len(words) > 1 else 0)
        return ()

    def _restart(self, words: list[str]) -> Iterable[str]:
        self.cluster.restart(words[0])
        return ()

    def _fail(self, words: list[str]) -> None:
        node, *reason = words
        self.cluster.event(node, StorageFailed(" ".join(reason)))

    def _stabilize(self, words: list[str]) -> Iterable[str]:
        return self._settle(words or self.cluster.running, len(self.cluster.effects))

    def _settle(self, side: Iterable[NodeId], before: int) -> Iterable[str]:
        self.cluster.stabilize(side)
        self.cluster.check()
        return [
            f"{node:3} {render_effect(effect)}"
            for node, effects in self.cluster.effects[before:]
            for effect in effects
            if _told_to_clients(effect)
        ]

    def _show(self, words: list[str]) -> Iterable[str]:
        return [render_server(self.cluster[node]) for node in words or self.cluster.running]


def _told_to_clients(effect: Effect) -> bool:
    return isinstance(effect, Reply | ReadReady | Halt)
