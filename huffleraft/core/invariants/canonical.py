"""One value for all servers that differ only by how long they have run.

A server's writes are numbered from its boot on, and its boots from the first.  Both only grow, so
that an explorer would never meet the same situation twice.  What is decided by them is decided by
their order alone: so they may be numbered anew, and `step` does the same to the one as to the
other.
"""

from __future__ import annotations

from huffleraft.core.state import Leader, Server
from huffleraft.core.types import WriteNumber, replace


def durable_writes(server: Server) -> WriteNumber:
    """The number of the last write that *server* knows to be durable; 0 before the first."""
    disk = server.disk
    return disk.outstanding[0].number - 1 if disk.outstanding else disk.issued


def canonical(server: Server) -> Server:
    """*server* in its first boot, with its outstanding writes numbered from 1.

    What has left it keeps its number: the rounds of reads are in messages, and a ref is whatever
    the embedder says it is.  Both are bounded by the number of requests.
    """
    durable = durable_writes(server)
    if server.boot == 1 and not durable:
        return server
    disk = replace(
        server.disk,
        issued=server.disk.issued - durable,
        outstanding=tuple(
            replace(write, number=write.number - durable) for write in server.disk.outstanding
        ),
    )
    role = server.role
    if isinstance(role, Leader) and role.disk_witness is not None:
        # A witness that is durable can never be the oldest write that is not: it is none.
        later = role.disk_witness - durable
        role = replace(role, disk_witness=later if later > 0 else None)
    return replace(server, boot=1, disk=disk, role=role)
