"""What one committed entry does: a view of the state in, what to write and the result out.

Nothing here is changed, read from a disk, timed or drawn by chance.  So every node that applies
the same entries comes to the same rows, sessions and results, to the byte; and a node may keep
its rows where it likes.  The only numbers decided by are those of `limits`, which belong to the
format's version.

A payload that is no command (damaged, beyond a limit, of an unknown version) has a result of
its own, `Refused`, and changes nothing.  It is committed, so it cannot be rejected any more; to
halt on it would halt every node at that entry, again at each start, by one bad request; and
to guess at it could differ between nodes.  Skipping it, with a fixed sentence, is the one answer
that all nodes give alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry
from huffleraft.core.types import LogIndex
from huffleraft.errors import FrameInvalid
from huffleraft.kv.commands import (
    Cas,
    Command,
    Delete,
    KeyCommand,
    Register,
    SessionStamp,
    Set,
    decode_command,
)
from huffleraft.kv.results import (
    CasMismatch,
    Changed,
    Refused,
    Registered,
    Removed,
    Result,
    SequencePassed,
    SessionUnknown,
    as_replayed,
    encode_result,
)
from huffleraft.kv.roster import ROSTER_KEY, enrolled
from huffleraft.kv.sessions import SessionsView
from huffleraft.ports import Row, SessionRow

Asked: TypeAlias = Command | Refused | Configuration


class Applied(NamedTuple):
    """What an entry did.  A written None removes the row, or ends the session."""

    result: bytes
    """The encoded result; empty for an entry that is no command."""
    rows: tuple[tuple[str, Row | None], ...] = ()
    sessions: tuple[tuple[LogIndex, SessionRow | None], ...] = ()


NOTHING = Applied(b"")
"""What a no-op does."""


def apply(rows: Mapping[str, Row | None], sessions: SessionsView, entry: Entry) -> Applied:
    """Apply *entry* to the state of *rows* and *sessions*.

    A key absent from *rows*, or None there, is missing.
    """
    asked = read(entry.payload)
    return NOTHING if asked is None else run(rows, sessions, entry.index, asked)


def read(payload: bytes | Configuration | None) -> Asked | None:
    """What an entry's *payload* asks for: a command, or why it is none, or new members."""
    if not isinstance(payload, bytes):
        return payload
    try:
        return decode_command(payload)
    except FrameInvalid as fault:
        return Refused(fault.why)


def run(
    rows: Mapping[str, Row | None],
    sessions: SessionsView,
    index: LogIndex,
    command: Asked,
) -> Applied:
    """Apply *command*, which stands at *index*."""
    match command:
        case Configuration():
            row = enrolled(rows.get(ROSTER_KEY), command, index)
            return Applied(b"", ((ROSTER_KEY, row),))
        case Set() | Delete() | Cas():
            if command.session is None:
                return _change(rows.get(command.key), index, command)
            return _change_once(rows, sessions, index, command, command.session)
        case Register():
            return _register(sessions, index)
        case Refused():
            return Applied(encode_result(command))


# Keys.


def _change(current: Row | None, index: LogIndex, command: KeyCommand) -> Applied:
    row, result = _changed(current, index, command)
    written = () if row is current else ((command.key, row),)
    return Applied(encode_result(result), written)


def _changed(
    current: Row | None, index: LogIndex, command: KeyCommand
) -> tuple[Row | None, Result]:
    """The key's row after *command* (*current* itself if it stays as it is), and the result."""
    match command:
        case Set(value=value):
            return _with_value(current, index, value)
        case Delete():
            return None, Removed(index, current is not None)
        case Cas(old=old, new=new):
            if current is None:
                if old is not None:
                    return current, CasMismatch(None, None, index, None)
            elif current.value != old:
                changed_index = current.changed_index
                return current, CasMismatch(current.value, current.version, index, changed_index)
            return _with_value(current, index, new)


def _with_value(current: Row | None, index: LogIndex, value: bytes) -> tuple[Row, Changed]:
    version = 1 if current is None else current.version + 1
    return Row(value, version, index), Changed(index, version)


# Sessions.  §6.3


def _register(sessions: SessionsView, index: LogIndex) -> Applied:
    """Begin the session *index*; it has run nothing, so its sequence is 0."""
    row = SessionRow(sequence=0, used_index=index, result=b"")
    return Applied(encode_result(Registered(index)), (), _written(sessions, index, row))


def _change_once(
    rows: Mapping[str, Row | None],
    sessions: SessionsView,
    index: LogIndex,
    command: KeyCommand,
    stamp: SessionStamp,
) -> Applied:
    """Run *command* if its number is a new one.

    A repeat or a late one is not run, but shows that the client lives, so it uses the session.
    """
    held = sessions.get(stamp.session)
    if held is None:
        return Applied(encode_result(SessionUnknown()))
    if stamp.sequence > held.sequence:
        current = rows.get(command.key)
        row, result = _changed(current, index, command)
        answer = encode_result(result)
        used = SessionRow(stamp.sequence, index, answer)
        written = () if row is current else ((command.key, row),)
        return Applied(answer, written, _written(sessions, stamp.session, used))
    if stamp.sequence == held.sequence:
        answer = as_replayed(held.result)
    else:
        answer = encode_result(SequencePassed())
    used = SessionRow(held.sequence, index, held.result)
    return Applied(answer, (), ((stamp.session, used),))


def _written(
    sessions: SessionsView, session: LogIndex, row: SessionRow
) -> tuple[tuple[LogIndex, SessionRow | None], ...]:
    """*session* as *row*, and the sessions that end by it."""
    ended = sessions.ended_by(session, row)
    if not ended:
        return ((session, row),)
    return ((session, row), *((one, None) for one in ended))
