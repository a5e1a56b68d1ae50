"""*leaders*: never two in one term, and nothing that may only rise falls."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.check import Check, listed
from jepsen_lite.verdicts.evidence import Evidence
from jepsen_lite.verdicts.floors import falls

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
    """What must only rise and fell: by the polls of each node, and by the order of its log."""
    wrong: list[str] = []
    for node in sorted({sample.node for sample in evidence.samples}):
        wrong += falls(node, evidence.samples)
    for node, log in evidence.logs().items():
        led = [int(term) for name, term in _LED.findall(log) if name == node]
        wrong += (
            f"{node} led term {before} and then term {after}"
            for before, after in pairwise(led)
            if after < before
        )
    return wrong
