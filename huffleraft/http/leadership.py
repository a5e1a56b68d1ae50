"""Who leads, over HTTP: to be moved.  §3.10

`POST /v1/leader/transfer`, with `{"to": "n2"}` or without a body for whichever voter is best able
to: 200 with `{"leader": "n2", "term": 4}` once it leads, also where it led already.

With a name it may be sent again after any answer and after none.  Without one, it would move the
office once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from huffleraft.errors import BadRequest, ConfigurationInvalid
from huffleraft.http.options import options_of
from huffleraft.http.replies import json_reply
from huffleraft.naming import check_node_id

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from huffleraft.http.api import StoreApi
    from huffleraft.http.placing import Placing


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    """Who is to lead; None: whoever is best able to."""

    to: str | None = None


_WISH: Final = msgspec.json.Decoder(_Wish)


class LeadershipRoutes:
    """The route, over one node."""

    def __init__(self, api: StoreApi, placing: Placing) -> None:
        self._api = api
        self._placing = placing

    async def transfer(self, request: Request) -> Response:
        """Have another node lead."""
        options = options_of(request.scope["query_string"], ("leader", "timeout"))
        to = _target(await request.body())
        asked = self._api.changing(forward=options.forward)
        placed = await asked.hand_over(to, timeout=options.timeout)
        told = {"leader": placed.result, "term": placed.term}
        place = self._placing.of(placed.index, placed.term)
        return json_reply(msgspec.json.encode(told) + b"\n", headers=place)


def _target(body: bytes) -> str | None:
    if not body:
        return None
    try:
        to = _WISH.decode(body).to
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            f'the body is not {{"to": "ID"}} ({error}); send that, or none for any voter'
        ) from None
    if to is not None:
        try:
            check_node_id(to)
        except ConfigurationInvalid as error:
            raise BadRequest(error.why) from None
    return to
