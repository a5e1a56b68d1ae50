"""Random logs: entries that a cluster might commit, sensible or not."""

from hypothesis import strategies as st
from msgspec.structs import replace

from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry, Payload
from huffleraft.kv.commands import (
    Cas,
    Command,
    Delete,
    Register,
    SessionStamp,
    Set,
    encode_command,
)

KEYS = ("a", "b", "ä", "\U0001f511")
"""Few, so that commands meet; with one, two and four bytes a character."""

VALUES = (b"", b"1", b"2", b"\xff\x00")

keys = st.sampled_from(KEYS)
values = st.sampled_from(VALUES)


stamps = st.builds(SessionStamp, st.integers(1, 4), st.integers(1, 4))

commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Set, keys, values, st.none() | stamps),
    st.builds(Delete, keys, st.none() | stamps),
    st.builds(Cas, keys, st.none() | values, values, st.none() | stamps),
    st.just(Register()),
)

NO_COMMANDS: tuple[Payload, ...] = (
    None,
    Configuration.of({"n1": "a:1"}),
    Configuration.of({"n1": "a:1", "n2": "b:1"}, {"n3": "c:1"}),
    Configuration.of({"n3": "c:1"}, {"n1": "a:1"}),
    b"",
    b"\x02 of another version",
    b"\x01damaged",
)


def logs() -> st.SearchStrategy[list[Entry]]:
    """Entries from index 1 on; stamps name the sessions that they themselves begin."""
    often: st.SearchStrategy[Command | Payload] = commands
    seldom = st.sampled_from(NO_COMMANDS)
    one = st.integers(0, 9).flatmap(lambda dice: often if dice else seldom)
    short, long = st.lists(one, min_size=1, max_size=8), st.lists(one, min_size=20, max_size=40)
    return (short | long).map(_as_log)


def _as_log(payloads: list[Command | Payload]) -> list[Entry]:
    """A stamp's session n means the nth one begun; where it has not, one that never is."""
    begun = [index for index, one in enumerate(payloads, start=1) if isinstance(one, Register)]
    entries: list[Entry] = []
    for index, one in enumerate(payloads, start=1):
        if isinstance(one, Set | Delete | Cas) and one.session is not None:
            nth, sequence = one.session.session, one.session.sequence
            session = begun[nth - 1] if nth <= len(begun) else 999_999
            entries.append(entry(index, replace(one, session=SessionStamp(session, sequence))))
        elif isinstance(one, Set | Delete | Cas | Register):
            entries.append(entry(index, one))
        else:
            entries.append(Entry(1, index, one))
    return entries


def entry(index: int, command: Command) -> Entry:
    """*command* as the entry at *index*."""
    return Entry(1, index, encode_command(command))
