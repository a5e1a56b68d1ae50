"""The answer of a check: true, false, or unknown, ordered by gravity.

Three answers and not two, because a judge who ran out of time must not say "true". The verdict of
several checks is the gravest of them: one proof of a fault outweighs any number of doubts, and one
doubt outweighs any number of passes (Jepsen's `merge-valid`).
"""

from collections.abc import Iterable
from enum import Enum


class Verdict(Enum):
    """What a check found. Never used as a plain truth value: compare with a member."""

    TRUE = "true"
    UNKNOWN = "unknown"
    FALSE = "false"

    @property
    def gravity(self) -> int:
        """0 for true, 1 for unknown, 2 for false: the greater one prevails."""
        return _GRAVITY.index(self)

    @property
    def exit_code(self) -> int:
        """What a command that ends with this verdict exits with: 0 true, 1 false, 2 unknown."""
        return (0, 2, 1)[self.gravity]

    def __bool__(self) -> bool:
        """Refuse: `if verdict:` would take unknown for true."""
        raise TypeError("a verdict has three values: compare it with Verdict.TRUE")

    def to_json(self) -> bool | str:
        """`true` and `false` as JSON has them, and the text "unknown" (as Jepsen's `:valid?`)."""
        return self.value if self is Verdict.UNKNOWN else self is Verdict.TRUE

    @classmethod
    def worst(cls, verdicts: Iterable["Verdict"]) -> "Verdict":
        """The gravest of *verdicts*; true if there is none."""
        return max(verdicts, key=lambda verdict: verdict.gravity, default=cls.TRUE)


_GRAVITY = (Verdict.TRUE, Verdict.UNKNOWN, Verdict.FALSE)
