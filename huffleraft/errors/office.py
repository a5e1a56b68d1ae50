"""What moving the leadership can meet."""

from __future__ import annotations

from dataclasses import dataclass

from huffleraft.errors.base import Fact


@dataclass(eq=False)
class TransferPending(Fact):
    """The leader is handing its office over, and takes nothing in meanwhile (§3.10)."""

    code = "transfer-pending"
    retry_after_ms: int

    def __str__(self) -> str:
        return (
            "the leader is handing its office to another node and takes in nothing meanwhile; "
            f"try again in {self.retry_after_ms} ms"
        )


@dataclass(eq=False)
class TransferRefused(Fact):
    """Nobody can take the office over now, or not who was named."""

    code = "transfer-refused"
    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(eq=False)
class TransferUndecided(Fact):
    """Another node was told to lead, and whether it does, or will, is not known."""

    code = "transfer-undecided"
    definite = False
    why: str

    def __str__(self) -> str:
        return f"{self.why}; look who leads before asking again"
