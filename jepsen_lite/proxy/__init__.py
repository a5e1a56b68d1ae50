"""The proxy: the network between the nodes, in a process of its own, with links that can be cut.

    async with Proxy.start(("n1", "n2", "n3")) as proxy:
        await proxy.point("n1", real_port)        # n1's address now leads to that port
        await proxy.cut([Link("n1", "n2")])       # what n1 sends to n2 is held from here on
        await proxy.heal({Link("n1", "n2"): Fate.DELIVER})

*What it promises.*  It owns each node's advertised address from its first moment to its last, below
the ephemeral ports, so nobody else is ever met there.  A connection's first bytes name the sender:
a peer's handshake, or else a client.  What A sends to C, on whichever connection, is the directed
link A to C.  A cut link holds bytes, and ends of streams, in order.  When it heals they are
delivered late, or the connections that hold any are reset: a stream with a hole never goes on.
What a node sent before it was killed still arrives.  A stream holds at most 4 MiB; beyond that the
proxy stops reading, and the sender feels what a full pipe feels like.

Client traffic is no link between nodes: it has the endpoint `CLIENTS`, and `Link(CLIENTS, "n1")`
is cut only by a fault that says so.

- `proxy.addresses` - node id to host:port.
- `await proxy.add(node)` - a node comes to be; its address, below the ephemeral ports as well.
- `await proxy.point(node, port)` - the node listens there; connections are accepted again.
- `await proxy.withdraw(node)` - the node is down; connecting to it is refused, as by a kernel.
  The address of a node that left for good stays kept, so that nobody else is met there.
- `await proxy.cut(links)`, `await proxy.heal({link: Fate.DELIVER | Fate.RESET})`,
  `await proxy.delay({link: seconds})` (0 ends it).
- `await proxy.report()` -> `ProxyReport`: for each link `LinkReport(connections, bytes_passed,
  bytes_held, bytes_delayed, resets)`, all counted since the start; and `peer_connections`, a
  `PeerConnection(source, boot, target, port)` for each peer connection made to a node, where
  `port` is the local port that the node sees as its remote one.  A node that saw a peer
  connection from another port saw one that went around the proxy, and the run is void.
- `strangers` in the report: connections whose handshake was refused (a node id unknown here).

Control is JSON, a line a command, over the process's standard input and output: when the harness
dies its end of the pipe closes, and the proxy ends too.
"""

from jepsen_lite.proxy.links import CLIENTS, Fate, Link, LinkReport, PeerConnection, ProxyReport
from jepsen_lite.proxy.remote import Proxy, ProxyFailed

__all__ = [
    "CLIENTS",
    "Fate",
    "Link",
    "LinkReport",
    "PeerConnection",
    "Proxy",
    "ProxyFailed",
    "ProxyReport",
]
