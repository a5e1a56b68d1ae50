"""Who was a member and is not: so that no node id is ever given again (obligation O6).

A configuration says who is a member, and no word of who was.  But a node that was removed while
it was down comes back and asks to be heard, and somebody may name a newcomer as it was named.  So
the state machine keeps the ids that have left, by the configurations that it applies.  It stands
among the rows, under the empty key, which no client can name: it is durable with them, hashed
with them, and a part of each snapshot.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from huffleraft.core.configuration import Configuration
from huffleraft.core.types import LogIndex, NodeId
from huffleraft.kv.format import Format, Record, encode
from huffleraft.ports import Row

ROSTER_KEY: Final = ""
"""The key of the roster's row; a client's key has at least one byte."""

_Id = Annotated[str, msgspec.Meta(min_length=1)]


class Roster(Record, frozen=True, tag="r"):
    """The members of the last configuration applied, and all that were in one before it.

    Both are sorted.
    """

    members: tuple[_Id, ...] = ()
    former: tuple[_Id, ...] = ()


_FORMAT: Format[Roster] = Format("roster", Roster)


def roster_of(row: Row | None) -> Roster:
    """The roster in its row; an empty one before the first configuration is applied."""
    return Roster() if row is None else _FORMAT.decode(row.value)


def enrolled(current: Row | None, configuration: Configuration, index: LogIndex) -> Row:
    """The roster's row once *configuration*, which stands at *index*, is applied.

    Who votes in the old half of a joint one is a member still.
    """
    before, members = roster_of(current), configuration.members
    former = {*before.members, *before.former}.difference(members)
    version = 1 if current is None else current.version + 1
    return Row(encode(Roster(members, tuple(sorted(former)))), version, index)


def former_members(row: Row | None) -> frozenset[NodeId]:
    """The ids that have left, by the roster's row."""
    return frozenset(roster_of(row).former)
