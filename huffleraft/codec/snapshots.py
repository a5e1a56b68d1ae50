"""The facts of a snapshot as bytes: for the row that keeps them, and beside a staged copy."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from huffleraft.codec.fields import (
    UNREADABLE,
    ConfigurationFields,
    SnapshotFields,
    configuration_fields,
    configuration_of,
    snapshot_fields,
    snapshot_of,
)
from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Snapshot
from huffleraft.errors import FrameInvalid

T = TypeVar("T")

_encode = msgspec.msgpack.Encoder().encode
_configurations = msgspec.msgpack.Decoder(ConfigurationFields)
_snapshots = msgspec.msgpack.Decoder(SnapshotFields)


def pack_configuration(configuration: Configuration) -> bytes:
    """*configuration* as bytes."""
    return _encode(configuration_fields(configuration))


def unpack_configuration(blob: bytes) -> Configuration:
    """The configuration that *blob* is; FrameInvalid if it is none."""
    return configuration_of(_decoded(_configurations, blob, "configuration"))


def pack_snapshot(snapshot: Snapshot) -> bytes:
    """*snapshot*'s three facts as bytes."""
    return _encode(snapshot_fields(snapshot))


def unpack_snapshot(blob: bytes) -> Snapshot:
    """The facts that *blob* is; FrameInvalid if they are no snapshot's."""
    return snapshot_of(_decoded(_snapshots, blob, "snapshot"))


def _decoded(decoder: msgspec.msgpack.Decoder[T], blob: bytes, noun: str) -> T:
    try:
        return decoder.decode(blob)
    except UNREADABLE as error:
        raise FrameInvalid(f"this is no {noun}: {error}") from error
