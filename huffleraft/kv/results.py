"""What became of a command, as the bytes that every node computes alike.

Under a session the last result is kept and given again to a repeat, marked as replayed, so
these bytes also lie in the rows and count in the state hash.
"""

from __future__ import annotations

from typing import TypeAlias

from huffleraft.kv.format import Format, Positive, Record, Value, encode


class Changed(Record, frozen=True, tag=0):
    """The key has its new value: a set, or a cas that matched."""

    index: Positive
    """The log index of this change."""
    version: Positive
    """Changes since the key was made, this one included."""
    replayed: bool = False


class Removed(Record, frozen=True, tag=1):
    """The key is not there now."""

    index: Positive
    """The log index at which it was not there."""
    existed: bool
    """Whether it was there before."""
    replayed: bool = False


class CasMismatch(Record, frozen=True, tag=2):
    """The key had another value than the one expected; nothing was changed."""

    current: Value | None
    """The value it had; None where it was missing."""
    version: Positive | None
    """Its version; None where it was missing."""
    index: Positive
    """The log index at which they were compared."""
    changed_index: Positive | None
    """The log index of that value's own change; None where it was missing."""
    replayed: bool = False


class Registered(Record, frozen=True, tag=3):
    """A session began; *session* is its id."""

    session: Positive


class SessionUnknown(Record, frozen=True, tag=4):
    """The session ended or never began; the command was not run now."""


class SequencePassed(Record, frozen=True, tag=5):
    """The session has gone on to a higher number; the command was not run now."""


class Refused(Record, frozen=True, tag=6):
    """The bytes are no command (or no query); nothing was changed."""

    why: str


Result: TypeAlias = (
    Changed | Removed | CasMismatch | Registered | SessionUnknown | SequencePassed | Refused
)

_FORMAT: Format[Result] = Format("result", Result)
_ANSWER: Format[Changed | Removed | CasMismatch] = Format(
    "kept answer", Changed | Removed | CasMismatch
)


def encode_result(result: Result) -> bytes:
    """*result* as bytes."""
    return encode(result)


def decode_result(data: bytes) -> Result:
    """The result in *data*; raises FrameInvalid with one sentence if there is none."""
    return _FORMAT.decode(data)


def as_replayed(answer: bytes) -> bytes:
    """The kept *answer* of a session's last command, marked as given again.

    Raises FrameInvalid if it is no such answer: the session's row is damaged.
    """
    match _ANSWER.decode(answer):
        case Changed(index, version):
            return encode(Changed(index, version, replayed=True))
        case Removed(index, existed):
            return encode(Removed(index, existed, replayed=True))
        case CasMismatch(current, version, index, changed_index):
            return encode(CasMismatch(current, version, index, changed_index, replayed=True))
