"""Frames: how messages lie in a stream of bytes between two nodes.

A connection begins with `MAGIC`, which no HTTP request can begin with, so one port serves both.
Then come frames: four bytes of length, big-endian, and that many bytes of MessagePack.  A frame
of length 0 says only that the link still stands.  A length is judged before anything of that
size is held: nobody makes a node allocate what it would not take.
"""

from __future__ import annotations

import struct
from typing import Final, Literal, TypeAlias

import msgspec

from huffleraft.codec import messages as codec
from huffleraft.codec.fields import UNREADABLE, Number
from huffleraft.errors import FrameInvalid
from huffleraft.ports import (
    Forward,
    Forwarded,
    Kind,
    PeerMessage,
    SnapshotAsk,
    SnapshotChunk,
    SnapshotOffer,
    SnapshotWanted,
)
from huffleraft.runtime import transfer_frames

MAGIC: Final = b"\x00HUF"
"""The first bytes from either end of a peer connection."""

FRAME_BYTES_MAX: Final = 8 << 20
"""The longest body of a frame: the longest append, with room to spare."""

KEEPALIVE: Final = b"\x00\x00\x00\x00"
"""A whole frame without a body."""

_LENGTH = struct.Struct(">I")


def framed(body: bytes) -> bytes:
    """*body* with its length before it.  ValueError above `FRAME_BYTES_MAX`: a bug of ours."""
    if len(body) > FRAME_BYTES_MAX:
        raise ValueError(f"a frame of {len(body)} bytes; {FRAME_BYTES_MAX} are allowed")
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """Bytes in, bodies of frames out; knows no sockets.

    *limit* bounds one body, in bytes.  It may be raised once the other end is known.
    """

    __slots__ = ("_held", "_wanted", "limit")

    def __init__(self, limit: int = FRAME_BYTES_MAX) -> None:
        self.limit = limit
        self._held = bytearray()
        self._wanted = _LENGTH.size

    @property
    def partial(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._held)

    def feed(self, received: bytes) -> list[bytes]:
        """Take *received*; return the bodies that are whole now, without the empty ones.

        Raises FrameInvalid for a length above the limit; the stream is then of no more use.
        """
        self._held += received
        if len(self._held) < self._wanted:
            return []
        bodies: list[bytes] = []
        # A view, so that many small frames of one read are not moved up one by one.
        with memoryview(self._held) as view:
            start = 0
            while True:
                body = start + _LENGTH.size
                if body > len(view):
                    self._wanted = _LENGTH.size
                    break
                end = body + self._judged(_LENGTH.unpack_from(view, start)[0])
                if end > len(view):
                    self._wanted = end - start
                    break
                if end > body:
                    bodies.append(bytes(view[body:end]))
                start = end
        del self._held[:start]
        return bodies

    def _judged(self, length: int) -> int:
        if length > self.limit:
            raise FrameInvalid(
                f"a frame announces {length} bytes where at most {self.limit} are allowed; "
                "whoever sent it is no peer, or the stream is damaged: the connection is closed"
            )
        return length


# What is in a frame once the link stands: the protocol's messages, and the runtime's own.


_Outcome: TypeAlias = Literal[
    "ok",
    "not-leader",
    "overloaded",
    "too-large",
    "halted",
    "unknown",
    "change-pending",
    "member-refused",
    "member-removed",
    "quorum-at-risk",
    "no-such-member",
    "transfer-pending",
    "transfer-refused",
    "transfer-undecided",
]


class _Forward(msgspec.Struct, array_like=True, tag="forward", frozen=True):
    number: Number
    kind: Kind
    payload: bytes


class _Forwarded(msgspec.Struct, array_like=True, tag="forwarded", frozen=True):
    number: Number
    outcome: _Outcome
    payload: bytes
    index: Number
    term: Number


# What the second byte on says of whose frame it is: a tag stands first in its array.
_OURS: Final = (b"\xa7forward", b"\xa9forwarded")

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Forward | _Forwarded)


def encode_peer_message(message: PeerMessage) -> bytes:
    """The body of the frame that carries *message*."""
    match message:
        case Forward(number, kind, payload):
            return _encoder.encode(_Forward(number, kind, payload))
        case Forwarded(number, outcome, payload, index, term):
            own = _Forwarded(number, outcome, payload, index, term)  # type: ignore[arg-type]  # one of _Outcome
            return _encoder.encode(own)
        case SnapshotAsk() | SnapshotOffer() | SnapshotChunk() | SnapshotWanted():
            return transfer_frames.encode_transfer(message)
        case _:
            return codec.encode(message)


def decode_peer_message(body: bytes) -> PeerMessage:
    """The message in the body of a frame.  Raises FrameInvalid, in one sentence."""
    if body.startswith(transfer_frames.OPENINGS, 1):
        return transfer_frames.decode_transfer(body)
    if not body.startswith(_OURS, 1):
        return codec.decode(body)
    try:
        decoded: _Forward | _Forwarded = _decoder.decode(body)
    except UNREADABLE as error:
        raise FrameInvalid(f"a forwarded operation cannot be read: {error}") from error
    if isinstance(decoded, _Forward):
        return Forward(decoded.number, decoded.kind, decoded.payload)
    return Forwarded(decoded.number, decoded.outcome, decoded.payload, decoded.index, decoded.term)
