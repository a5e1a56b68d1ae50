"""The short path: GET, HEAD, PUT and DELETE of a key, from the request straight to the store.

Nearly every request a node serves is one of these, and an ASGI application costs more than all
the rest of such a request; so these four go beside it.

| | |
|--|--|
| `GET`, `HEAD` | 200 and the value's bytes; 404 `key-not-found` |
| `PUT` | 200 and `{"index": .., "version": ..}`, a line for people and programs alike |
| `DELETE` | 204, also where there was nothing to remove |

With `?leader=forward` a node that does not lead hands the operation to the one that does, and
answers in its own name; else it says 307 and where to go.

`ETag` is the index of the key's last change, `Huffleraft-Version` the number of changes since it
was made, `Huffleraft-Replayed: true` marks the kept answer to a write sent again.
"""

from __future__ import annotations

from typing import Final

from huffleraft.http.api import KeyApi, StoreApi
from huffleraft.http.limits import KV_PATH
from huffleraft.http.messages import Headers, Request, Response, problem_response
from huffleraft.http.options import Options, key_of, options_of, stamp_of
from huffleraft.http.placing import Placing
from huffleraft.http.problems import key_not_found, method_not_allowed
from huffleraft.kv.queries import Missing

ALLOWED: Final = "DELETE, GET, HEAD, PUT"

_READ_OPTIONS: Final = frozenset({"consistency", "leader", "timeout"})
_WRITE_OPTIONS: Final = frozenset({"leader", "timeout"})

_BYTES: Final = (b"Content-Type", b"application/octet-stream")
_JSON: Final = (b"Content-Type", b"application/json")
_REPLAYED: Final = ((b"Huffleraft-Replayed", b"true"),)


def of_change(index: int, version: int, *, replayed: bool = False) -> Headers:
    """The headers that tell a key's last change."""
    told = ((b"ETag", b'"%d"' % index), (b"Huffleraft-Version", b"%d" % version))
    return told + _REPLAYED if replayed else told


def change_document(index: int, version: int) -> bytes:
    """The body that tells a key's last change."""
    return b'{"index":%d,"version":%d}\n' % (index, version)


class KvPath:
    """Answers requests for keys, one node's."""

    __slots__ = ("_api", "_placing")

    def __init__(self, api: StoreApi, placing: Placing) -> None:
        self._api = api
        self._placing = placing

    async def answer(self, request: Request) -> Response:
        """The response to *request*, whose path begins with `/v1/kv/`.

        Raises what the store raises, and BadRequest and InvalidKey.
        """
        raw_key = request.path[len(KV_PATH) :]
        match request.method:
            case "GET" | "HEAD":
                return await self._get(request, key_of(raw_key))
            case "PUT":
                return await self._put(request, key_of(raw_key))
            case "DELETE":
                return await self._delete(request, key_of(raw_key))
            case method:
                return problem_response(method_not_allowed(method, ALLOWED))

    def _asked(self, options: Options) -> KeyApi:
        """Who is to do it: this node for itself, or whoever leads."""
        return self._api.forwarding if options.forward else self._api

    async def _get(self, request: Request, key: str) -> Response:
        options = options_of(request.query, _READ_OPTIONS)
        placed = await self._asked(options).get(key, timeout=options.timeout, stale=options.stale)
        found = placed.result
        place = self._placing.of(placed.index, placed.term)
        if isinstance(found, Missing):
            missing = problem_response(key_not_found())
            return Response(missing.status, missing.headers + place, missing.body)
        headers = (_BYTES, *of_change(found.index, found.version), *place)
        return Response(200, headers, found.value)

    async def _put(self, request: Request, key: str) -> Response:
        options = options_of(request.query, _WRITE_OPTIONS)
        placed = await self._asked(options).set(
            key, request.body, timeout=options.timeout, session=stamp_of(request.headers)
        )
        changed = placed.result
        headers = (
            _JSON,
            *of_change(changed.index, changed.version, replayed=changed.replayed),
            *self._placing.of(placed.index, placed.term),
        )
        return Response(200, headers, change_document(changed.index, changed.version))

    async def _delete(self, request: Request, key: str) -> Response:
        options = options_of(request.query, _WRITE_OPTIONS)
        placed = await self._asked(options).delete(
            key, timeout=options.timeout, session=stamp_of(request.headers)
        )
        headers = self._placing.of(placed.index, placed.term)
        return Response(204, headers + _REPLAYED if placed.result.replayed else headers)
