"""One operation of a client: which node is asked, what is followed, and what may be repeated.

A read may always be repeated, and so may a change of members: done twice, it is done.  A write may
while every request so far was definitely without effect; after one that was not, only under a
session, with the same number, for then it runs once however often it arrives.

Nothing here sends or waits.  An operation is a generator: it yields what is to be done next, `Send`
or `Wait`, is sent what was heard, and returns its result.  Whoever drives it may be a task or a
thread; what is decided is the same.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

import msgspec

from huffleraft.client.asking import Ask, Heard, foreign
from huffleraft.client.contacts import REQUEST_SECONDS_MAX, Contacts, Session
from huffleraft.client.outcomes import Attempt, OperationFailed

T = TypeVar("T")

_SESSIONS: Final = "/v1/sessions"


@dataclass(frozen=True, slots=True)
class Send:
    """Send *what* to *endpoint*, and hear the answer out for at most *seconds*."""

    endpoint: str
    what: Ask
    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for *seconds*."""

    seconds: float


Steps: TypeAlias = Generator[Send | Wait, Heard | None, T]
"""An operation under way: after a `Send` it is sent what was heard, after a `Wait` None."""


def _session_of(heard: Heard) -> int:
    return _SESSION.decode(heard.body).session


class _Session(msgspec.Struct, frozen=True):
    session: int


_SESSION: Final = msgspec.json.Decoder(_Session)


class Operation:
    """One operation under way: its deadline, and the requests made so far."""

    def __init__(self, name: str, contacts: Contacts) -> None:
        self._name = name
        self._contacts = contacts
        self._patience = contacts.patience
        self._deadline = time.monotonic() + self._patience.total
        self._attempts: list[Attempt] = []
        self._in_doubt = False

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The requests made so far."""
        return tuple(self._attempts)

    def read(self, what: Ask, accept: Sequence[str] = (), *, stale: bool = False) -> Steps[Heard]:
        """Have *what* answered, well or with a code in *accept*.

        A *stale* read asks the endpoints in turn, since any node may answer it.
        """
        if not stale:
            return (yield from self._answered(what, accept, repeatable=True, harmless=True))
        begin = self._contacts.next_in_turn()
        return (
            yield from self._answered(what, accept, repeatable=True, harmless=True, begin=begin)
        )

    def write(self, what: Ask, accept: Sequence[str] = ()) -> Steps[Heard]:
        """Have the write *what* answered: under a session, unless this client has none."""
        if not self._patience.sessions:
            return (yield from self._answered(what, accept, repeatable=False))
        while True:
            session = self._contacts.borrow() or (yield from self.registered())
            session.sequence += 1
            stamp = {
                "Huffleraft-Session": str(session.id),
                "Huffleraft-Sequence": str(session.sequence),
            }
            stamped = dataclasses.replace(what, headers=stamp)
            ended = False
            try:
                heard = yield from self._answered(
                    stamped, (*accept, "session-unknown"), repeatable=True
                )
                ended = heard.attempt.code == "session-unknown"
            finally:
                if not ended:
                    # Also after a failure: the next number fences off whatever is still on its
                    # way under this one.
                    self._contacts.give_back(session)
            if not ended:
                return heard
            self._lose_session(heard.attempt)

    def change_members(self, what: Ask, *, repeatable: bool = True) -> Steps[Heard]:
        """Have *what* answered, which done twice is done: so it needs no session.

        Where it is not *repeatable* it is not asked again once it is in doubt.
        """
        return (yield from self._answered(what, repeatable=repeatable))

    def registered(self) -> Steps[Session]:
        """A new session.  One that nobody uses is no effect, so this leaves nothing in doubt."""
        heard = yield from self._answered(Ask("POST", _SESSIONS), repeatable=True, harmless=True)
        return Session(self.understood(heard, _session_of, harmless=True))

    def understood(self, heard: Heard, read: Callable[[Heard], T], *, harmless: bool = False) -> T:
        """What *read* makes of the answer *heard*.

        An answer that is none after all, though it bears a node's name, leaves all in doubt,
        unless what was asked was *harmless*.
        """
        try:
            return read(heard)
        except (KeyError, ValueError, TypeError, RecursionError, msgspec.MsgspecError) as error:
            detail = f"the answer is none of ours: {error}"
            self._attempts[-1] = foreign(heard.attempt.endpoint, detail).attempt
            self._in_doubt = self._in_doubt or not harmless
            raise self._failed() from error

    def _lose_session(self, attempt: Attempt) -> None:
        """Go on with another session, if this number cannot have run under the lost one."""
        if self._in_doubt:
            raise self._failed()
        # The number had never been sent before, and was refused now.
        self._attempts[-1] = dataclasses.replace(attempt, definite=True)

    # One answer.

    def _answered(
        self,
        what: Ask,
        accept: Sequence[str] = (),
        *,
        repeatable: bool,
        harmless: bool = False,
        begin: str | None = None,
    ) -> Steps[Heard]:
        """Send *what* until it is answered.

        - *repeatable*: also after a request in doubt.
        - *harmless*: it changes nothing that anybody sees, so nothing of it is ever in doubt.
        - *begin* is the first to be asked, and is then not remembered for having answered.
        """
        contacts = self._contacts
        endpoint, hops = begin or contacts.endpoint, 0
        while True:
            heard = yield from self._asked(endpoint, what)
            attempt = heard.attempt
            if attempt.code is None or attempt.code in accept:
                if self._patience.retries and begin is None:
                    contacts.stay_with(endpoint)
                return heard
            if heard.leader is not None and hops < self._patience.hops:
                endpoint, hops = heard.leader, hops + 1
                continue
            self._in_doubt = self._in_doubt or not (harmless or attempt.definite)
            safe = repeatable or not self._in_doubt
            if not (self._patience.retries and safe and attempt.may_pass):
                raise self._failed()
            yield Wait(self._pause(heard))
            endpoint = contacts.turn_to_next() if begin is None else contacts.next_in_turn()
            hops = 0

    def _asked(self, endpoint: str, what: Ask) -> Steps[Heard]:
        left = self._left()
        if left <= 0:
            raise self._failed()
        heard = yield Send(endpoint, self._within(what, left), left)
        assert heard is not None, "whatever is sent is answered, or said to be lost"
        self._attempts.append(heard.attempt)
        return heard

    def _within(self, what: Ask, left: float) -> Ask:
        """*what*, and with it how long the node may take of the seconds that are *left*."""
        if not what.timed:
            return what
        allowed = min(self._patience.server or 0.9 * left, REQUEST_SECONDS_MAX)
        timeout = f"timeout={max(allowed, 0.001):.3f}"
        query = f"{what.query}&{timeout}" if what.query else timeout
        return dataclasses.replace(what, query=query)

    def _pause(self, heard: Heard) -> float:
        """How long to wait before the next request."""
        advised = heard.retry_after if self._patience.obey_retry_after else None
        dice = self._contacts.dice
        pause = dice(*self._patience.pause) if advised is None else advised * dice(0.5, 1.5)
        return max(0.0, min(pause, self._left()))

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _failed(self) -> OperationFailed:
        return OperationFailed(self._name, self.attempts, not self._in_doubt)
