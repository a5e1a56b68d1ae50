"""*progress*: soon after the heal every member is ready and holds what the leader had committed."""

from __future__ import annotations

from typing import Final

from jepsen_lite.cluster.configuration import installs
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.check import Check
from jepsen_lite.verdicts.evidence import Evidence

NAME = "progress"

TIMEOUTS_MAX: Final = 10
"""Election timeouts that the cluster has for it."""


def check_progress(evidence: Evidence) -> Check:
    """Compare the time it took with ten election timeouts."""
    counts = installs(evidence.samples)
    details = {"installs": dict.fromkeys(evidence.ending.nodes, 0) | counts}
    if evidence.ending.unfinished:
        message = f"healed, the cluster could not change its members: {evidence.ending.unfinished}"
        return Check(NAME, Verdict.FALSE, message, details)
    timeout, settled = evidence.ending.election_timeout, evidence.ending.settled_ns
    if settled is None or settled / 1e9 > TIMEOUTS_MAX * timeout:
        took = "never" if settled is None else f"only after {settled / 1e9:.1f} s"
        message = (
            f"healed, the cluster was {took} whole again; {TIMEOUTS_MAX * timeout:g} s are allowed"
        )
        return Check(NAME, Verdict.FALSE, message, details)
    return Check(
        NAME,
        Verdict.TRUE,
        f"every member was ready and up to date {settled / 1e9:.1f} s after the heal; snapshots "
        f"installed: {_told(counts)}",
        details,
    )


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{node} {count}" for node, count in sorted(counts.items()) if count) or "none"
