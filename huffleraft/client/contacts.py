"""What a client keeps between operations: how patient it is, whom it asks next, its sessions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

REQUEST_SECONDS_MAX: Final = 300.0
"""The longest time that a node lets a request ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a client tries, and how hard.  Times are in seconds."""

    total: float = 5.0
    """For an operation with all its requests and pauses."""
    server: float | None = None
    """What each request allows the node; None allows nine tenths of what is left."""
    hops: int = 3
    """Redirects followed in a row."""
    retries: bool = True
    """Whether what is safe to repeat is repeated.  Without it an operation is one request and
    its redirects, and the next one begins at the same node again."""
    pause: tuple[float, float] = (0.02, 0.06)
    """Between two requests, drawn between these, where the node advises nothing."""
    obey_retry_after: bool = True
    """Whether a node's advice replaces the pause, with jitter: half of it to one and a half."""
    sessions: bool = True
    """Whether writes are made under sessions."""


@dataclass(slots=True)
class Session:
    """A session, and the last number used under it."""

    id: int
    sequence: int = 0


class Contacts:
    """The endpoints and sessions of one client; its methods may be called by any thread.

    The lock is held for a few instructions and never while anything is awaited.
    """

    def __init__(
        self,
        endpoints: Sequence[str] | str,
        patience: Patience,
        dice: Callable[[float, float], float],
    ) -> None:
        self._endpoints = endpoints_of(endpoints)
        self.patience = patience
        self.dice = dice
        """Draws between two bounds: the pauses, and the endpoint to begin with."""
        count = len(self._endpoints)
        self._turn = min(int(dice(0, count)), count - 1)
        self._endpoint = self._endpoints[self._turn]
        self._sessions: list[Session] = []
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        """The node to be asked next: the last one that answered, or the next in turn."""
        return self._endpoint

    def stay_with(self, endpoint: str) -> None:
        """Ask *endpoint* first from now on."""
        self._endpoint = endpoint

    def turn_to_next(self) -> str:
        """Give up on the node asked last; the one to ask instead."""
        self._endpoint = self.next_in_turn()
        return self._endpoint

    def next_in_turn(self) -> str:
        """The endpoint after the one that this named last."""
        with self._lock:
            self._turn = (self._turn + 1) % len(self._endpoints)
            return self._endpoints[self._turn]

    @property
    def free_sessions(self) -> tuple[int, ...]:
        """The ids of the sessions that no operation uses now; the last one is next."""
        with self._lock:
            return tuple(session.id for session in self._sessions)

    def borrow(self) -> Session | None:
        """A session that no other operation uses until it is given back; None if there is none."""
        with self._lock:
            return self._sessions.pop() if self._sessions else None

    def give_back(self, session: Session) -> None:
        """Leave *session* to the next write."""
        with self._lock:
            self._sessions.append(session)


def endpoints_of(told: Sequence[str] | str) -> tuple[str, ...]:
    """The endpoints in *told*: HOST:PORT each, or one text with commas between them.

    Raises ValueError, in one sentence, where there is none, and for what is no HOST:PORT.
    """
    each = told.split(",") if isinstance(told, str) else told
    endpoints = tuple(one.strip() for one in each)
    if not any(endpoints):
        raise ValueError("a client needs at least one endpoint; give HOST:PORT of a node")
    for endpoint in endpoints:
        host, _, port = endpoint.rpartition(":")
        if not host or "/" in endpoint or not (port.isascii() and port.isdigit()):
            raise ValueError(
                f"{endpoint!r} is no endpoint; give HOST:PORT of a node, as in 127.0.0.1:7201"
            )
    return endpoints
