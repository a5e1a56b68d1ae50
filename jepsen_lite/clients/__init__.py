"""Clients: ask a node for one operation, however often it takes, and say what became of it.

    client = PinnedClient("n1", cluster.addresses, dice=dice(seed, "n1"))
    outcome = await client.perform(Wish("write", "k1", "w1"))

An *operation* is what a client process wants; an *attempt* is one request for it.  However many
attempts an operation takes, it has one outcome, and what makes that hard is honesty: it is a `fail`
only if **every** attempt was definite, that is, known to have had no effect.  The list of what is
definite is closed: no connection could be made, or the answer is our own product's and says
`definite: true`.  Resets, ends of stream, answers of anybody else and our own deadlines are not.

- `PinnedClient` asks one node, follows at most two redirects in an operation, and is back at its
  own node with the next.  It repeats a write only while every attempt was definite.
- `RoamingClient` is the product's own client, with a session: its writes have a number, so it
  repeats them whatever became of the attempt before.

Each attempt asks the node to answer within 600 ms; an operation ends after 800 ms.  Between two
attempts lie 20 to 60 ms; what `Retry-After` advises is not obeyed.

Reading order: `wish` (what is asked, what became of it), `answers` (one response, judged),
`connection`, `attempts` (how several make one outcome), `pinned`, `roaming`.
"""

from jepsen_lite.clients.pinned import PinnedClient
from jepsen_lite.clients.roaming import RoamingClient
from jepsen_lite.clients.wish import Client, Outcome, Wish

__all__ = ["Client", "Outcome", "PinnedClient", "RoamingClient", "Wish"]
