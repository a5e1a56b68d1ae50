"""A small world: its states, and the moves from one to the next.

A state is a tuple of small numbers: one for each node's state, the letters on their way as bits,
what is left of the allowance, and the past.  Worlds of a million states know only some thousand
states of a node, so that the real `step` is called that often and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple, TypeAlias

from huffleraft.core import Leader, Received
from tests.worlds.bounds import SPENT_ON, Bounds
from tests.worlds.ghost import Ghost, asked, forgotten, judged, told
from tests.worlds.moves import Happens, Move, alone, campaign, may_stand, next_read, stream
from tests.worlds.node import Letter, Node, Physics, Told
from tests.worlds.numbering import Numbering
from tests.worlds.post import Post

State: TypeAlias = tuple[int, ...]
"""A number for each node's state, the letters as bits, what is left, the past."""

_FREE = -1


class Option(NamedTuple):
    """A move of one node alone: its state after, its letters as bits, and what it is taken from."""

    move: Move
    after: int
    letters: int
    told: tuple[Told, ...]
    cost: int


class Joint(NamedTuple):
    """A move of several nodes: where they are, their states after, and their letters as bits."""

    move: Move
    places: tuple[int, ...]
    after: tuple[int, ...]
    letters: int


class World:
    """All that can happen within *bounds* to the nodes that its start left."""

    def __init__(
        self,
        bounds: Bounds,
        nodes: Sequence[Node],
        letters: Sequence[Letter],
        ghost: Ghost,
        physics: Physics,
    ) -> None:
        """Begin where *nodes* are after the past *ghost*, with *letters* on their way."""
        self.bounds, self.physics = bounds, physics
        self.ids = [node.server.id for node in nodes]
        self.nodes: Numbering[Node] = Numbering()
        self.post = Post(self.ids, self.nodes, forget=bounds.forget)
        self.left: Numbering[tuple[int, ...]] = Numbering()
        self.past: Numbering[Ghost] = Numbering()
        self.trying: Move | None = None
        """The move that is worked out: if that breaks a property, this one is to blame."""
        self._alone: dict[int, list[Option]] = {}
        self._received: dict[tuple[int, int], Option | None] = {}
        self._idle: dict[int, int] = {}
        self._joint: dict[tuple[int, ...], list[Joint]] = {}
        self._campaigned: dict[tuple[int, ...], Joint | None] = {}
        self._settled: dict[tuple[tuple[int, ...], int], int] = {}
        allowance = tuple(getattr(bounds.allowance, name) for name in SPENT_ON)
        self.initial: State = (
            *(self._number(node) for node in nodes),
            self._posted(letters),
            self.left.number(allowance),
            self.past.number(judged(ghost, nodes)),
        )

    def successors(self, state: State) -> Iterator[tuple[Move, State]]:
        """Every move that is possible in *state*, with the state after it."""
        *numbers, letters, left, past = state
        ks = tuple(numbers)
        allowed = self.left[left]
        for place, k in enumerate(ks):
            for option in self._options(place, k):
                if option.cost == _FREE or allowed[option.cost]:
                    yield option.move, self._after(ks, place, option, letters, left, past)
            waiting = letters & self.post.inbox[self.ids[place]] & ~self._idle.get(k, 0)
            while waiting:
                bit = waiting & -waiting
                waiting ^= bit
                one = self._receive(place, k, bit.bit_length() - 1)
                if one is not None and (one.after != k or one.letters & ~letters):
                    yield one.move, self._after(ks, place, one, letters, left, past)
            for joint in self._joint_moves(place, ks):
                after = list(ks)
                for at, new in zip(joint.places, joint.after, strict=True):
                    after[at] = new
                self.trying = joint.move
                yield joint.move, self._settle(tuple(after), letters | joint.letters, left, past)

    def _after(
        self, ks: tuple[int, ...], place: int, option: Option, letters: int, left: int, past: int
    ) -> State:
        self.trying = option.move
        if option.cost != _FREE:
            before = self.left[left]
            spent = (*before[: option.cost], before[option.cost] - 1, *before[option.cost + 1 :])
            left = self.left.number(spent)
        if self.bounds.allowance.reads:
            past = self._heard(past, place, ks[place], option)
        if option.after != ks[place]:
            ks = (*ks[:place], option.after, *ks[place + 1 :])
        return self._settle(ks, letters | option.letters, left, past)

    def _heard(self, past: int, place: int, k: int, option: Option) -> int:
        """The past, as far as clients know it: they ask, are told, or lose whom they asked."""
        ghost = self.past[past]
        if option.move.word == "read":
            ghost = asked(ghost, self.ids[place], next_read(self.nodes[k]))
        if option.move.word == "crash":
            ghost = forgotten(ghost, self.ids[place])
        return self.past.number(told(ghost, self.ids[place], option.told))

    def _settle(self, ks: tuple[int, ...], letters: int, left: int, past: int) -> State:
        for k in ks:
            letters &= ~self.post.dead(k)
        now = self._settled.get((ks, past))
        if now is None:
            ghost = judged(self.past[past], [self.nodes[k] for k in ks])
            now = self._settled[ks, past] = self.past.number(ghost)
        self.post.require_no_lies(ks, letters)
        return (*ks, letters, left, now)

    # What is worked out once.

    def _options(self, place: int, k: int) -> list[Option]:
        known = self._alone.get(k)
        if known is None:
            possible = alone(place, self.nodes[k], self.bounds, self.physics)
            options = (self._option(happens) for happens in possible)
            known = self._alone[k] = [option for option in options if option]
        return known

    def _receive(self, place: int, k: int, letter: int) -> Option | None:
        key = (k, letter)
        if key not in self._received:
            node, event = self.nodes[k], Received(self.post.letters[letter].message)
            move = Move("deliver", place, letter)
            option = self._option(Happens(move, lambda: self.physics.happen(node, event)))
            self._received[key] = option
            if option is None or (option.after == k and not option.letters):
                self._idle[k] = self._idle.get(k, 0) | 1 << letter
        return self._received[key]

    def _joint_moves(self, place: int, ks: tuple[int, ...]) -> list[Joint]:
        """Campaigns of the node at *place*, and what becomes of its streams, given all nodes."""
        node = self.nodes[ks[place]]
        leads = isinstance(node.server.role, Leader)
        campaigns = not leads and bool(self.bounds.at_once) and may_stand(node, self.bounds)
        if not campaigns and not node.streams:
            return []
        key = (place, *ks)
        if key not in self._joint:
            found = list(self._campaigns(place, ks)) if campaigns else []
            self._joint[key] = found + list(self._streams(place, ks))
        return self._joint[key]

    def _campaigns(self, place: int, ks: tuple[int, ...]) -> Iterator[Joint]:
        others = [other for other in range(len(ks)) if other != place]
        enough: list[set[int]] = []
        for size in range(len(ks)):
            for helpers in combinations(others, size):
                if any(one <= set(helpers) for one in enough):
                    continue
                places = (place, *helpers)
                key = (*places, *(ks[one] for one in places))
                if key not in self._campaigned:
                    self._campaigned[key] = self._campaign(places, ks)
                if (found := self._campaigned[key]) is not None:
                    enough.append(set(helpers))
                    yield found

    def _campaign(self, places: tuple[int, ...], ks: tuple[int, ...]) -> Joint | None:
        self.trying = move = Move("campaign", places[0], sum(1 << one for one in places[1:]))
        who = [self.nodes[ks[one]] for one in places]
        found = campaign(who, self.bounds.at_once, self.physics)
        if found is None or not self._is_within(*found[0]):
            return None
        return self._together(move, places, *found)

    def _streams(self, place: int, ks: tuple[int, ...]) -> Iterator[Joint]:
        node = self.nodes[ks[place]]
        for number, letter in enumerate(node.streams):
            to = self.ids.index(letter.to)
            for word in ("arrive", "repeat", "cut"):
                self.trying = Move(word, place, number)
                source, receiver, letters = stream(
                    word, node, number, self.nodes[ks[to]], self.physics
                )
                if self._is_within(source, receiver):
                    yield self._together(self.trying, (place, to), [source, receiver], letters)

    def _option(self, happens: Happens) -> Option | None:
        self.trying = happens.move
        node, letters, said = happens.make()
        if not self._is_within(node):
            return None
        cost = SPENT_ON.index(happens.cost) if happens.cost else _FREE
        return Option(happens.move, self._number(node), self._posted(letters), said, cost)

    def _together(
        self, move: Move, places: tuple[int, ...], nodes: Sequence[Node], letters: Sequence[Letter]
    ) -> Joint:
        numbers = tuple(self._number(node) for node in nodes)
        return Joint(move, places, numbers, self._posted(letters))

    def _is_within(self, *nodes: Node) -> bool:
        return all(len(node.writes) <= self.bounds.writes for node in nodes)

    def _posted(self, letters: Sequence[Letter]) -> int:
        at_once = self.bounds.at_once
        return self.post.posted(one for one in letters if not isinstance(one.message, at_once))

    def _number(self, node: Node) -> int:
        """The number of *node*, without what nobody will ask of it."""
        role = node.server.role
        if isinstance(role, Leader) and not self.bounds.allowance.quorum_checks:
            # Who has answered lately matters to checks of the quorum alone.
            progress = tuple(
                (peer, replace(one, recently_active=True)) for peer, one in role.progress
            )
            node = replace(node, server=replace(node.server, role=replace(role, progress=progress)))
        return self.nodes.number(tidy(node))


def tidy(node: Node) -> Node:
    """*node* with what lies in no order of its own in one that is always the same.

    What waits to leave twice leaves once: on the network it may arrive twice in any case.
    """
    if len(node.held) < 2 and len(node.streams) < 2:
        return node
    held, streams = sorted(set(node.held), key=repr), sorted(node.streams, key=repr)
    return replace(node, held=tuple(held), streams=tuple(streams))
