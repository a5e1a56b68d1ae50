"""The numbers that every node must agree on, and the checks made before anything is proposed.

`apply` decides by these, so two nodes with different numbers would come to different states.
They are therefore constants of the command format's version and never settings: changing one
means a new version.  What a node may choose for itself (how much it caches, when it flushes)
stands elsewhere and changes no answer.
"""

from __future__ import annotations

from typing import Final

from huffleraft.errors import InvalidKey, ValueTooLarge

FORMAT_VERSION: Final = 1
"""The version of commands, results, queries and answers; the first byte of each.

A leader proposes a version only to peers whose common protocol version carries it, and rows
that a version wrote are under a schema version that older programs refuse to open.  So a node
meets commands that it does not know by damage alone, and not by an upgrade under way.
"""

KEY_BYTES_MAX: Final = 4096
"""Bytes of a key's UTF-8.  A key has at least one."""

VALUE_BYTES_MAX: Final = 1 << 20
"""Bytes of a value.  It may be empty."""

SESSIONS_MAX: Final = 16_384
"""Sessions kept; one more ends the oldest-used.

A session with an ordinary answer costs about 400 bytes of memory on every node, so all of them
cost 7 MB: more clients than a cluster of this speed serves, and few enough to be read whole at
start-up and hashed whole for a state hash.
"""

ANSWER_BYTES_MAX: Final = 64 << 20
"""Bytes of answers kept in all sessions together; beyond it the oldest-used ones end.

Only the answer to a failed cas is large, as it holds the current value: without this bound
16,384 of them could hold 16 GiB.  With it some 63 sessions keep even the largest answer.
"""

INTEGER_MAX: Final = (1 << 63) - 1
"""The largest index, version or sequence: what a signed 64-bit column holds."""


def check_key(key: str) -> None:
    """Accept a key of 1 to 4,096 bytes of UTF-8; raises InvalidKey for any other.

    A lone surrogate, which Python's text may hold and UTF-8 may not, makes a key invalid.
    """
    why = key_fault(key)
    if why is not None:
        raise InvalidKey(why)


def key_fault(key: object) -> str | None:
    """What is wrong with *key*, as the end of a sentence; None if nothing is."""
    if not isinstance(key, str):
        return f"it is a {type(key).__name__}; give it as text"
    if not key:
        return f"it is empty; 1 to {KEY_BYTES_MAX} bytes of UTF-8 are expected"
    if len(key) > KEY_BYTES_MAX:  # at least as many bytes; looked at before encoding them
        size = f"at least {len(key)}"
    elif key.isascii():
        return None
    else:
        try:
            encoded = len(key.encode())
        except UnicodeEncodeError:
            return "it holds a lone surrogate, which UTF-8 cannot; use text that can be encoded"
        if encoded <= KEY_BYTES_MAX:
            return None
        size = str(encoded)
    return f"it has {size} bytes and {KEY_BYTES_MAX} are allowed; use a shorter one"


def check_value(value: bytes) -> None:
    """Accept bytes up to 1 MiB; raises ValueTooLarge for more, TypeError for anything else.

    The type is looked at because text would be encoded as text, and then refused by every node
    only after it was committed.
    """
    if not isinstance(value, bytes):
        raise TypeError(f"a value is bytes, not {type(value).__name__}; encode it first")
    if len(value) > VALUE_BYTES_MAX:
        raise ValueTooLarge(len(value), VALUE_BYTES_MAX)
