"""Who belongs to the cluster, over HTTP: to be read, let in, and removed.  Chapter 4

- `GET /v1/members`: the configuration in force, as this node knows it.
- `POST /v1/members` with `{"address": "HOST:PORT"}`, and if wanted `"id"` and `"learner": true`:
  one step.  200 where the node is what it asked to be; 202 where there is more to do, and then the
  body says, in `retry_after_ms`, when to ask for the next.
- `DELETE /v1/members/{id}`: 200, also where it is gone already.  With `?force=true` even where
  those who answer would be no quorum afterwards.

Both changes may be sent again after any answer and after none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from huffleraft.errors import BadRequest, ConfigurationInvalid
from huffleraft.http.options import options_of
from huffleraft.http.replies import json_reply
from huffleraft.naming import ADDRESS_BYTES_MAX, check_advertised, check_node_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from huffleraft.http.api import Joined, Member, MemberApi, StoreApi
    from huffleraft.http.messages import Headers
    from huffleraft.http.options import Options
    from huffleraft.http.placing import Placing

_NEXT_STEP_MS: Final = 200
"""The pause advised before the next step: what a learner lacks has to travel meanwhile."""


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    """Who is to be let in."""

    address: Annotated[str, msgspec.Meta(max_length=ADDRESS_BYTES_MAX)]
    id: str | None = None
    learner: bool = False


_WISH: Final = msgspec.json.Decoder(_Wish)


class MemberRoutes:
    """The routes, over one node."""

    def __init__(self, api: StoreApi, placing: Placing) -> None:
        self._api = api
        self._placing = placing

    async def all(self, request: Request) -> Response:
        """Read them, or let one in."""
        return await self._join(request) if request.method == "POST" else self._roster(request)

    def _roster(self, request: Request) -> Response:
        options_of(request.scope["query_string"], ())
        roster = self._api.members()
        told = {
            "cluster_id": roster.cluster_id,
            "leader": roster.leader,
            "index": roster.index,
            "joint": roster.joint,
            "members": [_document(one) for one in roster.members],
        }
        return _reply(told)

    async def _join(self, request: Request) -> Response:
        options = options_of(request.scope["query_string"], ("leader", "timeout"))
        wish = _wish(await request.body())
        placed = await self._asked(options).join(
            wish.address, node_id=wish.id, learner=wish.learner, timeout=options.timeout
        )
        joined: Joined = placed.result
        told = {**_document(joined.member), "index": placed.index}
        if not joined.done:
            told["retry_after_ms"] = _NEXT_STEP_MS
        place = self._placing.of(placed.index, placed.term)
        return _reply(told, 200 if joined.done else 202, place)

    async def remove(self, request: Request) -> Response:
        """Remove a member."""
        options = options_of(request.scope["query_string"], ("force", "leader", "timeout"))
        node_id: str = request.path_params["id"]
        _check(check_node_id, node_id)
        placed = await self._asked(options).remove(
            node_id, force=options.force, timeout=options.timeout
        )
        place = self._placing.of(placed.index, placed.term)
        return _reply({"id": node_id, "index": placed.index}, 200, place)

    def _asked(self, options: Options) -> MemberApi:
        """Who is to do it: this node for itself, or whoever leads."""
        return self._api.changing(forward=options.forward)


def _wish(body: bytes) -> _Wish:
    try:
        wish = _WISH.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            f'the body is not {{"address": "HOST:PORT"}}, with "id" and "learner" if wanted '
            f"({error}); send that"
        ) from None
    _check(check_advertised, wish.address)
    if wish.id is not None:
        _check(check_node_id, wish.id)
    return wish


def _check(rule: Callable[[str], None], text: str) -> None:
    """Hold *text* to *rule*.  Raises BadRequest."""
    try:
        rule(text)
    except ConfigurationInvalid as error:
        raise BadRequest(error.why) from None


def _document(member: Member) -> dict[str, object]:
    return {"id": member.node_id, "address": member.address, "standing": member.standing}


def _reply(document: Mapping[str, object], status: int = 200, headers: Headers = ()) -> Response:
    return json_reply(msgspec.json.encode(document) + b"\n", status=status, headers=headers)
