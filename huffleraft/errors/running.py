"""What a running node meets."""

from __future__ import annotations

from dataclasses import dataclass

from huffleraft.errors.base import Fact


@dataclass(eq=False)
class StorageFull(Fact):
    """The disk is full.  Nothing was written: the same write may be made again (W13)."""

    code = "storage-full"
    exit_code = 18
    path: str

    def __str__(self) -> str:
        return f"there is no space left for {self.path}; writes wait until there is: free some"


@dataclass(eq=False)
class StorageFailed(Fact):
    """A write failed, and whether it is durable is not known; the node must halt (W13)."""

    code = "storage-failed"
    definite = False
    exit_code = 20
    reason: str

    def __str__(self) -> str:
        return (
            f"the storage failed: {self.reason}; what was being written may or may not be "
            "durable. Look at the disk, then start the node again"
        )


@dataclass(eq=False)
class SnapshotDamaged(Fact):
    """A copy of the state machine that was received is not the one that was sent."""

    code = "snapshot-damaged"
    what: str

    def __str__(self) -> str:
        return (
            f"a received copy of the state is not what was announced: {self.what}; it was thrown "
            "away and nothing of it installed: have it sent again"
        )
