"""The bodies of the frames in which snapshots travel (`huffleraft.runtime.transfers`)."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

from huffleraft.codec import messages as codec
from huffleraft.codec.fields import UNREADABLE, Number
from huffleraft.codec.seals import SEAL_BYTES, seal
from huffleraft.core.messages import InstallSnapshotRequest
from huffleraft.errors import FrameInvalid
from huffleraft.ports import (
    SnapshotAsk,
    SnapshotChunk,
    SnapshotOffer,
    SnapshotWanted,
    Standing,
    TransferMessage,
)

CHUNK_BYTES: Final = 64 << 10
"""Bytes of a copy in one frame: few enough that a heartbeat never waits long behind them."""

_CHUNK_BYTES_MAX = 256 << 10
"""What is taken from others."""

_Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Data = Annotated[bytes, msgspec.Meta(min_length=1, max_length=_CHUNK_BYTES_MAX)]
_Seal = Annotated[bytes, msgspec.Meta(min_length=SEAL_BYTES, max_length=SEAL_BYTES)]


class _Ask(msgspec.Struct, array_like=True, tag="ask", frozen=True):
    number: Number


class _Offer(msgspec.Struct, array_like=True, tag="offer", frozen=True):
    number: Number
    install: bytes
    size: Number
    digest: _Digest


class _Chunk(msgspec.Struct, array_like=True, tag="chunk", frozen=True):
    number: Number
    offset: Number
    data: _Data
    seal: _Seal


class _Wanted(msgspec.Struct, array_like=True, tag="wanted", frozen=True):
    number: Number
    offset: Number
    standing: Standing


OPENINGS: Final = (b"\xa3ask", b"\xa5offer", b"\xa5chunk", b"\xa6wanted")
"""What the second byte on of each body is: a tag stands first in its array."""

_Body: TypeAlias = _Ask | _Offer | _Chunk | _Wanted

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(_Body)


def sealed_chunk(number: int, offset: int, data: bytes) -> SnapshotChunk:
    """*data*, from *offset* on, as it goes out on stream *number*."""
    return SnapshotChunk(number, offset, data, _seal(number, offset, data))


def is_whole(chunk: SnapshotChunk) -> bool:
    """Whether *chunk* is what was sealed."""
    return chunk.seal == _seal(chunk.number, chunk.offset, chunk.data)


def _seal(number: int, offset: int, data: bytes) -> bytes:
    return seal("snapshot chunk", number, offset, data)


def encode_transfer(message: TransferMessage) -> bytes:
    """The body of the frame that carries *message*."""
    match message:
        case SnapshotAsk(number):
            return _encode(_Ask(number))
        case SnapshotOffer(number, install, size, digest):
            return _encode(_Offer(number, codec.encode(install), size, digest))
        case SnapshotChunk(number, offset, data, sealed):
            return _encode(_Chunk(number, offset, data, sealed))
        case SnapshotWanted(number, offset, standing):
            return _encode(_Wanted(number, offset, standing))


def decode_transfer(body: bytes) -> TransferMessage:
    """The message in *body*.  Raises FrameInvalid, in one sentence."""
    try:
        decoded: _Body = _decoder.decode(body)
    except UNREADABLE as error:
        raise FrameInvalid(f"a frame of a snapshot cannot be read: {error}") from error
    match decoded:
        case _Ask(number):
            return SnapshotAsk(number)
        case _Chunk():
            return SnapshotChunk(decoded.number, decoded.offset, decoded.data, decoded.seal)
        case _Wanted():
            return SnapshotWanted(decoded.number, decoded.offset, decoded.standing)
        case _Offer():
            return _offer(decoded)


def _offer(decoded: _Offer) -> SnapshotOffer:
    install = codec.decode(decoded.install)
    if not isinstance(install, InstallSnapshotRequest):
        raise FrameInvalid(
            f"a snapshot was offered with a {type(install).__name__}; "
            "an InstallSnapshotRequest was expected"
        )
    return SnapshotOffer(decoded.number, install, decoded.size, decoded.digest)
