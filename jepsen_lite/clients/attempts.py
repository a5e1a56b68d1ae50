"""How several attempts make one outcome.

The one rule that matters: an operation failed only if it is certain of *each* attempt that it had
no effect.  An attempt that nobody knows the end of makes the whole operation `info`, whatever came
after it, unless a later attempt under the same session number answered for all of them.
"""

from __future__ import annotations

from jepsen_lite.clients.answers import Done, Mismatched, Redirected, Refused, Said, Unclear
from jepsen_lite.clients.wish import Outcome, Wish
from jepsen_lite.history import MISMATCH, EventType
from jepsen_lite.values import Observed


class Attempts:
    """The attempts of one operation so far.  *session* numbers its writes, if there is one."""

    def __init__(self, wish: Wish, session: int | None = None) -> None:
        self.wish = wish
        self.session = session
        self.count = 0
        self.all_definite = True
        self.code: str | None = None
        self.served_by: str | None = None
        self.term: int | None = None
        self.index: int | None = None

    def begin(self) -> None:
        """One more request leaves."""
        self.count += 1

    def place(self, headers: dict[str, str]) -> None:
        """Where the latest answer says that it comes from."""
        self.served_by = headers.get("huffleraft-node")
        self.term = _number(headers.get("huffleraft-term"))
        self.index = _number(headers.get("huffleraft-index"))

    def take(self, said: Said) -> Outcome | None:
        """The outcome, if *said* ends the operation; None if it may be asked again."""
        match said:
            case Done(value):
                return self._outcome(EventType.OK, value=value)
            case Mismatched(observed):
                return self._mismatch(Observed(observed))
            case Redirected(code=code) | Refused(code):
                self.code = code
                return None
            case Unclear(code):
                self.code = code
                self.all_definite = False
                return None if self.may_repeat else self.give_up(code)

    @property
    def may_repeat(self) -> bool:
        """Whether another attempt could not do a second time what an earlier one may have done."""
        return self.all_definite or not self.wish.changes or self.session is not None

    def give_up(self, why: str) -> Outcome:
        """The operation is over without an answer."""
        kind = EventType.FAIL if self.all_definite else EventType.INFO
        return self._outcome(kind, error=self.code or why)

    def overdue(self, *, under_way: bool) -> Outcome:
        """Our own deadline came; *under_way*: an attempt had no answer yet."""
        if under_way:
            self.all_definite = False
            self.code = "deadline"
        return self.give_up("deadline")

    def _mismatch(self, observed: Observed) -> Outcome:
        """The cas saw another value; perhaps its own, from an attempt of unknown end."""
        if not self.all_definite and self.session is None:
            return self._outcome(EventType.INFO, error="mismatch after an indefinite attempt")
        return self._outcome(EventType.FAIL, error=MISMATCH, observed=observed)

    def _outcome(
        self,
        kind: EventType,
        *,
        value: str | int | None = None,
        error: str | None = None,
        observed: Observed | None = None,
    ) -> Outcome:
        return Outcome(
            type=kind,
            value=value,
            error=error,
            observed=observed,
            code=None if kind is EventType.OK else self.code,
            served_by=self.served_by,
            term=self.term,
            index=self.index,
            attempts=self.count,
            session=self.session if self.wish.changes else None,
        )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
