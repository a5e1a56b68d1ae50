"""Asking again after a definite "not now", while there is time."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio

from huffleraft import errors
from huffleraft.runtime.node import Node
from huffleraft.settings import NodeSettings

T = TypeVar("T")

PAUSE: Final = 0.05
"""Seconds between two attempts of what was refused for certain."""

_NOT_NOW = (
    errors.NotLeader,
    errors.NoLeader,
    errors.Overloaded,
    errors.ChangePending,
    errors.MemberUnreachable,
    errors.TransferPending,
)


class Persistence:
    """How often one door asks *node*: once, or where it persists, as long as there is time.

    That is safe for whatever is asked: definite says that the attempt had, and will have, no
    effect.
    """

    def __init__(self, node: Node, settings: NodeSettings, *, persist: bool) -> None:
        self._node = node
        self._settings = settings
        self._persist = persist

    def seconds(self, timeout: float | None) -> float:
        """How long an operation may take.  Raises ValueError for what is no such time."""
        if timeout is None:
            return self._settings.request_timeout
        if not 0 < timeout < math.inf:
            raise ValueError(
                f"the timeout is {timeout}; a number of seconds above 0 is expected, or None for "
                f"the node's own {self._settings.request_timeout:g}"
            )
        return timeout

    async def attempt(self, attempt: Callable[[float], Awaitable[T]], seconds: float) -> T:
        """Make *attempt*, which is told how many seconds are left, until it is answered."""
        deadline = anyio.current_time() + seconds
        while True:
            try:
                return await attempt(deadline - anyio.current_time())
            except _NOT_NOW:
                if not self._persist or not await self._may_ask_again(deadline):
                    raise

    async def _may_ask_again(self, deadline: float) -> bool:
        """Pause, and wait for a leader; False if the time is up before there is one."""
        with anyio.move_on_after(deadline - anyio.current_time()):
            await anyio.sleep(PAUSE)
            await self._node.leader_known()
            return True
        return False
