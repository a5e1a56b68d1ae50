"""One small history for each way to get a pruning rule wrong.

Random histories alone do not do: the wrong rules 1 (indefinite calls forgotten) and 5 (one chain is
enough) were wrong on one of 34,000. Each trap is judged rightly by the search, and wrongly by the
search with the rule that the trap is for (`wrong_rules`).
"""

from dataclasses import dataclass
from typing import Final

from jepsen_lite.checkers.calls import Call
from jepsen_lite.models import Action, Cas, Delete, Mismatch, Read, Write


@dataclass(frozen=True, slots=True)
class Trap:
    """A history, and whether it has an order."""

    possible: bool
    calls: tuple[Call, ...]


def _trap(possible: bool, *calls: tuple[Action, int, int | None]) -> Trap:
    return Trap(possible, tuple(Call(*call) for call in calls))


TRAPS: Final = {
    # Write 4 first and 3 last. Both first attempts end at a frontier with one write done, but not
    # the same write.
    "1: the key forgets what is done beyond the frontier": _trap(
        True,
        (Write(4), 1, 4),
        (Write(3), 2, 3),
        (Read(3), 5, 6),
    ),
    # Two cas from 2 need two makers of 2. The cas from null is one only while null is there, so it
    # has to be used first, and the write second; the other way round reaches the same value.
    "1: the key forgets which indefinite calls are used up": _trap(
        True,
        (Write(2), 1, None),
        (Cas(None, 2), 3, None),
        (Cas(2, 1), 4, 6),
        (Cas(2, 1), 5, 7),
    ),
    # The delete is legal at once, where null is, but it is needed between the two creates.
    "2: a write of the value that is there is eager too": _trap(
        True,
        (Cas(None, 1), 1, 5),
        (Delete(), 2, 4),
        (Cas(None, 2), 3, 6),
    ),
    # Nobody could have taken the 3 away.
    "2: a mismatch is placed even where its old value is": _trap(
        False,
        (Cas(None, 3), 1, 2),
        (Cas(None, 1), 3, None),
        (Mismatch(3), 4, 5),
    ),
    # Both creates make a value that nobody looks at. The one that returns first comes first; after
    # it, the delete of unknown outcome makes room for the other.
    "3: of one effect, the call that returns last stands for all": _trap(
        True,
        (Cas(None, 1), 1, 5),
        (Cas(None, 2), 2, 3),
        (Delete(), 4, None),
    ),
    # The cas to 2 returns first, but it can only follow the write of 2.
    "3: a cas and a write of one value have the same effect": _trap(
        True,
        (Write(2), 1, 8),
        (Cas(3, 2), 2, 6),
        (Cas(2, 3), 3, 7),
    ),
    # The cas that makes 2 waits for the very 3 that the indefinite write of 2 is needed for.
    "3: an indefinite call waits for any definite call that makes the same value": _trap(
        True,
        (Write(2), 1, None),
        (Cas(3, 2), 2, 4),
        (Cas(2, 3), 3, 5),
    ),
    # 1 and 3 are not alike: the mismatch tells them apart.
    "4: a value that only a mismatch looks at is dead": _trap(
        True,
        (Write(1), 1, 4),
        (Write(3), 2, 3),
        (Mismatch(1), 5, 6),
    ),
    # 1 must be there last, since only from 1 can the cas of unknown outcome make 2.
    "4: a value that only an indefinite cas looks at is dead": _trap(
        True,
        (Write(1), 1, 3),
        (Write(3), 2, 4),
        (Cas(1, 2), 5, None),
        (Read(2), 6, 7),
    ),
    "5: a chain is never longer than one call": _trap(
        True,
        (Cas(2, 1), 1, None),
        (Write(2), 2, None),
        (Read(1), 3, 4),
    ),
    # As for rule 1: which of two ways to 2 is taken first decides what is left.
    "5: of two chains to one value, one is enough": _trap(
        True,
        (Write(2), 1, None),
        (Cas(None, 2), 3, None),
        (Cas(2, 1), 4, 6),
        (Cas(2, 1), 5, 7),
    ),
    "5: no mismatch needs an indefinite call": _trap(
        True,
        (Write(1), 1, None),
        (Mismatch(None), 2, 3),
    ),
    # Only the create can take null away (the delete leaves it), and it was asked for too late.
    "5: an indefinite call may be used before it is invoked": _trap(
        False,
        (Delete(), 1, None),
        (Mismatch(None), 2, 3),
        (Cas(None, 1), 4, None),
    ),
    # The mismatch still looks at 1, but it would rather have it overwritten.
    "6: a mismatch is stranded like a read": _trap(
        True,
        (Write(1), 1, 2),
        (Write(2), 3, 6),
        (Mismatch(1), 4, 5),
    ),
    # 1 may be overwritten, because the indefinite write can bring it back.
    "6: what an indefinite call may still make does not count": _trap(
        True,
        (Write(1), 1, None),
        (Read(1), 2, 3),
        (Write(1), 4, None),
        (Write(2), 5, 6),
        (Read(1), 7, 8),
    ),
    # The delete leaves null where null was.
    "6: a value that is required once more is stranded even if it stays": _trap(
        True,
        (Delete(), 3, 4),
        (Read(None), 5, 6),
    ),
    # Which of the two dead values is there last, the mismatch will tell.
    "7: a commit looks at no mismatch": _trap(
        True,
        (Write(1), 1, 4),
        (Write(3), 2, 3),
        (Mismatch(1), 5, 6),
    ),
    # The read of 1 needs the indefinite create before null is overwritten for good.
    "7: a commit does not look at the value that was there": _trap(
        True,
        (Cas(None, 1), 1, None),
        (Read(1), 2, 5),
        (Write(2), 3, 4),
    ),
    # 4 must be written before 1, though 1 is asked for first.
    "7: a commit does not look at the values that were made": _trap(
        True,
        (Write(1), 1, 5),
        (Write(4), 2, 6),
        (Read(1), 3, 4),
        (Read(1), 7, 8),
        (Cas(1, 2), 9, None),
    ),
    # write 2, cas 2>1, cas 1>2, cas 2>3, cas 3>3: the value passed in between is needed again.
    "7: a commit looks at the last value of a chain alone": _trap(
        True,
        (Write(2), 1, None),
        (Cas(3, 3), 2, 6),
        (Cas(1, 2), 3, None),
        (Cas(2, 1), 4, 8),
        (Cas(2, 3), 5, 7),
    ),
}
