"""The state machine as one would say it aloud: one dict of keys, one of sessions, no caches."""

from dataclasses import dataclass, field

from huffleraft.codec.digest import digest
from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry
from huffleraft.errors import FrameInvalid
from huffleraft.kv.commands import Command, Delete, Register, Set, decode_command
from huffleraft.kv.format import encode
from huffleraft.kv.limits import ANSWER_BYTES_MAX, SESSIONS_MAX
from huffleraft.kv.results import (
    CasMismatch,
    Changed,
    Refused,
    Registered,
    Removed,
    Result,
    SequencePassed,
    SessionUnknown,
    encode_result,
)
from huffleraft.kv.roster import Roster


@dataclass
class Cell:
    value: bytes
    version: int
    changed: int


@dataclass
class Session:
    sequence: int
    used: int
    answer: Changed | Removed | CasMismatch | None

    @property
    def answer_bytes(self) -> bytes:
        return b"" if self.answer is None else encode_result(self.answer)


@dataclass
class Naive:
    """A dict model; `apply` returns what the entry's result should say."""

    cells: dict[str, Cell] = field(default_factory=dict)
    sessions: dict[int, Session] = field(default_factory=dict)
    everybody: set[str] = field(default_factory=set)
    last_applied: int = 0

    def apply(self, entry: Entry) -> Result | None:
        self.last_applied = entry.index
        if isinstance(entry.payload, Configuration):
            self._enrol(entry.index, entry.payload)
        if not isinstance(entry.payload, bytes):
            return None
        try:
            command = decode_command(entry.payload)
        except FrameInvalid as fault:
            return Refused(fault.why)
        if isinstance(command, Register):
            self.sessions[entry.index] = Session(0, entry.index, None)
            self._end_sessions()
            return Registered(entry.index)
        if command.session is None:
            return self._change(entry.index, command)
        session = self.sessions.get(command.session.session)
        if session is None:
            return SessionUnknown()
        session.used = entry.index
        if command.session.sequence < session.sequence:
            return SequencePassed()
        if command.session.sequence == session.sequence:
            assert session.answer is not None
            return _replayed(session.answer)
        session.sequence = command.session.sequence
        session.answer = self._change(entry.index, command)
        self._end_sessions()
        return session.answer

    def _change(self, index: int, command: Command) -> Changed | Removed | CasMismatch:
        assert not isinstance(command, Register)
        cell = self.cells.get(command.key)
        if isinstance(command, Delete):
            self.cells.pop(command.key, None)
            return Removed(index, existed=cell is not None)
        value = command.value if isinstance(command, Set) else command.new
        if not isinstance(command, Set) and command.old != (cell.value if cell else None):
            if cell is None:
                return CasMismatch(None, None, index, None)
            return CasMismatch(cell.value, cell.version, index, cell.changed)
        version = cell.version + 1 if cell else 1
        self.cells[command.key] = Cell(value, version, index)
        return Changed(index, version)

    def _enrol(self, index: int, configuration: Configuration) -> None:
        """Whoever was ever a member and is none now has left; kept where no key can be."""
        members = configuration.members
        self.everybody.update(members)
        former = tuple(sorted(self.everybody - set(members)))
        known = self.cells.get("")
        version = known.version + 1 if known else 1
        self.cells[""] = Cell(encode(Roster(members, former)), version, index)

    def _end_sessions(self) -> None:
        while (
            len(self.sessions) > SESSIONS_MAX
            or sum(len(one.answer_bytes) for one in self.sessions.values()) > ANSWER_BYTES_MAX
        ):
            del self.sessions[min(self.sessions, key=lambda one: self.sessions[one].used)]

    def digest(self) -> bytes:
        return digest(
            (
                (key, cell.value, cell.version, cell.changed)
                for key, cell in sorted((key.encode(), cell) for key, cell in self.cells.items())
            ),
            (
                (session, one.sequence, one.used, one.answer_bytes)
                for session, one in sorted(self.sessions.items())
            ),
        )


def _replayed(answer: Changed | Removed | CasMismatch) -> Result:
    match answer:
        case Changed(index, version):
            return Changed(index, version, replayed=True)
        case Removed(index, existed):
            return Removed(index, existed, replayed=True)
        case CasMismatch(current, version, index, changed_index):
            return CasMismatch(current, version, index, changed_index, replayed=True)
