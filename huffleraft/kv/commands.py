"""What a client may ask to be changed, as the bytes that stand in the log.

A command is encoded once, by the node that takes it in, and decoded by every node that applies
it, perhaps years later.  So keys and values are checked here on the way in, where a client can
still be told, and again on the way out, where nothing may be taken on trust.
"""

from __future__ import annotations

from typing import TypeAlias

from huffleraft.errors import FrameInvalid
from huffleraft.kv.format import Format, Key, Positive, Record, Value, encode
from huffleraft.kv.limits import INTEGER_MAX, check_key, check_value, key_fault


class SessionStamp(Record, frozen=True):
    """Which session asks, and the how-manieth of its writes this is.  §6.3

    - ``session`` is the index of the entry that registered it.
    - ``sequence`` starts at 1 and rises; a higher one acknowledges all lower ones.
    """

    session: Positive
    sequence: Positive


class Set(Record, frozen=True, tag=0):
    """Give *key* the value *value*, whatever it had."""

    key: Key
    value: Value
    session: SessionStamp | None = None


class Delete(Record, frozen=True, tag=1):
    """Remove *key*.  It succeeds also where there is nothing to remove."""

    key: Key
    session: SessionStamp | None = None


class Cas(Record, frozen=True, tag=2):
    """Compare and set: give *key* the value *new* if it has *old*; None means it is missing."""

    key: Key
    old: Value | None
    new: Value
    session: SessionStamp | None = None


class Register(Record, frozen=True, tag=3):
    """Begin a session; its id is the index of this entry.  §6.3"""


KeyCommand: TypeAlias = Set | Delete | Cas
"""The commands that concern one key."""

Command: TypeAlias = KeyCommand | Register

_FORMAT: Format[Command] = Format("command", Command)


def encode_command(command: Command) -> bytes:
    """*command* as bytes to propose.

    Raises InvalidKey and ValueTooLarge for what no node would apply, and ValueError for a stamp
    that is not positive: the last moment at which a client can be told without a log entry.
    """
    match command:
        case Set(key=key, value=value):
            check_key(key)
            check_value(value)
        case Delete(key=key):
            check_key(key)
        case Cas(key=key, old=old, new=new):
            check_key(key)
            check_value(new)
            if old is not None:
                check_value(old)
        case Register():
            return encode(command)
    if command.session is not None:
        _check_stamp(command.session)
    return encode(command)


def decode_command(payload: bytes) -> Command:
    """The command in *payload*; raises FrameInvalid with one sentence if there is none."""
    command = _FORMAT.decode(payload)
    match command:
        case Set(key=key) | Delete(key=key) | Cas(key=key):
            fault = key_fault(key)
            if fault is not None:
                raise FrameInvalid(f"a command's key is not valid: {fault}")
        case Register():
            pass
    return command


def _check_stamp(stamp: SessionStamp) -> None:
    for name in stamp.__struct_fields__:
        number = getattr(stamp, name)
        if not 1 <= number <= INTEGER_MAX:
            raise ValueError(f"a stamp's {name} is {number}; 1 to {INTEGER_MAX} is expected")
