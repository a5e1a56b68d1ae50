"""All checks together, and how sharp the sharpest of them was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jepsen_lite.checkers import Violation, check_linearizable, mutation_score
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.agreement import check_agreement
from jepsen_lite.verdicts.alive import check_alive
from jepsen_lite.verdicts.check import Check
from jepsen_lite.verdicts.evidence import Evidence
from jepsen_lite.verdicts.leaders import check_leaders
from jepsen_lite.verdicts.load import check_load
from jepsen_lite.verdicts.members import check_members
from jepsen_lite.verdicts.once import check_once
from jepsen_lite.verdicts.progress import check_progress
from jepsen_lite.verdicts.proxied import check_proxied

FILE: Final = "results.json"
MUTANTS: Final = 200


@dataclass(frozen=True, slots=True)
class Results:
    """The verdict on a run: the worst of its checks."""

    checks: tuple[Check, ...]
    mutation: Mapping[str, object] | None

    @property
    def valid(self) -> Verdict:
        """The worst answer of any check."""
        return Verdict.worst(check.valid for check in self.checks)

    def check(self, name: str) -> Check:
        """The check called *name*; KeyError if there is none."""
        return {check.name: check for check in self.checks}[name]

    def to_json(self) -> dict[str, object]:
        """The content of `results.json`."""
        return {
            "valid": self.valid.to_json(),
            "checks": {check.name: check.to_json() for check in self.checks},
            "mutation": self.mutation,
        }


def judge(folder: Path) -> Results:
    """Judge the run in *folder* and write its `results.json`.

    After a true verdict copies of the history, each with one read made stale, are judged too: what
    share of them is caught says how much a true verdict on this history means.

    Raises OSError, ValueError or MalformedHistory for a folder that holds no run.
    """
    evidence = Evidence.read(folder)
    linearizable = check_linearizable(evidence.history)
    message, mutation = linearizable.message, None
    if linearizable.valid is Verdict.TRUE:
        score = mutation_score(linearizable, seed=evidence.ending.seed, copies=MUTANTS)
        mutation = score.to_json()
        message = f"{message} {score.message}"
    if linearizable.violation is not None:
        message = f"{message} {_meanwhile(linearizable.violation, evidence)}"
    details = linearizable.to_json()
    checks = (
        Check(
            "linearizable",
            linearizable.valid,
            message,
            {name: details[name] for name in ("violation", "per_key", "warnings")},
        ),
        check_once(evidence),
        check_leaders(evidence),
        check_alive(evidence),
        check_progress(evidence),
        check_agreement(evidence),
        check_members(evidence),
        check_load(evidence),
        check_proxied(evidence),
    )
    results = Results(checks, mutation)
    (folder / FILE).write_text(json.dumps(results.to_json(), indent=1) + "\n")
    return results


def _meanwhile(violation: Violation, evidence: Evidence) -> str:
    """Which faults were on while the operation ran that should not have seen what it saw."""
    operation = violation.operations[violation.culprit]
    assert operation.completion is not None, "the culprit returned"
    begin, end = operation.invoke.time, operation.completion.time
    on = [
        f"{fault.kind} of {', '.join(fault.target)}"
        for fault in evidence.faults
        if fault.begin_ns <= end and (fault.end_ns is None or fault.end_ns >= begin)
    ]
    return f"Faults that were on then: {'; '.join(on)}." if on else "No fault was on then."
