"""How one value becomes bytes: a version byte, then a MessagePack array.

Commands, results, queries and answers all stand in this frame.  An array says its tag and its
fields in order and no names, so it is short; the version byte comes first, so that a format
that is not known is known as such before anything in it is read.
"""

from __future__ import annotations

from typing import Annotated, Final, Generic, TypeAlias, TypeVar

import msgspec

from huffleraft.codec.fields import UNREADABLE
from huffleraft.errors import FrameInvalid
from huffleraft.kv.limits import FORMAT_VERSION, INTEGER_MAX, VALUE_BYTES_MAX

T = TypeVar("T")

Key: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
"""Checked in bytes by its owner: MessagePack counts characters here."""

Value: TypeAlias = Annotated[bytes, msgspec.Meta(max_length=VALUE_BYTES_MAX)]

Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=INTEGER_MAX)]
"""A sequence number, a version, or the index of an entry that exists."""

Index: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)]
"""An index, or 0: before the first entry."""

_ENCODER = msgspec.msgpack.Encoder()
_VERSION: Final = bytes([FORMAT_VERSION])


class Record(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A value that is encoded as an array of its fields; extra fields are refused.

    It holds no cycle, so the collector need not look at it.
    """


def encode(value: Record) -> bytes:
    """*value* in its frame."""
    return _VERSION + _ENCODER.encode(value)


class Format(Generic[T]):
    """Reads one closed union of records."""

    __slots__ = ("_decode", "_noun")

    def __init__(self, noun: str, union: object) -> None:
        self._noun = noun
        self._decode: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(union)

    def decode(self, data: bytes) -> T:
        """The value in *data*; raises FrameInvalid for anything but one whole valid frame.

        Its sentence is ours alone and the same on every node and with every library version,
        since for a command it becomes part of a replicated result.
        """
        if data[:1] != _VERSION:
            found = f"version {data[0]}" if data else "no bytes"
            raise FrameInvalid(
                f"a {self._noun} of format version {FORMAT_VERSION} was expected, not {found}; "
                "send it with a program of this version"
            )
        try:
            return self._decode.decode(memoryview(data)[1:])
        except UNREADABLE:
            raise FrameInvalid(
                f"a {self._noun} of format version {FORMAT_VERSION} is damaged or beyond its "
                "limits; send it again, whole"
            ) from None
