"""Who is at an address?  Asked before anybody is let in: what is claimed there must be so.

An ordinary handshake in boot 0, after which nothing is said.
"""

from __future__ import annotations

import anyio

from huffleraft.core.types import NodeId
from huffleraft.errors import FrameInvalid, HandshakeRefused, MemberRefused, MemberUnreachable
from huffleraft.runtime.handshake import (
    ASKING,
    Acquaintances,
    Member,
    Welcome,
    decode_answer,
    judge_answer,
)
from huffleraft.runtime.links import call
from huffleraft.runtime.streams import LOST


async def who_is(cluster_id: str, asker: NodeId, address: str, patience: float) -> Welcome:
    """What the node at *address* says of itself; it is of the cluster *cluster_id*.

    *patience* is in seconds.  Raises MemberUnreachable where no node of ours answers, and
    MemberRefused where it is of another cluster or will not speak with us.
    """
    me = Member(cluster_id, asker, ASKING)
    try:
        with anyio.fail_after(patience):
            stream, body = await call(address, me.hello())
            await anyio.aclose_forcefully(stream)
        return judge_answer(me, None, decode_answer(body), Acquaintances())
    except TimeoutError:
        raise MemberUnreachable(address, f"no answer within {patience:g} s") from None
    except FrameInvalid as error:
        raise MemberUnreachable(address, error.why) from None
    except LOST as error:
        raise MemberUnreachable(address, str(error) or type(error).__name__) from None
    except HandshakeRefused as refusal:
        raise MemberRefused(f"the node at {address} cannot be let in: {refusal.why}") from None
