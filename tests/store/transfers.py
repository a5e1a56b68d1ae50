"""Copies carried from one store to another, in pieces, as a transport would."""

from __future__ import annotations

from huffleraft.core.log import Snapshot
from huffleraft.ports import SnapshotCopy, Snapshots

PIECE = 1000
"""Bytes; no divisor of a page."""


async def read_whole(store: Snapshots, copy: SnapshotCopy) -> bytes:
    """All bytes of *copy*."""
    data = b""
    while piece := await store.read_copy(copy, len(data), 100_000):
        data += piece
    return data


async def receive(
    store: Snapshots, snapshot: Snapshot, copy: SnapshotCopy, data: bytes, piece: int = PIECE
) -> None:
    """Stage the copy whose bytes are *data*, and finish it."""
    offset = await store.stage(snapshot, copy)
    while offset < len(data):
        offset = await store.stage_bytes(offset, data[offset : offset + piece])
    await store.finish_staged()
