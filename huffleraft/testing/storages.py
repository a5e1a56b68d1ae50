"""What a storage owes the core: writes durable in order, each group whole, and a boot that rises.

O2, O6; `huffleraft.ports.Storage`.  Snapshots and rows are not looked at: they belong to a store
that has them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import anyio
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.core import Entry, Log, Persist, Vote
from huffleraft.core.invariants import Image, replay
from huffleraft.errors import HuffleraftError, StorageFailed
from huffleraft.ports import Recovered, Storage
from huffleraft.testing.verdict import NotConforming, drawn, require


class Disk(Protocol):
    """Something new, that can be opened again and again."""

    async def open(self) -> tuple[Storage, Recovered]:
        """Open it, or found it if it is empty; the boot is durable when this returns."""
        ...

    async def close(self, storage: Storage) -> None:
        """Let go of it, as a node that stops does, or one that is killed."""
        ...


@dataclass(frozen=True, slots=True)
class _Wish:
    """A write as it is drawn: by how much the term rises, how much is cut, and what is added."""

    vote: tuple[int, str | None] | None
    cut: int | None
    terms: tuple[int, ...]


_wishes = st.builds(
    _Wish,
    st.one_of(st.none(), st.tuples(st.integers(1, 3), st.sampled_from([None, "n1", "n2"]))),
    st.one_of(st.none(), st.integers(0, 4)),
    st.lists(st.integers(1, 3), max_size=4).map(tuple),
)
_groups = st.lists(st.lists(_wishes, min_size=1, max_size=4), min_size=1, max_size=4)


def check_storage(new_disk: Callable[[], Disk], *, examples: int = 50) -> None:
    """Raise NotConforming unless the disks that *new_disk* makes keep what they are given."""

    @drawn(examples)
    @given(_groups)
    def keeps(groups: list[list[_Wish]]) -> None:
        anyio.run(_keeps, new_disk(), groups)

    keeps()
    anyio.run(_refuses_whole, new_disk())


async def _keeps(disk: Disk, groups: list[list[_Wish]]) -> None:
    storage, recovered = await _opened(disk)
    held, boot, number = _image(recovered), recovered.boot, 0
    for group in groups:
        writes = []
        for wish in group:
            number += 1
            writes.append(_write(wish, number, held))
            held = replay(writes[-1], held)
        try:
            await storage.write(tuple(writes))
        except HuffleraftError as refusal:
            raise NotConforming(f"what follows on is taken: {writes}: {refusal}") from refusal
        await disk.close(storage)
        storage, recovered = await _opened(disk)
        require(recovered.boot > boot, "the boot rises with each opening (O6)", f"{recovered.boot}")
        boot = recovered.boot
        _require_equal(_image(recovered), held, f"after {writes}")
    await disk.close(storage)


def _write(wish: _Wish, number: int, held: Image) -> Persist:
    """The write that *wish* is on what is *held*, as a core would make it.

    The first entry is never cut, terms never fall, and the first write raises the term beyond
    that of all entries to come.
    """
    log, term = held.log, held.vote.current_term
    rise, voted_for = wish.vote or (0, None)
    rise += 1000 if number == 1 else 0
    vote = Vote(term + rise, voted_for) if rise else None
    cut = None if wish.cut is None else max(log.last_index - wish.cut, 1) + 1
    last = log.last_index if cut is None else cut - 1
    lowest = log.term_at(last) or 1
    entries = tuple(
        Entry(max(lowest, 1) + step, last + place, b"%d" % number)
        for place, step in enumerate(sorted(wish.terms), start=1)
    )
    cut = None if cut is not None and cut > log.last_index else cut
    return Persist(number, vote=vote, truncate_from=cut, entries=entries)


async def _refuses_whole(disk: Disk) -> None:
    """A group whose second write cannot be leaves nothing of its first."""
    storage, recovered = await disk.open()
    before = _image(recovered)
    gap = (Entry(1, before.log.last_index + 9, b"x"),)
    try:
        await storage.write((Persist(1, vote=Vote(99, "n1")), Persist(2, entries=gap)))
    except StorageFailed:
        pass
    else:
        raise NotConforming(
            "entries that do not follow are refused with StorageFailed: they were not"
        )
    with suppress(StorageFailed):
        await disk.close(storage)
    storage, recovered = await disk.open()
    _require_equal(_image(recovered), before, "after a group that was refused")
    await disk.close(storage)


async def _opened(disk: Disk) -> tuple[Storage, Recovered]:
    try:
        return await disk.open()
    except HuffleraftError as refusal:
        raise NotConforming(f"what was written is opened again: {refusal}") from refusal


def _image(recovered: Recovered) -> Image:
    return Image(recovered.vote, recovered.snapshot, Log(recovered.base, recovered.entries))


def _require_equal(found: Image, held: Image, when: str) -> None:
    require(
        found.vote == held.vote, "the last vote is kept", f"{found.vote}, not {held.vote}, {when}"
    )
    require(
        found.log == held.log, "the log is what was written", f"{found.log}, not {held.log}, {when}"
    )
