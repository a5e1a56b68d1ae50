"""The conformance kit: it finds nothing in what is ours, and finds each thing that is broken."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from huffleraft.core import Entry, Persist, Vote
from huffleraft.errors import StorageFailed
from huffleraft.kv.commands import Cas, Delete, Register, SessionStamp, Set, encode_command
from huffleraft.kv.replica import KvStateMachine
from huffleraft.ports import Inbox, Network, PeerMessage, Recovered, Storage
from huffleraft.testing import NotConforming, check_machine, check_network, check_storage
from tests.kv.memory_rows import MemoryRows
from tests.testing.ours import (
    OurMemory,
    OurSqlite,
    connected,
    new_machine,
    restarted,
    state_of,
)

stamps = st.one_of(st.none(), st.builds(SessionStamp, st.integers(1, 3), st.integers(1, 2)))
keys = st.sampled_from(["a", "b"])
values = st.sampled_from([b"1", b"2"])
commands = st.one_of(
    st.just(Register()),
    st.builds(Set, keys, values, stamps),
    st.builds(Delete, keys, stamps),
    st.builds(Cas, keys, st.one_of(st.none(), values), values, stamps),
).map(encode_command)


def test_our_own_stores_conform(tmp_path: Path) -> None:
    numbers = itertools.count()
    check_storage(OurMemory)
    check_storage(lambda: OurSqlite(tmp_path / str(next(numbers))), examples=10)


def test_our_own_machine_conforms() -> None:
    check_machine(new_machine, restarted, state_of, commands)


def test_our_own_network_conforms() -> None:
    check_network(connected)


# Broken storages.


class Altered:
    """A storage that does something else than it is asked."""

    def __init__(self, inner: Storage) -> None:
        self.inner = inner

    async def write(self, writes: Sequence[Persist]) -> None:
        await self.inner.write(self.instead_of(tuple(writes)))

    def instead_of(self, writes: tuple[Persist, ...]) -> tuple[Persist, ...]:
        return writes


class LosesAWrite(Altered):
    def instead_of(self, writes: tuple[Persist, ...]) -> tuple[Persist, ...]:
        return writes[:-1] if len(writes) > 1 else writes


class Reorders(Altered):
    def instead_of(self, writes: tuple[Persist, ...]) -> tuple[Persist, ...]:
        votes = [one.vote for one in writes if one.vote]
        backwards = iter(votes[::-1])
        return tuple(replace(one, vote=next(backwards)) if one.vote else one for one in writes)


class ForgetsTheVote(Altered):
    def instead_of(self, writes: tuple[Persist, ...]) -> tuple[Persist, ...]:
        kept = (Vote(one.vote.current_term) if one.vote else None for one in writes)
        return tuple(replace(one, vote=vote) for one, vote in zip(writes, kept, strict=True))


class NeverTruncates(Altered):
    async def write(self, writes: Sequence[Persist]) -> None:
        for write in writes:
            cut = write.truncate_from
            await self.inner.write(
                (write if write.entries else replace(write, truncate_from=None),)
            )
            assert cut is None or cut > 1


class TearsAGroup(Altered):
    async def write(self, writes: Sequence[Persist]) -> None:
        for write in writes:
            await self.inner.write((write,))


class TakesAnything(Altered):
    async def write(self, writes: Sequence[Persist]) -> None:
        try:
            await self.inner.write(writes)
        except StorageFailed:
            return


def disk_under(broken: type[Altered], *, boots: bool = True) -> type[OurMemory]:
    class Disk(OurMemory):
        async def open(self) -> tuple[Storage, Recovered]:
            storage, recovered = await super().open()
            return broken(storage), recovered if boots else replace(recovered, boot=1)

        async def close(self, storage: Storage) -> None:
            assert isinstance(storage, Altered)
            await super().close(storage.inner)

    return Disk


@pytest.mark.parametrize(
    "broken,promise",
    [
        (LosesAWrite, r"the (last vote is kept|log is what was written)|is opened again"),
        (Reorders, "the last vote is kept"),
        (ForgetsTheVote, "the last vote is kept"),
        (NeverTruncates, "the log is what was written|what follows on is taken"),
        (TearsAGroup, "the last vote is kept: .* after a group that was refused"),
        (TakesAnything, "entries that do not follow are refused"),
    ],
)
def test_a_broken_storage_is_found(broken: type[Altered], promise: str) -> None:
    with pytest.raises(NotConforming, match=promise):
        check_storage(disk_under(broken))


def test_a_storage_whose_boot_stands_still_is_found() -> None:
    with pytest.raises(NotConforming, match="the boot rises with each opening"):
        check_storage(disk_under(Altered, boots=False))


# Broken machines.


async def applies_twice(machine: KvStateMachine) -> KvStateMachine:
    """Starts again one entry too early, on rows that hold it already."""
    await machine.flush()
    rows = machine._rows
    return KvStateMachine(rows, max(0, machine.flushed_index - 1), dict(await rows.sessions()))


async def drops_sessions(machine: KvStateMachine) -> KvStateMachine:
    """Starts again without its sessions."""
    await machine.flush()
    return KvStateMachine(machine._rows, machine.flushed_index, {})


@pytest.mark.parametrize("restart", [applies_twice, drops_sessions])
def test_a_machine_that_starts_again_wrongly_is_found(restart: object) -> None:
    with pytest.raises(NotConforming, match=r"a restart (changes no later|loses and repeats)"):
        check_machine(new_machine, restart, state_of, commands, examples=300)  # type: ignore[arg-type]


class TellsTheBatch(KvStateMachine):
    async def apply(self, entries: Sequence[Entry]) -> Sequence[bytes]:
        results = await super().apply(entries)
        return [result + b"!" * (len(entries) > 1) if result else result for result in results]


class AnswersTooLittle(KvStateMachine):
    async def apply(self, entries: Sequence[Entry]) -> Sequence[bytes]:
        return [result for result in await super().apply(entries) if result]


@pytest.mark.parametrize(
    "broken,promise",
    [
        (TellsTheBatch, "results do not depend on what is applied together"),
        (AnswersTooLittle, "each entry has a result"),
    ],
)
def test_a_machine_that_answers_wrongly_is_found(
    broken: type[KvStateMachine], promise: str
) -> None:
    async def make() -> KvStateMachine:
        return broken(MemoryRows(), 0, {})

    with pytest.raises(NotConforming, match=promise):
        check_machine(make, restarted, state_of, commands)


# Broken networks.


class Misnames:
    """Says that its messages come from somebody else."""

    def __init__(self, inner: Inbox) -> None:
        self.inner = inner

    def receive(self, source: str, message: PeerMessage) -> None:
        self.inner.receive("c" if source == "a" else source, message)


def misnamed(inboxes: dict[str, Inbox]) -> AbstractAsyncContextManager[dict[str, Network]]:
    return connected({name: Misnames(inbox) for name, inbox in inboxes.items()})  # type: ignore[misc]


class Silent(Misnames):
    def receive(self, source: str, message: PeerMessage) -> None:
        """Nothing ever arrives."""


def silent(inboxes: dict[str, Inbox]) -> AbstractAsyncContextManager[dict[str, Network]]:
    return connected({name: Silent(inbox) for name, inbox in inboxes.items()})  # type: ignore[misc]


def test_a_network_that_misnames_a_sender_is_found() -> None:
    with pytest.raises(NotConforming, match="what arrives was sent so"):
        check_network(misnamed)


def test_a_network_on_which_nothing_arrives_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huffleraft.testing.networks.PATIENCE", 0.1)
    with pytest.raises(NotConforming, match="what is sent again and again arrives"):
        check_network(silent, examples=1)
