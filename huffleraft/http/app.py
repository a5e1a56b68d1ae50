"""Everything but the keys themselves, as an ordinary ASGI application.

- `POST /v1/cas/{key}` with `{"old": base64 | null, "new": base64}`: 200, or 409 `cas-mismatch`
  with what is there.
- `GET /v1/kv`: a page of keys (`http.listing`).
- `POST /v1/sessions`: 201 and `{"session": id}`.
- `/v1/members`: who belongs to the cluster (`http.members`).
- `/v1/leader/transfer`: who leads it (`http.leadership`).
- `GET /v1/status`, with `?hash=true` also the hash of the whole state.
- `GET /v1/openapi.json`: all of this, for programs.
- `GET /metrics`: what the node counts, for Prometheus.
- `GET /livez`: the process answers.  `GET /readyz`: it may be sent work.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import msgspec
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from huffleraft.errors import BadRequest, HuffleraftError
from huffleraft.http import metrics, openapi
from huffleraft.http.kv_path import change_document, of_change
from huffleraft.http.leadership import LeadershipRoutes
from huffleraft.http.limits import CAS_PATH
from huffleraft.http.listing import PAGE_OPTIONS, page_document
from huffleraft.http.members import MemberRoutes
from huffleraft.http.options import Options, key_of, options_of, stamp_of
from huffleraft.http.problems import (
    Problem,
    method_not_allowed,
    no_such_route,
    not_ready,
    problem_of,
)
from huffleraft.http.replies import json_reply, problem_reply
from huffleraft.kv.results import CasMismatch

if TYPE_CHECKING:
    from starlette.requests import Request

    from huffleraft.http.api import KeyApi, StoreApi
    from huffleraft.http.placing import Placing
    from huffleraft.http.tally import Tally


class _Key(Convertor[str]):
    """All that follows, line ends included; the key itself is read from the raw path."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("key", _Key())


class _CasBody(msgspec.Struct, forbid_unknown_fields=True):
    """What to compare with, and what to set.  In JSON, msgspec reads bytes from base64."""

    old: bytes | None
    new: bytes


_CAS_BODY = msgspec.json.Decoder(_CasBody)


def make_app(api: StoreApi, placing: Placing, tally: Tally) -> Starlette:
    """The application over *api*, whose requests are counted in *tally*."""
    doors = _Doors(api, placing, tally)
    members, leadership = MemberRoutes(api, placing), LeadershipRoutes(api, placing)
    app = Starlette(
        routes=[
            Route("/v1/kv", doors.page, methods=["GET"]),
            Route("/v1/cas/{key:key}", doors.cas, methods=["POST"]),
            Route("/v1/sessions", doors.sessions, methods=["POST"]),
            Route("/v1/members", members.all, methods=["GET", "POST"]),
            Route("/v1/members/{id}", members.remove, methods=["DELETE"]),
            Route("/v1/leader/transfer", leadership.transfer, methods=["POST"]),
            Route("/v1/status", doors.status, methods=["GET"]),
            Route("/v1/openapi.json", doors.openapi, methods=["GET"]),
            Route("/metrics", doors.metrics, methods=["GET"]),
            Route("/livez", doors.livez, methods=["GET"]),
            Route("/readyz", doors.readyz, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _on_http, HuffleraftError: _on_ours},
    )
    # 307 is kept for one thing here: another node leads.
    app.router.redirect_slashes = False
    return app


class _Doors:
    """The routes, over one node."""

    def __init__(self, api: StoreApi, placing: Placing, tally: Tally) -> None:
        self._api = api
        self._placing = placing
        self._tally = tally

    def _asked(self, options: Options) -> KeyApi:
        """Who is to do it: this node for itself, or whoever leads."""
        return self._api.forwarding if options.forward else self._api

    async def page(self, request: Request) -> Response:
        options = options_of(request.scope["query_string"], PAGE_OPTIONS)
        placed = await self._asked(options).page(
            options.prefix,
            options.after,
            limit=options.limit,
            values=options.values,
            timeout=options.timeout,
            stale=options.stale,
        )
        return json_reply(
            page_document(placed.result), headers=self._placing.of(placed.index, placed.term)
        )

    async def cas(self, request: Request) -> Response:
        raw_path: bytes = request.scope["raw_path"]
        if not raw_path.startswith(CAS_PATH):  # the route itself was percent-encoded
            raise HTTPException(404)
        key = key_of(raw_path[len(CAS_PATH) :])
        options = options_of(request.scope["query_string"], ("leader", "timeout"))
        stamp = stamp_of(request.scope["headers"])
        wanted = _cas_body(await request.body())
        placed = await self._asked(options).cas(
            key, wanted.old, wanted.new, timeout=options.timeout, session=stamp
        )
        place = self._placing.of(placed.index, placed.term)
        result = placed.result
        if isinstance(result, CasMismatch):
            return problem_reply(_mismatch(result), place)
        told = of_change(result.index, result.version, replayed=result.replayed)
        return json_reply(change_document(result.index, result.version), headers=told + place)

    async def sessions(self, request: Request) -> Response:
        options = options_of(request.scope["query_string"], ("leader", "timeout"))
        placed = await self._asked(options).register_session(timeout=options.timeout)
        return json_reply(
            b'{"session":%d}\n' % placed.result.session,
            status=201,
            headers=self._placing.of(placed.index, placed.term),
        )

    async def status(self, request: Request) -> Response:
        options = options_of(request.scope["query_string"], ("hash",))
        return json_reply(msgspec.json.encode(await self._api.status(hash=options.hash)) + b"\n")

    async def openapi(self, request: Request) -> Response:
        options_of(request.scope["query_string"], ())
        return json_reply(openapi.encoded(self._api.facts().version))

    async def metrics(self, request: Request) -> Response:
        options_of(request.scope["query_string"], ())
        page = metrics.page(self._api.facts(), self._tally)
        return Response(page, headers={"Content-Type": metrics.CONTENT_TYPE})

    async def livez(self, request: Request) -> Response:
        options_of(request.scope["query_string"], ())
        return json_reply(b'{"live":true}\n')

    async def readyz(self, request: Request) -> Response:
        options_of(request.scope["query_string"], ())
        readiness = await self._api.ready()
        if readiness.ready:
            return json_reply(b'{"ready":true}\n')
        return problem_reply(not_ready(readiness.reason, readiness.lag))


def _cas_body(body: bytes) -> _CasBody:
    try:
        return _CAS_BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            f'the body is not {{"old": base64 or null, "new": base64}} ({error}); send that'
        ) from None


def _mismatch(found: CasMismatch) -> Problem:
    """The refusal of a compare-and-set; it observed, and changed nothing."""
    current = None if found.current is None else b64encode(found.current).decode()
    more: dict[str, object] = {
        "current": current,
        "version": found.version,
        "index": found.changed_index,
    }
    return Problem(
        409,
        "cas-mismatch",
        "the key has another value than the one expected; nothing was changed",
        more=more,
        headers={"Huffleraft-Replayed": "true"} if found.replayed else {},
    )


# Refusals.


async def _on_http(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: of a path, and of a method."""
    assert isinstance(error, HTTPException), "registered for these alone"
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return problem_reply(method_not_allowed(request.method, allowed))
    return problem_reply(no_such_route(request.scope["raw_path"].decode("ascii")))


async def _on_ours(request: Request, error: Exception) -> Response:
    """The house's errors."""
    assert isinstance(error, HuffleraftError), "registered for these alone"
    target: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return problem_reply(problem_of(error, target + b"?" + query if query else target))
