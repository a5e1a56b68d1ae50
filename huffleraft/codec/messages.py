"""The protocol's messages as bytes: an array that begins with the message's kind.

A message is decoded whole or not at all.  Besides types and bounds, what no correct server can
say is refused here, so that the core may take every message it receives for a possible one:
ids of entries that cannot be, entries whose terms fall, and logs from the future of the
message's own term.
"""

from __future__ import annotations

from typing import TypeAlias, assert_never

import msgspec

from huffleraft.codec.entries import BatchFields, entries_of, entry_fields
from huffleraft.codec.fields import (
    UNREADABLE,
    Id,
    Number,
    SnapshotFields,
    entry_id,
    snapshot_fields,
    snapshot_of,
)
from huffleraft.core.messages import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    InstallSnapshotRequest,
    InstallSnapshotResponse,
    Message,
    PreVoteRequest,
    PreVoteResponse,
    RequestVoteRequest,
    RequestVoteResponse,
    TimeoutNow,
)
from huffleraft.core.types import EntryId, Term
from huffleraft.errors import FrameInvalid

# What each kind looks like among bytes.  A kind's number is never used for another.

IdFields = tuple[Number, Number]
"""An entry's term and index."""


class _Fields(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    source: Id
    term: Number


class _PreVoteRequest(_Fields, frozen=True, array_like=True, tag=1):
    last_log_id: IdFields


class _PreVoteResponse(_Fields, frozen=True, array_like=True, tag=2):
    vote_granted: bool


class _RequestVoteRequest(_Fields, frozen=True, array_like=True, tag=3):
    last_log_id: IdFields
    leadership_transfer: bool


class _RequestVoteResponse(_Fields, frozen=True, array_like=True, tag=4):
    vote_granted: bool


class _AppendEntriesRequest(_Fields, frozen=True, array_like=True, tag=5):
    prev_log_id: IdFields
    entries: BatchFields
    leader_commit: Number
    read_round: Number


class _AppendEntriesResponse(_Fields, frozen=True, array_like=True, tag=6):
    prev_log_id: IdFields
    success: bool
    match: Number
    conflict: IdFields | None
    read_round: Number


class _InstallSnapshotRequest(_Fields, frozen=True, array_like=True, tag=7):
    snapshot: SnapshotFields
    read_round: Number


class _InstallSnapshotResponse(_Fields, frozen=True, array_like=True, tag=8):
    match: Number
    read_round: Number


class _TimeoutNow(_Fields, frozen=True, array_like=True, tag=9):
    pass


_MessageFields: TypeAlias = (
    _PreVoteRequest
    | _PreVoteResponse
    | _RequestVoteRequest
    | _RequestVoteResponse
    | _AppendEntriesRequest
    | _AppendEntriesResponse
    | _InstallSnapshotRequest
    | _InstallSnapshotResponse
    | _TimeoutNow
)

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[_MessageFields] = msgspec.msgpack.Decoder(_MessageFields)


def encode(message: Message) -> bytes:
    """*message* as bytes that `decode` reads back to an equal one."""
    return _encode(_fields_of(message))


def decode(data: bytes | bytearray | memoryview) -> Message:
    """The one message that *data* is.  Raises FrameInvalid for anything else."""
    try:
        fields = _decoder.decode(data)
    except UNREADABLE as error:
        raise FrameInvalid(f"this is no message of the protocol: {error}") from error
    return _message_of(fields)


def _pair(id_: EntryId) -> IdFields:
    return id_.term, id_.index


def _fields_of(message: Message) -> tuple[object, ...]:
    match message:
        case AppendEntriesRequest(source, term, prev, entries, leader_commit, read_round):
            return 5, source, term, _pair(prev), entry_fields(entries), leader_commit, read_round
        case AppendEntriesResponse(source, term, prev, success, match_index, conflict, read_round):
            hint = None if conflict is None else _pair(conflict)
            return 6, source, term, _pair(prev), success, match_index, hint, read_round
        case PreVoteRequest(source, term, last_log_id):
            return 1, source, term, _pair(last_log_id)
        case PreVoteResponse(source, term, vote_granted):
            return 2, source, term, vote_granted
        case RequestVoteRequest(source, term, last_log_id, leadership_transfer):
            return 3, source, term, _pair(last_log_id), leadership_transfer
        case RequestVoteResponse(source, term, vote_granted):
            return 4, source, term, vote_granted
        case InstallSnapshotRequest(source, term, snapshot, read_round):
            return 7, source, term, snapshot_fields(snapshot), read_round
        case InstallSnapshotResponse(source, term, match_index, read_round):
            return 8, source, term, match_index, read_round
        case TimeoutNow(source, term):
            return 9, source, term
        case _:
            assert_never(message)


def _message_of(fields: _MessageFields) -> Message:
    source, term = fields.source, fields.term
    match fields:
        case _AppendEntriesRequest():
            return _append_request(fields)
        case _AppendEntriesResponse():
            return _append_response(fields)
        case _PreVoteRequest():
            return PreVoteRequest(source, term, _id_within(fields.last_log_id, term))
        case _PreVoteResponse():
            return PreVoteResponse(source, term, fields.vote_granted)
        case _RequestVoteRequest():
            last = _id_within(fields.last_log_id, term)
            return RequestVoteRequest(source, term, last, fields.leadership_transfer)
        case _RequestVoteResponse():
            return RequestVoteResponse(source, term, fields.vote_granted)
        case _InstallSnapshotRequest():
            snapshot = snapshot_of(fields.snapshot)
            _id_within((snapshot.last_included_term, snapshot.last_included_index), term)
            return InstallSnapshotRequest(source, term, snapshot, fields.read_round)
        case _InstallSnapshotResponse():
            return InstallSnapshotResponse(source, term, fields.match, fields.read_round)
        case _TimeoutNow():
            return TimeoutNow(source, term)
        case _:
            assert_never(fields)


def _append_request(fields: _AppendEntriesRequest) -> AppendEntriesRequest:
    prev = _id_within(fields.prev_log_id, fields.term)
    lowest = max(prev.term, 1)
    entries = entries_of(fields.entries, prev.index + 1, lowest, fields.term)
    return AppendEntriesRequest(
        fields.source, fields.term, prev, entries, fields.leader_commit, fields.read_round
    )


def _append_response(fields: _AppendEntriesResponse) -> AppendEntriesResponse:
    prev = _id_within(fields.prev_log_id, fields.term)
    conflict = None if fields.conflict is None else entry_id(*fields.conflict)
    if fields.success and conflict is not None:
        raise FrameInvalid("an append that succeeded names a conflict")
    if not fields.success and fields.match != 0:
        raise FrameInvalid("an append that was refused names a match")
    if conflict is not None and (conflict.index > prev.index or conflict.term > prev.term):
        raise FrameInvalid(
            f"the conflict {conflict.term}:{conflict.index} is not at or before "
            f"{prev.term}:{prev.index}, which was asked for"
        )
    return AppendEntriesResponse(
        fields.source,
        fields.term,
        prev,
        fields.success,
        fields.match,
        conflict,
        fields.read_round,
    )


def _id_within(fields: IdFields, term: Term) -> EntryId:
    """The id that *fields* stand for, which nobody can hold before its term has come."""
    id_ = entry_id(*fields)
    if id_.term > term:
        raise FrameInvalid(f"{id_.term}:{id_.index} is of a later term than the message's {term}")
    return id_
