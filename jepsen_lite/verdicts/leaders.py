"""*leaders*: never two in one term, and nothing that may only rise falls."""

from __future__ import annotations

import re
from collections import deque
from typing import Final

from jepsen_lite.cluster import Status
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.check import Check, listed
from jepsen_lite.verdicts.evidence import Evidence

NAME = "leaders"

_LED: Final = re.compile(r"\b(\S+) t(\d+) LEADER ")
"""A node's own line when it takes office, in the house notation."""


def check_leaders(evidence: Evidence) -> Check:
    """Look at status polls, nodes' logs and the last act."""
    wrong = [*_two_leaders(evidence), *_falling(evidence)]
    if evidence.ending.second_vote:
        wrong.append(f"a node voted twice in one term: {evidence.ending.last_act}")
    reigns = _reigns(evidence)
    details = {"terms": len(reigns), "wrong": wrong[:100], "last_act": evidence.ending.last_act}
    if wrong:
        return Check(NAME, Verdict.FALSE, listed(wrong), details)
    if not reigns:
        return Check(NAME, Verdict.UNKNOWN, "no leader was ever seen", details)
    if evidence.ending.second_vote is None and evidence.ending.last_act:
        return Check(NAME, Verdict.UNKNOWN, evidence.ending.last_act, details)
    act = f"; {evidence.ending.last_act}" if evidence.ending.last_act else ""
    return Check(NAME, Verdict.TRUE, f"one leader in each of {len(reigns)} terms{act}", details)


def _reigns(evidence: Evidence) -> dict[int, set[str]]:
    """Who was seen to lead each term, by polls and by logs."""
    reigns: dict[int, set[str]] = {}
    for sample in evidence.samples:
        if sample.status is not None and sample.status.role == "leader":
            reigns.setdefault(sample.status.term, set()).add(sample.node)
    for log in evidence.logs().values():
        for node, term in _LED.findall(log):
            reigns.setdefault(int(term), set()).add(node)
    return reigns


def _two_leaders(evidence: Evidence) -> list[str]:
    return [
        f"{' and '.join(sorted(nodes))} both led term {term}"
        for term, nodes in sorted(_reigns(evidence).items())
        if len(nodes) > 1
    ]


def _falling(evidence: Evidence) -> list[str]:
    """A term falls never; what is committed and applied, not within a boot.

    Polls may overlap, so each is compared only with one that had ended before it began.
    """
    wrong: list[str] = []
    for node in sorted({sample.node for sample in evidence.samples}):
        polls = [one for one in evidence.samples if one.node == node and one.status is not None]
        ended = deque(sorted(polls, key=lambda one: one.end_ns))
        before: Status | None = None
        for poll in sorted(polls, key=lambda one: one.begin_ns):
            while ended and ended[0].end_ns <= poll.begin_ns:
                before = ended.popleft().status
            if before is not None and poll.status is not None:
                wrong += _fell(node, before, poll.status)
    return wrong


def _fell(node: str, before: Status, after: Status) -> list[str]:
    if after.term < before.term or after.boot < before.boot:
        was = f"term {before.term}, boot {before.boot}"
        return [f"{node} fell from {was} to term {after.term}, boot {after.boot}"]
    marks = (before.commit_index, before.last_applied)
    now = (after.commit_index, after.last_applied)
    if after.boot == before.boot and (now[0] < marks[0] or now[1] < marks[1]):
        return [f"{node} fell from commit {marks[0]}, applied {marks[1]} to {now[0]}, {now[1]}"]
    return []
