"""Whether a node may be sent work: what a load balancer, or a rolling restart, waits for."""

from __future__ import annotations

import anyio

from huffleraft.core import LogIndex
from huffleraft.errors import HuffleraftError
from huffleraft.http.api import Readiness
from huffleraft.ports import Rows
from huffleraft.runtime.node import Node

_ROW_PATIENCE = 1.0
"""Seconds that one row may take to be read."""


def standing(node: Node) -> Readiness:
    """Ready when a leader is known, and all is applied that the first one known had committed.

    A node that has just started may know nothing newer than its disk, so being up is not being
    ready: until it has caught up with its first leader it would only answer stale reads.
    """
    if node.failure is not None:
        return Readiness(False, f"the node has halted: {node.failure}", 0)
    if node.closed is not None:
        return Readiness(False, str(node.closed), 0)
    if node.server.leader is None:
        return Readiness(False, "no leader is known", 0)
    target: LogIndex | None = node.first_commit
    if target is None:
        return Readiness(False, "no leader has said yet how much is committed", 0)
    lag = max(0, target - node.applied)
    if lag:
        return Readiness(False, f"{lag} entries are still to be applied", lag)
    return Readiness(True, "", 0)


async def readiness(node: Node, rows: Rows) -> Readiness:
    """As `standing`, once a row was read from the disk too."""
    so_far = standing(node)
    if not so_far.ready:
        return so_far
    try:
        with anyio.fail_after(_ROW_PATIENCE):
            await rows.fetch(("readyz",))
    except TimeoutError:
        return Readiness(False, f"the disk did not answer within {_ROW_PATIENCE:g} s", 0)
    except HuffleraftError as error:
        return Readiness(False, str(error), 0)
    return so_far
