"""What a node's data takes of its disk, for those who watch it grow."""

from __future__ import annotations

from dataclasses import asdict

import anyio

from huffleraft.errors import StorageFailed
from huffleraft.store.memory import MemoryStore
from huffleraft.store.sqlite import SqliteStore

_PATIENCE = 1.0
"""Seconds that a disk may take to say it: a status must come while the disk does not."""


async def disk_bytes(store: SqliteStore | MemoryStore) -> dict[str, int] | None:
    """Bytes by what they are for, and their `total`; None where the disk does not say.

    One in memory has no files, and one that failed or hangs has nothing to tell.
    """
    if isinstance(store, MemoryStore):
        return None
    try:
        with anyio.fail_after(_PATIENCE):
            use = await store.disk_use()
    except (TimeoutError, StorageFailed):
        return None
    return {**asdict(use), "total": use.total}
