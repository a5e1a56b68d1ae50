"""How a command ends: the number a script sees, and the sentence a person reads.

Every way to fail has one number and one sentence on standard error, never a traceback; a
traceback means a mistake of ours, not of the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from huffleraft.errors import HuffleraftError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXIT_CODES: dict[int, str] = {
    0: "done as asked; a node: stopped by SIGTERM or Ctrl-C",
    1: "something failed that has no number of its own",
    2: "usage: an option is missing, unknown or unreadable",
    10: "the data directory is in use by another process",
    11: "the stored state is damaged",
    12: "the stored state was written by a newer huffleraft",
    13: "the data directory belongs to another node or cluster",
    14: "the data directory cannot be made, read or written",
    15: "the address is in use by another process",
    16: "the options contradict each other or name what cannot be",
    17: "an empty directory under an id that the cluster has met already",
    18: "the disk is full, so the node cannot even start",
    19: "the node was removed from its cluster, and its id is never used again",
    20: "the storage failed, and the node halted or did not start",
    21: "no member answers through which the node could join",
    22: "the cluster does not let the node in",
    30: "the cluster has no leader, or no quorum of it answers",
    130: "stopped at once by a second Ctrl-C (143: by a second SIGTERM)",
}


KV_EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "get: there is no such key; cas: the key has another value, and nothing was changed",
    2: "usage: an option, an endpoint, a key or a value is missing or cannot be",
    3: "it could not be done, and has had no effect",
    4: "it may or may not have taken effect",
    130: "stopped by Ctrl-C; a write may or may not have taken effect",
}
"""How the `kv` commands end: a script must tell a missing key from a cluster that is not there."""


MEMBER_EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "the cluster refuses it, and says why",
    2: "usage: an option, an endpoint, an id or an address is missing or unreadable",
    3: "it could not be done in time, and has had no effect",
    4: "it is not done yet, or nobody knows whether; to say it again does no harm",
    16: "the address names no machine, so no member could reach the node there",
    130: "stopped by Ctrl-C; what was begun may or may not be done",
}
"""How `cluster members`, `join`, `remove` and `transfer` end."""


def exit_codes_text(codes: Mapping[int, str] = EXIT_CODES) -> str:
    """*codes* as they stand at the end of a command's help."""
    lines = [f"  {code:>3}  {meaning}" for code, meaning in codes.items()]
    return "\n".join(["\b", "Exit codes:", *lines])  # the mark keeps the lines apart


def some(*codes: int) -> Mapping[int, str]:
    """The *codes* of a command that cannot end in all of these ways."""
    return {code: EXIT_CODES[code] for code in codes}


def cause_of(error: BaseException) -> HuffleraftError | None:
    """The fact behind *error*, which may be a group from a task group; None if there is none.

    A group is explained by one fact only if it holds nothing but facts: a mistake of ours that
    came along must keep its traceback.
    """
    leaves = list(_leaves(error))
    facts = [leaf for leaf in leaves if isinstance(leaf, HuffleraftError)]
    return facts[0] if facts and len(facts) == len(leaves) else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
