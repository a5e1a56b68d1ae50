"""What a step must write, and what each message must wait for.  §3.8, §10.2.1

No handler writes or waits.  It changes the value, and here, at the end of every step, the old
value is compared with the new: what differs in vote, snapshot and log *is* the step's one
write, and every message is stamped with the write it must wait for.  So nobody can forget either.

A server's writes form one numbered stream, and write k durable implies all before it.  The
server keeps, for each write under way, what will be true of the disk once it is durable:

- A message carries its sender's term and so reveals its vote: it waits for the write of the
  (term, voted_for) it was built under (W1 a grant, W2 a request, W4 an append, W8 a refusal).
- A successful answer to an append, or to a snapshot, waits also for all up to the index it
  claims, as entries or in the snapshot (W3, W11).
- Truncation lowers at once what is, and what will be, durable (W6): an entry that replaces
  another at the same index is a different entry, and no older write speaks for it.
- A snapshot's record, the end of what it stands for, and what becomes of the rest go in one write
  (W11, W12).
"""

from __future__ import annotations

from collections.abc import Iterable

from huffleraft.core.effects import Effect, Persist, Send, SendSnapshot
from huffleraft.core.messages import AppendEntriesResponse, InstallSnapshotResponse, Message
from huffleraft.core.state import Disk, OutstandingWrite, Server
from huffleraft.core.types import LogIndex, WriteNumber, replace


def issue_write(old: Server, new: Server) -> tuple[Server, Persist | None]:
    """Number the write that makes *new* durable, given that *old* is or will be; None if equal.

    However much a step changes, it is one write (W12).
    """
    if new.log is old.log and new.vote is old.vote and new.snapshot is old.snapshot:
        return new, None
    vote_changed, snapshot_changed = new.vote != old.vote, new.snapshot != old.snapshot
    base, kept = new.log.base, _kept(old, new)
    entries = new.log.between(kept + 1, new.log.last_index)
    if not (vote_changed or snapshot_changed or kept < old.log.last_index or entries):
        return new, None

    disk = cut(new.disk, kept) if kept < old.log.last_index else new.disk
    end = max(kept, base.index)  # what the base takes away needs no truncation
    included = new.snapshot.last_included_index if new.snapshot else 0
    write = OutstandingWrite(disk.issued + 1, new.vote, new.log.last_index, included)
    disk = replace(disk, issued=write.number, outstanding=(*disk.outstanding, write))
    persist = Persist(
        write=write.number,
        vote=new.vote if vote_changed else None,
        snapshot=new.snapshot if snapshot_changed else None,
        base=base if base != old.log.base else None,
        truncate_from=end + 1 if end < old.log.last_index else None,
        entries=entries,
    )
    return replace(new, disk=disk), persist


def _kept(old: Server, new: Server) -> LogIndex:
    """The last index up to which the old log stays true, as entries or in the snapshot.

    Of a log that an install voids that is what was known to be committed (W6).
    """
    base = new.log.base
    if base.index > old.log.base.index and not old.log.agrees_with(base):
        return old.commit_index
    return new.log.common_last_index(old.log)


def cut(disk: Disk, kept: LogIndex) -> Disk:
    """What is and will be durable when all above *kept* is truncated (W6)."""
    outstanding = tuple(
        replace(write, last_index=min(write.last_index, kept)) for write in disk.outstanding
    )
    return replace(disk, last_index=min(disk.last_index, kept), outstanding=outstanding)


def persisted(server: Server, number: WriteNumber) -> Server:
    """Write *number*, and every earlier one, is durable: raise the marks by its record (W7).

    Spec: ``Persisted``.
    """
    disk = server.disk
    assert number <= disk.issued, "only what was issued can become durable"
    durable = [write for write in disk.outstanding if write.number <= number]
    if not durable:
        return server
    newest = durable[-1]
    disk = replace(
        disk,
        vote=newest.vote,
        last_index=newest.last_index,
        snapshot_index=newest.snapshot_index,
        outstanding=disk.outstanding[len(durable) :],
    )
    return replace(server, disk=disk)


def stamp(server: Server, effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Give every message the number of the write it must wait for (O3)."""
    if not server.disk.outstanding:
        return tuple(effects)
    return tuple(_stamped(server, effect) for effect in effects)


def _stamped(server: Server, effect: Effect) -> Effect:
    match effect:
        case Send(to, message):
            return Send(to, message, write_to_wait_for(server, message))
        case SendSnapshot(to, message):
            return SendSnapshot(to, message, write_to_wait_for(server, message))
        case _:
            return effect


def write_to_wait_for(server: Server, message: Message) -> WriteNumber | None:
    """The earliest write after which *message* may leave; None if it may at once.

    W1, W2, W4, W8 for what it reveals of our vote; W3, W11 for what it claims that we hold.
    """
    assert message.term == server.current_term, "a message carries its sender's term"
    disk, waits = server.disk, 0
    if disk.vote != server.vote:
        waits = next(write.number for write in disk.outstanding if write.vote == server.vote)
    if (
        isinstance(message, AppendEntriesResponse | InstallSnapshotResponse)
        and message.match > disk.last_index
    ):
        holding = (write.number for write in disk.outstanding if write.last_index >= message.match)
        waits = max(waits, next(holding))
    return waits or None
