"""Who was a member and is not, as the state machine remembers it."""

from __future__ import annotations

import pytest

from huffleraft.core import Configuration, Entry
from huffleraft.kv.commands import Set, encode_command
from huffleraft.kv.queries import Scan, decode_answer, encode_query
from huffleraft.kv.replica import KvStateMachine
from huffleraft.kv.roster import ROSTER_KEY, enrolled, former_members, roster_of
from huffleraft.ports import Row
from tests.kv.memory_rows import MemoryRows

pytestmark = pytest.mark.anyio


def of(*voters: str, learners: tuple[str, ...] = ()) -> Configuration:
    def at(names: tuple[str, ...]) -> dict[str, str]:
        return {name: f"{name}:1" for name in names}

    return Configuration.of(at(voters), at(learners))


def after(*configurations: Configuration) -> Row:
    row: Row | None = None
    for index, configuration in enumerate(configurations, 1):
        row = enrolled(row, configuration, index)
    assert row is not None
    return row


def test_whoever_is_named_no_more_has_left() -> None:
    row = after(of("n1", "n2", "n3"), of("n1", "n2"), of("n1", "n2", learners=("n4",)), of("n1"))

    assert former_members(row) == {"n2", "n3", "n4"}
    assert roster_of(row).members == ("n1",)
    assert row.changed_index == 4


def test_whoever_votes_in_the_old_half_of_a_joint_configuration_has_not_left() -> None:
    old, new = of("n1", "n2"), of("n1", "n3")
    joint = old.entering(new)

    assert former_members(after(old, joint)) == frozenset()
    assert former_members(after(old, joint, joint.leaving())) == {"n2"}


def test_a_newcomer_that_sees_old_configurations_only_has_not_left() -> None:
    assert "n4" not in former_members(after(of("n1", "n2", "n3"), of("n1", "n2")))


async def test_it_is_part_of_the_state_that_a_start_finds_and_a_hash_covers() -> None:
    rows = MemoryRows()
    machine = KvStateMachine(rows, 0, {})
    await machine.apply([Entry(1, 1, of("n1", "n2")), Entry(1, 2, of("n1"))])
    assert machine.former_members == {"n2"}
    hashed, index = await machine.digest()

    assert index == 2
    assert (await KvStateMachine.open(rows, 2)).former_members == {"n2"}
    other = KvStateMachine(MemoryRows(), 0, {})
    await other.apply([Entry(1, 1, of("n1", "n2")), Entry(1, 2, None)])
    assert (await other.digest())[0] != hashed


@pytest.mark.parametrize("flushed", [False, True])
async def test_no_page_of_keys_shows_it(flushed: bool) -> None:
    machine = KvStateMachine(MemoryRows(), 0, {})
    await machine.apply([Entry(1, 1, of("n1")), Entry(1, 2, encode_command(Set("k", b"v")))])
    if flushed:
        await machine.flush()

    page = decode_answer(await machine.query(encode_query(Scan("", "", 10, values=True))))

    assert [listed.key for listed in page.keys] == ["k"]  # type: ignore[union-attr]
    assert ROSTER_KEY == ""
