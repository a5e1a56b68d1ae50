"""Batches of log entries as bytes: one array of [term, payload] pairs.

Indexes are not written.  They rise by one from the first, which the row of the store or the
message's `prev_log_id` knows, so a batch with a hole cannot be said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from huffleraft.codec.fields import (
    NUMBER_MAX,
    UNREADABLE,
    ConfigurationFields,
    Number,
    PayloadFields,
    payload_fields,
    payload_of,
)
from huffleraft.core.log import Entry
from huffleraft.core.types import LogIndex, Term
from huffleraft.errors import FrameInvalid

ENTRIES_MAX = 1 << 16
"""Entries in one batch: a few bytes can be an entry, and each takes a hundred in memory."""

BatchFields = Annotated[list[tuple[Number, PayloadFields]], msgspec.Meta(max_length=ENTRIES_MAX)]
"""The fields of a batch.  msgspec looks at the length before it makes room for so many."""

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(BatchFields)


def entry_fields(entries: Iterable[Entry]) -> list[tuple[Term, PayloadFields]]:
    """What stands for *entries* among bytes."""
    return [(entry.term, payload_fields(entry.payload)) for entry in entries]


def entries_of(
    fields: BatchFields, first_index: LogIndex, lowest: Term, highest: Term
) -> tuple[Entry, ...]:
    """The entries that *fields* stand for, from *first_index* on.

    FrameInvalid if their terms fall, begin below *lowest* or exceed *highest*, or their indexes
    cannot be.
    """
    if first_index + len(fields) - 1 > NUMBER_MAX:
        raise FrameInvalid(f"entries above index {NUMBER_MAX} cannot be")
    entries = []
    index = first_index
    for term, payload in fields:
        if not lowest <= term <= highest:
            raise FrameInvalid(
                f"entry {index} has term {term}; after term {lowest}, in a log of term {highest}, "
                "terms must not fall, nor be higher"
            )
        lowest = term
        if payload.__class__ is ConfigurationFields:
            entries.append(Entry(term, index, payload_of(payload)))
        else:
            entries.append(Entry(term, index, payload))  # type: ignore[arg-type]  # it is bytes or None
        index += 1
    return tuple(entries)


def pack_entries(entries: Iterable[Entry]) -> bytes:
    """*entries*, whose indexes rise by one, as one batch."""
    return _encode(entry_fields(entries))


def unpack_entries(first_index: LogIndex, blob: bytes | memoryview) -> tuple[Entry, ...]:
    """The entries of *blob*, the first at *first_index*.  FrameInvalid if it is no batch."""
    try:
        fields = _decoder.decode(blob)
    except UNREADABLE as error:
        raise FrameInvalid(f"this is no batch of entries: {error}") from error
    return entries_of(fields, first_index, 1, NUMBER_MAX)
