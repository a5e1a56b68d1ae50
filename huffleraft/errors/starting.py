"""Why a node does not start."""

from __future__ import annotations

from dataclasses import dataclass

from huffleraft.errors.base import Fact


@dataclass(eq=False)
class DataDirLocked(Fact):
    """Another process runs on this data directory; *pid* names it where that is known."""

    code = "data-dir-locked"
    exit_code = 10
    path: str
    pid: int | None = None

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid is not None else "another process"
        return (
            f"{self.path} is in use by {who}, and a data directory belongs to one process at a "
            "time; stop that one, or give this node a directory of its own"
        )


@dataclass(eq=False)
class StorageCorrupt(Fact):
    """What is on the disk is not what was written there.

    *file* is the file's name, *where* the place in it (an index, a key, a frame), *what* how
    it shows.
    """

    code = "storage-corrupt"
    exit_code = 11
    file: str
    where: str
    what: str

    def __str__(self) -> str:
        return (
            f"{self.file} is damaged at {self.where}: {self.what}; this node cannot keep its "
            "promises from it. Keep the directory as evidence, remove the node from the cluster, "
            "and let it join anew under another id"
        )


@dataclass(eq=False)
class SchemaNewer(Fact):
    """A newer huffleraft has written this directory."""

    code = "schema-newer"
    exit_code = 12
    found: int
    known: int

    def __str__(self) -> str:
        return (
            f"the data directory has schema version {self.found} and this huffleraft knows "
            f"versions up to {self.known}; run the newer huffleraft that wrote it"
        )


@dataclass(eq=False)
class IdentityMismatch(Fact):
    """The data directory belongs to somebody else; *what* says in which respect."""

    code = "identity-mismatch"
    exit_code = 13
    what: str
    found: str
    expected: str

    def __str__(self) -> str:
        return (
            f"the data directory has {self.what} {self.found!r} and {self.expected!r} was asked "
            "for; start it as what it is, or give the new node an empty directory"
        )


@dataclass(eq=False)
class DataDirUnwritable(Fact):
    """The data directory cannot be made, read or written."""

    code = "data-dir-unwritable"
    exit_code = 14
    path: str
    why: str

    def __str__(self) -> str:
        return (
            f"{self.path} cannot be used as a data directory: {self.why}; "
            "give a directory that this user may write"
        )


@dataclass(eq=False)
class PortInUse(Fact):
    """Somebody listens on this address already."""

    code = "port-in-use"
    exit_code = 15
    address: str

    def __str__(self) -> str:
        return (
            f"{self.address} is in use by another process; stop that one, or listen elsewhere "
            "(port 0 takes any free port)"
        )


@dataclass(eq=False)
class ConfigurationInvalid(Fact):
    """The settings contradict themselves or name what cannot be."""

    code = "configuration-invalid"
    exit_code = 16
    why: str

    def __str__(self) -> str:
        return f"the configuration is not valid: {self.why}"


@dataclass(eq=False)
class FounderDiskGone(Fact):
    """An empty directory under an id that others have already met: its disk is gone."""

    code = "founder-disk-gone"
    exit_code = 17
    node_id: str
    boot: int

    def __str__(self) -> str:
        return (
            f"the cluster has met {self.node_id} in its boot {self.boot}, but this data directory "
            "is empty: its disk is gone, and with it the promises it made. Give it its own "
            "directory back, no older copy of it; or remove it from the cluster (`huffleraft "
            f"cluster remove {self.node_id}`) and let a node with a new id join"
        )


@dataclass(eq=False)
class MemberRemoved(Fact):
    """This node was removed from its cluster; its id is never used again."""

    code = "member-removed"
    exit_code = 19
    node_id: str

    def __str__(self) -> str:
        return (
            f"{self.node_id} was removed from its cluster, and a node id is never used again; "
            "delete its data directory, and let a node with a new id join if one is needed"
        )


@dataclass(eq=False)
class SeedsSilent(Fact):
    """No member answers through which a newcomer could join."""

    code = "seeds-silent"
    exit_code = 21
    seeds: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        return (
            f"no member answers at {', '.join(self.seeds)} ({self.why}); start one of them, or "
            "name others to join through"
        )
