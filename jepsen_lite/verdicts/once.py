"""*once*: what was acknowledged is there in the end, what was refused is not.

Blind writes of hot keys bury a lost one under the next.  A key that is written once cannot be
buried: after the heal it is read, and holds its value if and only if the write took effect.
"""

from __future__ import annotations

from jepsen_lite.history import EventType, Operation
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.check import Check, listed
from jepsen_lite.verdicts.evidence import Evidence
from jepsen_lite.workload import is_once

NAME = "once"


def check_once(evidence: Evidence) -> Check:
    """Compare each write-once key's fate with what its client was told."""
    final = {
        one.key: one.completion.value
        for one in evidence.history.operations
        if one.f == "read" and _is_final(one) and one.completion is not None
    }
    wrong: list[str] = []
    told = dict.fromkeys(EventType, 0)
    unread = 0
    for write in evidence.history.operations:
        if write.f != "write" or not is_once(write.key):
            continue
        end = EventType.INFO if write.completion is None else write.completion.type
        told[end] += 1
        if write.key not in final:
            unread += 1
            continue
        found = final[write.key]
        if found not in {None, write.invoke.value}:
            wrong.append(f"{write.key} holds {found}, which nobody wrote")
        elif end is EventType.OK and found is None:
            wrong.append(f"{write.key} was acknowledged {_where(write)} and is gone")
        elif end is EventType.FAIL and found is not None:
            wrong.append(f"{write.key} was definitely refused and is there")
    details = {"acknowledged": told[EventType.OK], "unread": unread, "wrong": wrong[:100]}
    if wrong:
        return Check(NAME, Verdict.FALSE, f"{len(wrong)} keys: {listed(wrong)}", details)
    if unread or not told[EventType.OK]:
        why = (
            f"{unread} keys could not be read in the end" if unread else "nothing was written once"
        )
        return Check(NAME, Verdict.UNKNOWN, why, details)
    message = (
        f"all {told[EventType.OK]} acknowledged write-once keys are there, none of the "
        f"{told[EventType.FAIL]} refused ones; {told[EventType.INFO]} were of unknown outcome"
    )
    return Check(NAME, Verdict.TRUE, message, details)


def _is_final(operation: Operation) -> bool:
    completion = operation.completion
    return completion is not None and completion.type is EventType.OK and bool(
        completion.extra.get("final")
    )  # fmt: skip


def _where(operation: Operation) -> str:
    extra = operation.completion.extra if operation.completion else {}
    return f"by {extra.get('served_by')} in term {extra.get('term')}"
