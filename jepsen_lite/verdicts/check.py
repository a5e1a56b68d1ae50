"""One check's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jepsen_lite.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Check:
    """What the check called *name* found, in words, and the figures behind it."""

    name: str
    valid: Verdict
    message: str
    details: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """What `results.json` keeps of it."""
        return {"valid": self.valid.to_json(), "message": self.message, **self.details}


def listed(things: list[str], limit: int = 3) -> str:
    """Some of *things*, and how many more there are."""
    more = f", and {len(things) - limit} more" if len(things) > limit else ""
    return "; ".join(things[:limit]) + more
