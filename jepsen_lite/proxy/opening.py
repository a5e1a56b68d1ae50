"""Who is calling?  The first bytes of a connection say it, as they do at a node's own port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from huffleraft.errors import FrameInvalid
from huffleraft.runtime.frames import MAGIC, FrameReader
from huffleraft.runtime.handshake import HELLO_BYTES_MAX, decode_hello

OPENING_BYTES_MAX: Final = 2 * HELLO_BYTES_MAX
"""A hello is whole within this many bytes."""


@dataclass(frozen=True, slots=True)
class FromPeer:
    """A node, by its own word."""

    node: str
    boot: int


@dataclass(frozen=True, slots=True)
class FromClient:
    """Anything that does not begin as a peer does."""


@dataclass(frozen=True, slots=True)
class FromStranger:
    """It begins as a peer does and goes on as none."""

    why: str


Caller: TypeAlias = FromPeer | FromClient | FromStranger


def who_calls(opening: bytes) -> Caller | None:
    """The caller whose first bytes are *opening*; None while they do not say enough."""
    if not opening.startswith(MAGIC):
        return None if MAGIC.startswith(opening) else FromClient()
    try:
        bodies = FrameReader().feed(opening[len(MAGIC) :])
        if bodies:
            hello = decode_hello(bodies[0])
            return FromPeer(hello.node_id, hello.boot)
    except FrameInvalid as error:
        return FromStranger(str(error))
    if len(opening) > OPENING_BYTES_MAX:
        return FromStranger(f"no hello within {OPENING_BYTES_MAX} bytes")
    return None
