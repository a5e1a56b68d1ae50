"""How much of anything one client may make a node hold, and for how long it may dawdle.

Each bound is looked at before memory is taken for what it bounds.  Together they say what a
hostile client can cost: a head, a body and a read's worth of bytes a connection, times the
connections.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from huffleraft.kv.limits import VALUE_BYTES_MAX

HEAD_BYTES_MAX: Final = 16 << 10
"""Bytes of a request's line and headers; a key takes at most 12,288 of them, percent-encoded."""

HEADERS_MAX: Final = 64
"""Headers of one request."""

SLICE_BYTES: Final = 8 << 10
"""Bytes parsed before the requests among them are answered: what bounds pipelining."""

READ_BYTES: Final = 64 << 10
"""Bytes taken from a socket at once."""

DROP_BYTES: Final = 512
"""A read of fewer bytes that completes nothing is a drop: any network carries more in a packet."""

DROPS_MAX: Final = 4
"""Drops in a row of one head, or one body, before its client is read with pauses between."""

CAS_BODY_BYTES_MAX: Final = 2 * (4 * math.ceil(VALUE_BYTES_MAX / 3)) + 4096
"""A compare-and-set: two values in base64, and the JSON around them."""

CAS_PATH: Final = b"/v1/cas/"
KV_PATH: Final = b"/v1/kv/"


def body_bytes_max(path: bytes) -> int:
    """Bytes that the body of a request for *path* may have."""
    return CAS_BODY_BYTES_MAX if path.startswith(CAS_PATH) else VALUE_BYTES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """Deadlines in seconds, and how many connections there may be."""

    connections: int = 1_024
    """HTTP connections at once; one more is answered 503 and closed."""
    strangers: int = 128
    """Connections beyond those that have not said yet what they are; peers are among them."""
    head_timeout: float = 5.0
    """From a connection's beginning, or a later request's first byte, to the end of its head."""
    body_timeout: float = 30.0
    """From the end of a head to the end of the body."""
    send_timeout: float = 30.0
    """For a response to be taken by the other side."""
    idle_timeout: float = 60.0
    """Between two requests."""
    drop_pause: float = 1.0
    """How long a client who sends in drops is left unread each time, so that they gather.  What
    a slow client costs is so many reads, however few bytes come by each."""
    linger: float = 2.0
    """How long what a refused client still sends is thrown away, so that it reads the refusal."""
