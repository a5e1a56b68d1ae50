"""The fields that entries and messages are made of, with their bounds."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import msgspec

from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Payload, Snapshot
from huffleraft.core.types import ORIGIN, EntryId, Term
from huffleraft.errors import FrameInvalid

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for bytes that are not what it decodes.

What it does not know it skips, value within value, and so the depth of what a stranger nests is
the depth of its recursion.
"""

NUMBER_MAX = (1 << 63) - 1
"""The greatest term, index or round: what SQLite and other languages' runtimes still hold."""

ADDRESS_CHARACTERS_MAX = 300
"""A host name has at most 253 characters, a port 5, and IPv6 brackets 2."""

MEMBERS_MAX = 1000

Number = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]
Id = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.-]{1,64}\Z")]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=ADDRESS_CHARACTERS_MAX)]


class ConfigurationFields(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=1
):
    """A configuration as an array.  The tag leaves room for kinds to come."""

    voters: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=MEMBERS_MAX)]
    addresses: Annotated[tuple[tuple[Id, Address], ...], msgspec.Meta(max_length=MEMBERS_MAX)]
    learners: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MEMBERS_MAX)]
    old_voters: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MEMBERS_MAX)]


PayloadFields = bytes | ConfigurationFields | None
"""A command is a byte string, a configuration an array, a no-op nil."""


def payload_fields(payload: Payload) -> PayloadFields:
    """What stands for *payload* among bytes."""
    return configuration_fields(payload) if isinstance(payload, Configuration) else payload


def payload_of(fields: PayloadFields) -> Payload:
    """The payload that *fields* stand for; FrameInvalid if nobody could have made it."""
    return configuration_of(fields) if isinstance(fields, ConfigurationFields) else fields


def configuration_fields(configuration: Configuration) -> ConfigurationFields:
    """What stands for *configuration* among bytes."""
    return ConfigurationFields(
        configuration.voters,
        configuration.addresses,
        configuration.learners,
        configuration.old_voters,
    )


def configuration_of(fields: ConfigurationFields) -> Configuration:
    """The configuration that *fields* stand for; FrameInvalid if nobody could have made it."""
    made = Configuration(fields.voters, fields.addresses, fields.learners, fields.old_voters)
    for kind, nodes in (
        ("voters", made.voters),
        ("learners", made.learners),
        ("old voters", made.old_voters),
    ):
        if any(one >= other for one, other in pairwise(nodes)):
            raise FrameInvalid(f"a configuration's {kind} must be sorted, and each named once")
    if not set(made.voters).isdisjoint(made.learners):
        raise FrameInvalid("nobody is voter and learner of one configuration")
    if made.old_voters == made.voters:
        raise FrameInvalid("a joint configuration's old voters must differ from the new ones")
    if made.addresses and tuple(node for node, _ in made.addresses) != made.members:
        raise FrameInvalid("a configuration's addresses must name its members, in their order")
    return made


class SnapshotFields(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=1
):
    """The facts of a snapshot as an array.  The tag leaves room for kinds to come."""

    last_included_index: Number
    last_included_term: Number
    configuration: ConfigurationFields


def snapshot_fields(snapshot: Snapshot) -> SnapshotFields:
    """What stands for *snapshot* among bytes."""
    return SnapshotFields(
        snapshot.last_included_index,
        snapshot.last_included_term,
        configuration_fields(snapshot.configuration),
    )


def snapshot_of(fields: SnapshotFields) -> Snapshot:
    """The snapshot that *fields* stand for; FrameInvalid if nobody could have taken it."""
    if not fields.last_included_index or not fields.last_included_term:
        raise FrameInvalid("a snapshot that includes no entry")
    configuration = configuration_of(fields.configuration)
    return Snapshot(fields.last_included_index, fields.last_included_term, configuration)


def entry_id(term: Term, index: int) -> EntryId:
    """The id of *term* and *index*; FrameInvalid if only one of them is 0, as no entry's is."""
    if (term == 0) != (index == 0):
        raise FrameInvalid(f"{term}:{index} is no entry's id; both are 0 before the first entry")
    return EntryId(term, index) if index else ORIGIN
