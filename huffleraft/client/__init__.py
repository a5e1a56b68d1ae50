"""The client of a whole cluster, for programs: it finds the leader, and repeats only what is safe.

    async with Client(["127.0.0.1:7201", "127.0.0.1:7202"]) as client:
        await client.set("a", b"1")
        read = await client.get("a")

    with SyncClient("127.0.0.1:7201,127.0.0.1:7202") as client:
        client.set("a", b"1")

What every operation promises, in either face:

- It is asked of the node that answered last, at first of one drawn by chance, so that many clients
  spread over the endpoints; reads that may be stale take the endpoints in turn.  Redirects to the
  leader are followed, at most `Patience.hops` in a row.
- Requests that may do better at another time, or at another node, are made again after a pause
  with jitter (`retry_after_ms`, where a node advises it) until `Patience.total` is over.  A write
  that may have taken effect is sent again only under its session and with its number, so that it
  runs once.  Sessions are the client's own business: each write borrows one that no other uses.
  A change of members is sent again without one: done twice, it is done.
- `Patience.total` bounds the operation with everything it needs: sessions, redirects, pauses.
- It returns a typed result that says who served it, or raises OperationFailed, whose `definite`
  says whether it can have had an effect.  What can never be stored is refused before anybody is
  asked: InvalidKey, ValueTooLarge.

Any number of tasks may share a `Client`, all on the event loop that it was first used on.  Any
number of threads may share a `SyncClient`.  Neither is to be carried over a fork.

To be read in this order: `outcomes` (what comes back), `asking` (one request and what its answer
tells), `contacts` and `operation` (whom to ask, what to repeat: decisions alone, that know no
socket, task or thread), `requests` and `member_requests` (what each operation asks), `sending`
(the only part there is twice), `asynchronous` and `synchronous` (the faces).
"""

from huffleraft.client.asynchronous import Client
from huffleraft.client.contacts import Patience
from huffleraft.client.outcomes import (
    Attempt,
    CasOutcome,
    Deleted,
    Joined,
    Leads,
    Left,
    Listed,
    Member,
    Mismatch,
    OperationFailed,
    Outcome,
    Page,
    Read,
    Roster,
    Written,
)
from huffleraft.client.synchronous import SyncClient

__all__ = [
    "Attempt",
    "CasOutcome",
    "Client",
    "Deleted",
    "Joined",
    "Leads",
    "Left",
    "Listed",
    "Member",
    "Mismatch",
    "OperationFailed",
    "Outcome",
    "Page",
    "Patience",
    "Read",
    "Roster",
    "SyncClient",
    "Written",
]
