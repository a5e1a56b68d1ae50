"""Everything that can go wrong, by name: one class for each fact.

An error is a value with typed fields, and its sentence is built from them, so that a program
reads the fields, a person reads the sentence, and neither parses the other's.  Each sentence
says what was wrong, what was expected, and what to do.

Three facts stand on the class (only what a client of a whole cluster raises learns the first two
from what it was answered):

- ``code`` names the fact for ever, in HTTP bodies and logs.
- ``definite`` is True where the failed request had, and will have, no effect: it may be made
  again.  Where it is False the effect may stand, now or later (the indefinite outcomes of
  Jepsen's histories).
- ``exit_code`` is what a command ends with when this error ends it; 1 unless it has its own.
"""

from __future__ import annotations

from huffleraft.errors.asking import (
    BadRequest,
    Halted,
    InvalidKey,
    NoLeader,
    NotLeader,
    OutcomeUnknown,
    Overloaded,
    ReadTimedOut,
    SequencePassed,
    SessionUnknown,
    Stopping,
    ValueTooLarge,
)
from huffleraft.errors.base import HuffleraftError
from huffleraft.errors.membership import (
    ChangePending,
    MemberRefused,
    MemberUnreachable,
    NoSuchMember,
    QuorumAtRisk,
)
from huffleraft.errors.office import TransferPending, TransferRefused, TransferUndecided
from huffleraft.errors.peers import FrameInvalid, HandshakeRefused
from huffleraft.errors.running import SnapshotDamaged, StorageFailed, StorageFull
from huffleraft.errors.starting import (
    ConfigurationInvalid,
    DataDirLocked,
    DataDirUnwritable,
    FounderDiskGone,
    IdentityMismatch,
    MemberRemoved,
    PortInUse,
    SchemaNewer,
    SeedsSilent,
    StorageCorrupt,
)

__all__ = [
    "BadRequest",
    "ChangePending",
    "ConfigurationInvalid",
    "DataDirLocked",
    "DataDirUnwritable",
    "FounderDiskGone",
    "FrameInvalid",
    "Halted",
    "HandshakeRefused",
    "HuffleraftError",
    "IdentityMismatch",
    "InvalidKey",
    "MemberRefused",
    "MemberRemoved",
    "MemberUnreachable",
    "NoLeader",
    "NoSuchMember",
    "NotLeader",
    "OutcomeUnknown",
    "Overloaded",
    "PortInUse",
    "QuorumAtRisk",
    "ReadTimedOut",
    "SchemaNewer",
    "SeedsSilent",
    "SequencePassed",
    "SessionUnknown",
    "SnapshotDamaged",
    "Stopping",
    "StorageCorrupt",
    "StorageFailed",
    "StorageFull",
    "TransferPending",
    "TransferRefused",
    "TransferUndecided",
    "ValueTooLarge",
]
