"""Before a founder writes its first entry: has anybody met this id before?

A node whose disk was lost has forgotten its votes and the entries it acknowledged.  Were it to
begin again under the same id, two leaders in a term and lost writes could follow.  So a founder
with an empty directory asks the others, by an ordinary handshake in boot 0, in which boot they
have met its id.  While nobody answers nobody can tell: this is a net, not a proof.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import anyio

from huffleraft.core.types import NodeId
from huffleraft.errors import FounderDiskGone, FrameInvalid, HandshakeRefused, MemberRemoved
from huffleraft.runtime.handshake import (
    ASKING,
    Acquaintances,
    Member,
    decode_answer,
    judge_answer,
)
from huffleraft.runtime.links import call

_log = logging.getLogger("huffleraft.links")


async def ask_whether_known(
    node_id: NodeId, cluster_id: str, others: Mapping[NodeId, str], patience: float
) -> None:
    """Ask *others*, at their addresses, whether they have met *node_id*; for *patience* seconds.

    Raises FounderDiskGone if one has, and MemberRemoved if it is a member no more.
    """
    met: list[int] = []
    removed: list[MemberRemoved] = []

    async def ask(peer: NodeId, address: str) -> None:
        me = Member(cluster_id, node_id, ASKING)
        try:
            stream, body = await call(address, me.hello())
        except (OSError, FrameInvalid):
            return
        await anyio.aclose_forcefully(stream)
        try:
            met.append(judge_answer(me, peer, decode_answer(body), Acquaintances()).known_boot)
        except MemberRemoved as removal:
            removed.append(removal)
        except (FrameInvalid, HandshakeRefused) as refusal:
            _log.warning("%s could not say whether it has met %s: %s", peer, node_id, refusal)

    with anyio.move_on_after(patience):
        async with anyio.create_task_group() as asking:
            for peer, address in others.items():
                asking.start_soon(ask, peer, address)
    if removed:
        raise removed[0]
    known = max(met, default=ASKING)
    if known > ASKING:
        raise FounderDiskGone(node_id, known)
