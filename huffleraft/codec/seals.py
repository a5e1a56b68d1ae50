"""Seals: checksums that know what they are the checksum of.

SQLite and TCP notice that a write was torn or a packet damaged on its way; neither notices a
bit that flips at rest.  So what we keep is kept beside its seal: 16 bytes of BLAKE2b over the
values, personalised with the kind of thing they are, so that a row copied to another table, or
an entry to another index, does not pass.  A seal guards against accidents, not against a forger.

The log's seals form a chain: each covers the one before, as in a Merkle list.  A batch that is
replaced by an older version of itself, or lost between two others, breaks it.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

SEAL_BYTES = 16

_encode = msgspec.msgpack.Encoder().encode


def seal(kind: str, *values: int | str | bytes | bool | None) -> bytes:
    """The seal of *values* as a thing of *kind* (at most 16 bytes)."""
    return blake2b(_encode(values), digest_size=SEAL_BYTES, person=kind.encode()).digest()


def chain(previous: bytes, first_index: int, last_index: int, blob: bytes) -> bytes:
    """The seal of a batch of entries, packed as *blob*, after the batch sealed *previous*."""
    hasher = blake2b(previous, digest_size=SEAL_BYTES, person=b"entries")
    hasher.update(first_index.to_bytes(8, "big") + last_index.to_bytes(8, "big"))
    hasher.update(blob)
    return hasher.digest()


def genesis(cluster_id: str, node_id: str) -> bytes:
    """What the first batch of a node's log follows: no two nodes' logs can be exchanged."""
    return seal("genesis", cluster_id, node_id)
