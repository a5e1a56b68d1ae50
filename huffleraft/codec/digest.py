r"""One hash for a whole state: equal states, equal hashes, on every node and in every store.

Replicas that applied the same log must hold the same state.  A hash over all of it, taken at
a known index, turns that into a comparison of 32 bytes.  It is written down here, below both
the store and the state machine, because each of them computes it from its own side (the store
in the order of its index, the state machine's tests from a plain dict) and both must agree to
the byte.

The hash is SHA-256 over these bytes, all integers unsigned and big-endian:

- the header ``b"huffleraft state 1\n"``;
- for each row, keys ascending by their UTF-8 bytes:
  ``"r"``, key length (4 bytes), value length (4), version (8), changed_index (8), key, value;
- for each session, ids ascending:
  ``"s"``, id (8 bytes), sequence (8), used_index (8), result length (4), result.

Every record tells its own length, so no two states share their bytes.  ``last_applied`` is not
part of it: a no-op changes no state.  SQLite orders TEXT by its UTF-8 bytes (``BINARY``
collation in a UTF-8 database), so ``ORDER BY key`` is this order; Python orders ``str`` by
code points, which for UTF-8 is the same order.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from struct import Struct
from typing import TypeAlias

KeyRow: TypeAlias = tuple[bytes, bytes, int, int]
"""(key as UTF-8, value, version, changed_index)"""

SessionRecord: TypeAlias = tuple[int, int, int, bytes]
"""(session id, sequence, used_index, result)"""

_HEADER = b"huffleraft state 1\n"
_ROW = Struct(">cIIQQ")
_SESSION = Struct(">cQQQI")


def digest(rows: Iterable[KeyRow], sessions: Iterable[SessionRecord]) -> bytes:
    """SHA-256 of the state of *rows* in key order and *sessions* in id order; 32 bytes.

    Both are consumed once and never held, so a store may stream them from a cursor.  Raises
    ValueError for an order that does not rise: such a hash would compare with no other.
    """
    state = sha256(_HEADER)
    last_key: bytes | None = None
    for key, value, version, changed_index in rows:
        if last_key is not None and key <= last_key:
            raise ValueError(f"rows are hashed in rising key order; {key!r} follows {last_key!r}")
        last_key = key
        state.update(_ROW.pack(b"r", len(key), len(value), version, changed_index) + key)
        state.update(value)
    last_id = -1
    for session, sequence, used_index, result in sessions:
        if session <= last_id:
            raise ValueError(f"sessions are hashed in rising order; {session} follows {last_id}")
        last_id = session
        state.update(_SESSION.pack(b"s", session, sequence, used_index, len(result)) + result)
    return state.digest()
