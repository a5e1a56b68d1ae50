"""For each small world, the bug that it is there for.

Imported before the core is, so that the plant can be put in: it knows nothing of the worlds.
"""

from __future__ import annotations

from dataclasses import dataclass

from jepsen_lite.plants.patching import Patch
from tests.properties.canary import BUGS as CANARIES

_CORE = "huffleraft.core"


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug by name, the one of the catalogue that it is like, and the property it breaks.

    ``by_steps``: it is seen by looking at each step; else it is seen between servers alone.
    """

    name: str
    like: str
    breaks: str
    patch: Patch
    by_steps: bool = False


def _canary(name: str, like: str, breaks: str, *, by_steps: bool = False) -> Bug:
    return Bug(name, like, breaks, CANARIES[name], by_steps)


THERE_FOR: dict[str, Bug] = {
    "election": _canary("two-votes-in-a-term", "E03", "VoteOnce"),
    "replication": _canary("truncates-without-conflict", "R01", "AckTruth"),
    "durability": Bug(
        "writes-under-way-keep-their-end",
        "W7, D03",
        "AckTruth",
        Patch(
            f"{_CORE}.durability",
            "replace(write, last_index=min(write.last_index, kept)) for write",
            "replace(write, last_index=write.last_index) for write",
        ),
    ),
    "figure-8": _canary("counts-replicas-of-an-older-term", "C01", "ElectableComplete"),
    "membership": _canary("commits-by-a-majority-of-all", "C08", "CommitDurable"),
    "snapshot": _canary("an-older-snapshot-is-installed", "S01", "SnapshotPrefix", by_steps=True),
    "reads": Bug(
        "a-read-joins-the-open-round",
        "Q09",
        "LinearizableRead",
        Patch(
            f"{_CORE}.reads",
            "    reads = replace(role.reads, waiting=role.reads.waiting + event.refs)\n",
            "    reads = role.reads\n"
            "    if reads.open is None:\n"
            "        reads = replace(reads, waiting=reads.waiting + event.refs)\n"
            "    else:\n"
            "        joined = replace(reads.open, refs=reads.open.refs + event.refs)\n"
            "        reads = replace(reads, open=joined)\n",
        ),
    ),
}
"""World by world."""
