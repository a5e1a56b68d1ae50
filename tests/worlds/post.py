"""The letters of a small world, and which of them still mean anything.

Letters are never taken off the network: each may arrive at any time, again and again, or never.
So loss, repetition and reordering are one and the same.  Only those go that can never again mean
anything to whom they are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from huffleraft.core import (
    AppendEntriesResponse,
    Candidate,
    InstallSnapshotResponse,
    Leader,
    NodeId,
    PreVoteResponse,
    RequestVoteResponse,
)
from huffleraft.core.invariants import Cluster, InvariantViolation
from huffleraft.core.invariants.cluster import _ack_truth
from tests.worlds.node import Letter, Node
from tests.worlds.numbering import Numbering

_ACKNOWLEDGEMENTS = (AppendEntriesResponse, InstallSnapshotResponse)
_ANSWERS = (*_ACKNOWLEDGEMENTS, RequestVoteResponse, PreVoteResponse)


class Post:
    """Sets of letters as bits; what is worked out for a letter is worked out once."""

    def __init__(self, ids: Sequence[NodeId], nodes: Numbering[Node], *, forget: bool) -> None:
        """Carry letters between *ids*; with *forget*, those that are dead go."""
        self.letters: Numbering[Letter] = Numbering()
        self.inbox = dict.fromkeys(ids, 0)
        self._nodes = nodes
        self._forget = forget
        self._known = 0
        self._acknowledgements = 0
        self._leads: dict[int, bool] = {}
        self._dead: dict[int, tuple[int, int]] = {}
        self._lies: dict[tuple[int, int], tuple[int, int]] = {}

    def posted(self, letters: Iterable[Letter]) -> int:
        """*letters* as bits."""
        bits = 0
        for letter in letters:
            number = self.letters.number(letter)
            if number == self._known:
                self._known += 1
                self.inbox[letter.to] |= 1 << number
                if isinstance(letter.message, _ACKNOWLEDGEMENTS):
                    self._acknowledgements |= 1 << number
            bits |= 1 << number
        return bits

    def dead(self, k: int) -> int:
        """The letters, of those known by now, that mean nothing to a node in state *k* or later."""
        dead, looked_at = self._dead.get(k, (0, 0))
        if looked_at < self._known and self._forget:
            node = self._nodes[k]
            for number in range(looked_at, self._known):
                letter = self.letters[number]
                if letter.to == node.server.id and is_dead(node, letter):
                    dead |= 1 << number
            self._dead[k] = dead, self._known
        return dead

    def require_no_lies(self, ks: Sequence[int], letters: int) -> None:
        """AckTruth, for each leader and whoever answers it."""
        if not letters & self._acknowledgements:
            return
        for leader in ks:
            leads = self._leads.get(leader)
            if leads is None:
                leads = isinstance(self._nodes[leader].server.role, Leader)
                self._leads[leader] = leads
            if leads:
                for source in ks:
                    if source != leader and (wrong := letters & self._lies_of(leader, source)):
                        _ack_truth(self._between(leader, source, wrong.bit_length() - 1))

    def _lies_of(self, leader: int, source: int) -> int:
        lies, looked_at = self._lies.get((leader, source), (0, 0))
        if looked_at < self._known:
            ids = self._nodes[leader].server.id, self._nodes[source].server.id
            for number in range(looked_at, self._known):
                letter = self.letters[number]
                acknowledges = isinstance(letter.message, _ACKNOWLEDGEMENTS)
                if acknowledges and (letter.to, letter.message.source) == ids:
                    try:
                        _ack_truth(self._between(leader, source, number))
                    except InvariantViolation:
                        lies |= 1 << number
            self._lies[leader, source] = lies, self._known
        return lies

    def _between(self, leader: int, source: int, letter: int) -> Cluster:
        one, other = self._nodes[leader], self._nodes[source]
        disks = {node.server.id: node.disk for node in (one, other)}
        return Cluster({one.server.id: one.server}, disks, (self.letters[letter].message,))


def is_dead(node: Node, letter: Letter) -> bool:
    """Whether *letter* can never again mean anything to *node*, whatever happens to it.

    Answers of a term that its disk has left are to questions nobody asks any more.  Of its disk's
    own term, so are votes for who is no candidate in it, and acknowledgements to who neither leads
    it nor may yet: a crash can only make it follow.  What a bug in just this would do, a world
    sees that forgets nothing.
    """
    message, server = letter.message, node.server
    term = node.disk.vote.current_term
    if not isinstance(message, _ANSWERS):
        return False
    if message.term != term:
        return message.term < term
    role = server.role if server.current_term == term else None
    if isinstance(message, RequestVoteResponse):
        return not (
            isinstance(role, Candidate)
            and message.vote_granted
            and message.source not in role.votes_granted
        )
    if isinstance(message, PreVoteResponse):
        return not message.vote_granted
    return not isinstance(role, Candidate | Leader)
