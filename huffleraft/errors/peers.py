"""What peers say wrong.  Clients never see these."""

from __future__ import annotations

from dataclasses import dataclass

from huffleraft.errors.base import Fact


@dataclass(eq=False)
class FrameInvalid(Fact):
    """Bytes from a peer or a disk that are not what the format says."""

    code = "frame-invalid"
    why: str

    def __str__(self) -> str:
        return f"the bytes are not valid: {self.why}"


@dataclass(eq=False)
class HandshakeRefused(Fact):
    """The two ends of a peer connection do not belong together."""

    code = "handshake-refused"
    why: str

    def __str__(self) -> str:
        return f"the peer connection was refused: {self.why}"
