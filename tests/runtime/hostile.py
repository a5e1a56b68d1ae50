"""What a hostile caller says: frames and openings of every kind, drawn from one seed.

A frame is drawn as a good one of any kind and then spoilt, or it is rubbish from the start.  What
is good is *stale*: its term is over, so a node that believes it is not moved by it.  Raft trusts
its members, and whoever knows the cluster's id and says well-formed news as one of them is
believed; `tests.runtime.judge` tells such a frame from one that everybody has to bear.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry, Snapshot
from huffleraft.core.messages import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    InstallSnapshotRequest,
    InstallSnapshotResponse,
    PreVoteRequest,
    PreVoteResponse,
    RequestVoteRequest,
    RequestVoteResponse,
)
from huffleraft.core.types import EntryId
from huffleraft.kv.commands import Set, encode_command
from huffleraft.kv.queries import Get, encode_query
from huffleraft.ports import (
    Forward,
    Forwarded,
    Kind,
    PeerMessage,
    SnapshotAsk,
    SnapshotChunk,
    SnapshotOffer,
    SnapshotWanted,
    Standing,
)
from huffleraft.runtime.changes import Remove, encode_wish
from huffleraft.runtime.frames import (
    FRAME_BYTES_MAX,
    KEEPALIVE,
    MAGIC,
    encode_peer_message,
    framed,
)
from huffleraft.runtime.handshake import ASKING, Hello, opening
from huffleraft.runtime.transfer_frames import sealed_chunk

STALE = 1
"""The term of what is good: a cluster that has a leader is past it."""

NOTHING = "nothing"
"""What is wrong with a good frame."""

_ODD_NUMBERS = (-1, -(1 << 63), 0, 1, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_ODD_VALUES: tuple[object, ...] = (
    None,
    True,
    1.5,
    float("nan"),
    "",
    "n1\n",
    "é" * 40,
    b"",
    bytes(300),
    {},
    {1: 2},
)
_ANNOUNCING = (b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9")
"""Array, map, text, bytes and extension, each followed by 32 bits of length."""


class Drawn(NamedTuple):
    """What is sent, and what is wrong with it."""

    wrong: str
    sent: bytes


class Forge:
    """Draws frames and openings as *caller* of *cluster*, in its boot *boot*."""

    def __init__(self, seed: int, *, caller: str, cluster: str = "c1", boot: int = 1) -> None:
        self._dice = random.Random(seed)
        self._caller = caller
        self.hello = Hello((1,), cluster, caller, boot)
        self._spoilers: dict[str, Callable[[bytes], bytes]] = {
            "bits flipped": lambda body: framed(self._flipped(body)),
            "cut short": lambda body: framed(body[: self._dice.randrange(len(body))]),
            "a length that lies": self._lying_length,
            "spliced": lambda body: framed(self._spliced(body, self._good())),
            "an unknown tag": lambda body: framed(self._retagged(body)),
            "an odd value": lambda body: framed(self._odd(body)),
            "nested": lambda body: framed(self._nested(body)),
            "announcing": lambda body: framed(self._announcing(body)),
            "rubbish": lambda _: self._rubbish(),
            "another's": lambda _: framed(self._good("n9")),
        }

    # Frames.

    def frame(self) -> Drawn:
        """A good frame, or one that is spoilt, or none at all."""
        if self._dice.random() < 0.4:
            return Drawn(NOTHING, KEEPALIVE if self._one_in(9) else framed(self._good()))
        return self.spoilt()

    def spoilt(self) -> Drawn:
        """A frame with something wrong with it; by chance it may still be a good one."""
        wrong = self._dice.choice(list(self._spoilers))
        return Drawn(wrong, self._spoilers[wrong](self._good()))

    def _good(self, source: str | None = None) -> bytes:
        """The body of a good frame of any kind.  One that names a source, if one is given."""
        dice, source_or_me = self._dice, source or self._caller
        kinds = [*_protocol(source_or_me, self._number), self._offer(source_or_me)]
        if source is None:
            kinds += self._own()
        return encode_peer_message(dice.choice(kinds))

    def _own(self) -> list[PeerMessage]:
        number, size = self._number(), 3 << 20 if self._one_in(200) else self._dice.randrange(40)
        payload = self._dice.choice(
            [
                encode_command(Set("hostile", b"x")),
                encode_query(Get("hostile")),
                encode_wish(Remove("nobody", force=True)),
                bytes(size),
            ]
        )
        return [
            Forward(number, self._dice.choice(list(Kind)), payload),
            Forwarded(number, "ok", payload, self._number(), STALE),
            SnapshotAsk(number),
            sealed_chunk(number, self._number(), bytes(1 + size % 200_000)),
            SnapshotChunk(number, self._number(), b"x", bytes(16)),
            SnapshotWanted(number, self._number(), self._dice.choice(list(Standing))),
        ]

    def _offer(self, source: str) -> SnapshotOffer:
        install = _install(source, 1 + self._number() % (1 << 62))
        return SnapshotOffer(self._number(), install, self._number(), bytes(32))

    def _number(self) -> int:
        return self._dice.choice((0, 1, 2, self._dice.randrange(300), (1 << 63) - 1))

    def _one_in(self, count: int) -> bool:
        return self._dice.randrange(count) == 0

    # How frames are spoilt.

    def _flipped(self, body: bytes) -> bytes:
        flipped = bytearray(body)
        for _ in range(self._dice.randint(1, 8)):
            flipped[self._dice.randrange(len(body))] ^= 1 << self._dice.randrange(8)
        return bytes(flipped)

    def _lying_length(self, body: bytes) -> bytes:
        size, dice = len(body), self._dice
        shorter, longer = dice.randrange(size), size + dice.randint(1, 2_000)
        huge = dice.randint(FRAME_BYTES_MAX, (1 << 32) - 1)
        lie = dice.choice([shorter, longer, huge, FRAME_BYTES_MAX + 1, (1 << 32) - 1])
        return lie.to_bytes(4, "big") + body

    def _spliced(self, one: bytes, other: bytes) -> bytes:
        return one[: self._dice.randrange(len(one))] + other[self._dice.randrange(len(other)) :]

    def _retagged(self, body: bytes) -> bytes:
        fields = msgspec.msgpack.decode(body)
        fields[0] = self._dice.choice([0, 9, 99, *_ODD_NUMBERS[2:], "forwards", "x" * 99, b"ask"])
        return msgspec.msgpack.encode(fields)

    def _odd(self, body: bytes) -> bytes:
        """One value anywhere in *body*, or a whole part of it, is another."""
        fields = msgspec.msgpack.decode(body)
        place = fields
        while True:
            at = self._dice.randrange(len(place))
            if not isinstance(place[at], list) or not place[at] or self._one_in(4):
                break
            place = place[at]
        place[at] = self._dice.choice([*_ODD_NUMBERS, *_ODD_VALUES])
        return msgspec.msgpack.encode(fields)

    def _nested(self, body: bytes) -> bytes:
        """A field of *body*, or one behind its last, is an array in an array, and so on."""
        depth = self._dice.choice((10, 500, 1_200, 20_000))
        nest = self._dice.choice((b"\x91", b"\x81\xa1a", b"\xdc\x00\x01")) * depth
        if self._one_in(2):
            return bytes([body[0] + 1]) + body[1:] + nest + b"\x00"
        return body[: self._dice.randrange(1, len(body))] + nest

    def _announcing(self, body: bytes) -> bytes:
        """Somewhere in *body* stands that very much follows."""
        much = self._dice.choice(((1 << 32) - 1, 1 << 31, 10_000_000)).to_bytes(4, "big")
        at = self._dice.randrange(len(body))
        return body[:at] + self._dice.choice(_ANNOUNCING) + much + body[at + 1 :]

    def _rubbish(self) -> bytes:
        return self._dice.randbytes(self._dice.choice((4, 20, 300, 70_000)))

    # Openings.

    def opening(self) -> Drawn:
        """The first bytes of a connection, which are not those of a member."""
        good = opening(self.hello)
        body = good[len(MAGIC) + 4 :]
        spoilt: dict[str, Callable[[], bytes]] = {
            "no magic": lambda: self._flipped(MAGIC) + good[len(MAGIC) :],
            "rubbish": self._rubbish,
            "an HTTP request, nearly": lambda: b"GET /v1/status HTTP/" + self._rubbish(),
            "half an opening": lambda: good[: self._dice.randrange(len(good))],
            "more than a hello": lambda: good + framed(self._good()),
            "bits flipped": lambda: MAGIC + framed(self._flipped(body)),
            "a length that lies": lambda: MAGIC + self._lying_length(body),
            "an unknown tag": lambda: MAGIC + framed(self._retagged(body)),
            "an odd value": lambda: MAGIC + framed(self._odd(body)),
            "nested": lambda: MAGIC + framed(self._nested(body)),
            "announcing": lambda: MAGIC + framed(self._announcing(body)),
            "a lie about itself": lambda: opening(self._liar()),
        }
        wrong = self._dice.choice(list(spoilt))
        return Drawn(wrong, spoilt[wrong]())

    def _liar(self) -> Hello:
        hello = self.hello
        return self._dice.choice(
            [
                msgspec.structs.replace(hello, cluster_id="another"),
                msgspec.structs.replace(hello, node_id="n1"),
                msgspec.structs.replace(hello, versions=(9, 7)),
                msgspec.structs.replace(hello, boot=ASKING),
            ]
        )


def _protocol(source: str, number: Callable[[], int]) -> list[PeerMessage]:
    """A stale message of every kind of the protocol."""
    prev = EntryId(STALE, number() or 1)
    # What follows must still have an index that can be.
    entries = (Entry(STALE, prev.index + 1, b"x" * (number() % 300)),) if prev.index < 300 else ()
    return [
        PreVoteRequest(source, STALE, prev),
        PreVoteResponse(source, STALE, True),
        RequestVoteRequest(source, STALE, prev),
        RequestVoteResponse(source, STALE, True),
        AppendEntriesRequest(source, STALE, prev, entries, number(), number()),
        AppendEntriesResponse(source, STALE, prev, True, number(), None, number()),
        AppendEntriesResponse(source, STALE, prev, False, 0, EntryId(STALE, 1), number()),
        InstallSnapshotResponse(source, STALE, number(), number()),
    ]


def _install(source: str, index: int) -> InstallSnapshotRequest:
    snapshot = Snapshot(index, STALE, Configuration.of({"n1": "a:1", "n4": "b:2"}))
    return InstallSnapshotRequest(source, STALE, snapshot, 7)
