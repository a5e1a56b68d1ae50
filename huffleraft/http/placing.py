"""Where an answer comes from, on every answer: the node, its term, and an index.

A person sees who served a request; a checker of histories needs it.  `Huffleraft-Index` and
`Huffleraft-Term` are those of a write's own entry, of the state that a read saw, and on any
other answer how far this node has applied and its term.
"""

from __future__ import annotations

from typing import Final

from huffleraft.http.api import StoreApi
from huffleraft.http.messages import Headers

NODE: Final = b"Huffleraft-Node"
TERM: Final = b"Huffleraft-Term"
INDEX: Final = b"Huffleraft-Index"


class Placing:
    """Writes the three headers for one node."""

    __slots__ = ("_api", "_node")

    def __init__(self, api: StoreApi) -> None:
        self._api = api
        self._node = (NODE, api.node_id.encode())

    def of(self, index: int, term: int) -> Headers:
        """For an answer that stands at *index* and *term*."""
        return (self._node, (TERM, b"%d" % term), (INDEX, b"%d" % index))

    def now(self) -> Headers:
        """For an answer that stands nowhere in the log."""
        return self.of(self._api.applied, self._api.term)
