"""*members*: who left stays away, and in the end those vote who shall, by what nodes show."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from jepsen_lite.cluster.configuration import memberships
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.check import Check, listed
from jepsen_lite.verdicts.evidence import Evidence

NAME: Final = "members"


def check_members(evidence: Evidence) -> Check:
    """Follow the voters that a majority of themselves showed, from the first to the last."""
    ending, story = evidence.ending, memberships(evidence.samples)
    if not story:
        return Check(NAME, Verdict.UNKNOWN, "no node ever told who the members are")
    joined, left, wrong = [], [], []
    for before, after in pairwise(story):
        came = sorted(set(after.voters) - set(before.voters))
        wrong += [f"{node} votes again, and was removed" for node in came if node in left]
        joined += came
        left += sorted(set(before.voters) - set(after.voters))
    if ending.unfinished:
        wrong.append(f"a change was never completed: {ending.unfinished}")
    elif set(story[-1].voters) != set(ending.nodes):
        wrong.append(
            f"in the end {', '.join(story[-1].voters)} vote, and the members are "
            f"{', '.join(ending.nodes)}"
        )
    details = {"joined": joined, "left": left, "completed": ending.completed, "wrong": wrong[:100]}
    if wrong:
        return Check(NAME, Verdict.FALSE, listed(wrong), details)
    message = f"{len(story[0].voters)} voters at first and {len(story[-1].voters)} in the end"
    if joined or left:
        message += f"; joined: {', '.join(joined) or 'none'}; left: {', '.join(left) or 'none'}"
    if ending.completed:
        message += f"; after the heal: {ending.completed}"
    return Check(NAME, Verdict.TRUE, message, details)
