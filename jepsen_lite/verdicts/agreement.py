"""*agreement*: at an equal index all nodes have an equal state, by its hash."""

from __future__ import annotations

from collections import defaultdict

from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.check import Check, listed
from jepsen_lite.verdicts.evidence import Evidence

NAME = "agreement"


def check_agreement(evidence: Evidence) -> Check:
    """Compare every hash that any poll saw with the others at its index."""
    states: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for sample in evidence.samples:
        status = sample.status
        if status is not None and status.hash is not None and status.hash_index is not None:
            states[status.hash_index][sample.node] = status.hash
    wrong = [
        f"at index {index}: {', '.join(f'{node} {seen[:8]}' for node, seen in sorted(by.items()))}"
        for index, by in sorted(states.items())
        if len(set(by.values())) > 1
    ]
    members = set(evidence.ending.nodes)
    if wrong:
        return Check(NAME, Verdict.FALSE, f"states differ {listed(wrong)}", {"wrong": wrong})
    if not any(members <= set(by) for by in states.values()):
        message = f"no index at which all {len(evidence.ending.nodes)} states were seen"
        return Check(NAME, Verdict.UNKNOWN, message)
    compared = sum(len(by) > 1 for by in states.values())
    where = "the one index" if compared == 1 else f"each of {compared} indexes"
    return Check(NAME, Verdict.TRUE, f"states were equal at {where} compared")
