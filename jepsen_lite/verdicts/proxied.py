"""*proxied*: what nodes heard from each other came through the proxy; else the run is void.

A connection that went around the proxy could not be cut, so less was broken than the journal says.
That is a mistake of the harness and proves nothing about the system: the answer is never false.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from jepsen_lite.proxy import PeerConnection
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts.check import Check, listed
from jepsen_lite.verdicts.evidence import Evidence

NAME = "proxied"

_HEARS: Final = re.compile(
    r"^\S+ INFO \S+ hears (\S+) in its boot (\d+) from port (\d+)$", re.MULTILINE
)
"""A node's own line when a peer's connection to it begins."""


def check_proxied(evidence: Evidence) -> Check:
    """Compare the peer connections that nodes saw with those that the proxy made."""
    if evidence.proxy is None:
        return Check(NAME, Verdict.UNKNOWN, "void: the proxy left no report")
    made = set(evidence.proxy.peer_connections)
    seen = list(_seen(evidence))
    strange = [
        f"{one.target} heard {one.source} (boot {one.boot}) from port {one.port}, which was not "
        "the proxy's"
        for one in seen
        if one not in made
    ]
    details = {"peer_connections": len(seen), "strange": strange[:100]}
    if strange:
        return Check(NAME, Verdict.UNKNOWN, f"void: {listed(strange)}", details)
    if not seen and len(evidence.ending.nodes) > 1:
        return Check(NAME, Verdict.UNKNOWN, "void: no node says that it heard a peer", details)
    message = f"all {len(seen)} peer connections that nodes saw were made by the proxy"
    return Check(NAME, Verdict.TRUE, message, details)


def _seen(evidence: Evidence) -> Iterator[PeerConnection]:
    """What the nodes' logs say of the connections that came to them."""
    for node, log in evidence.logs().items():
        for peer, boot, port in _HEARS.findall(log):
            yield PeerConnection(peer, int(boot), node, int(port))
