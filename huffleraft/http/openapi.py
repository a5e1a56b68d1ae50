"""`GET /v1/openapi.json`: every route, option and status, for programs (OpenAPI 3.1).

Written by hand, because it says what is meant and not what happens to be; tests compare it with
the routes both ways, hold every status that any test sees against it, and let Schemathesis
attack a real node with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from huffleraft.http.openapi_parts import (
    CHANGE,
    CONSISTENCY,
    HEADERS,
    KEY,
    LEADER,
    MEMBER,
    PAGE,
    PLACE,
    SCHEMAS,
    STAMP,
    TIMEOUT,
    Json,
    query,
)
from huffleraft.kv.limits import VALUE_BYTES_MAX

# No 500: that is a mistake of ours, and whoever meets one has found it.
_ANYWHERE: Final = {
    400: "The request cannot be understood, or asks for what is not offered here.",
    408: "The request did not arrive in time.",
    413: "The body is larger than this route takes.",
    417: "Something other than 100-continue is expected.",
    431: "The head is larger than 16 KiB, or has more than 64 headers.",
    501: "The body has a transfer coding other than chunked.",
    503: "Not now: no leader, too much to do, stopping. The request has had no effect.",
    505: "Another version of HTTP than 1.0 or 1.1.",
}
_NONE: Final[Mapping[int, str]] = {}
_ELSEWHERE: Final = {307: "Another node leads: send the same request to `Location`."}
_IN_DOUBT: Final = {504: "The write may or may not take effect, now or later."}
_SESSIONS: Final = {409: "The session has ended, or has gone on to a higher number."}


def document(version: str) -> Json:
    """The whole document, of huffleraft in *version*."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "huffleraft",
            "version": version,
            "description": "A replicated key-value store. Ask any node; one that does not lead "
            "answers 307. Errors are problem documents with a stable `code`, and with `definite`: "
            "true says that this request had and will have no effect.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/v1/kv": {"get": _page()},
            "/v1/kv/{key}": {
                "parameters": [KEY],
                "get": _get("get", "Read a key", body=True),
                "head": _get("head", "Read what GET says of a key, without its value", body=False),
                "put": _put(),
                "delete": _delete(),
            },
            "/v1/cas/{key}": {"parameters": [KEY], "post": _cas()},
            "/v1/sessions": {"post": _sessions()},
            "/v1/members": {"get": _members(), "post": _join()},
            "/v1/members/{id}": {"parameters": [MEMBER], "delete": _remove()},
            "/v1/leader/transfer": {"post": _transfer()},
            "/v1/status": {"get": _status()},
            "/v1/openapi.json": {"get": _openapi()},
            "/metrics": {"get": _metrics()},
            "/livez": {"get": _health("livez", "Whether the process answers", "live")},
            "/readyz": {"get": _health("readyz", "Whether it may be sent work", "ready")},
        },
        "components": {"schemas": SCHEMAS, "headers": HEADERS},
    }


def encoded(version: str) -> bytes:
    """The document as it is served."""
    return msgspec.json.encode(document(version)) + b"\n"


# The operations.


def _get(name: str, summary: str, *, body: bool) -> Json:
    found = _answer("The value.", headers=(*PLACE, *CHANGE))
    if body:
        found["content"] = {"application/octet-stream": {"schema": {}}}
    return _operation(
        name,
        summary,
        {200: found},
        {404: "There is no such key.", **_ELSEWHERE},
        parameters=(CONSISTENCY, LEADER, TIMEOUT),
        bodies=body,
    )


def _page() -> Json:
    told = _answer("The keys.", schema=_ref("Page"), headers=PLACE)
    return _operation(
        "page",
        "Read a page of keys, in the order of their UTF-8",
        {200: told},
        _ELSEWHERE,
        parameters=(*PAGE, CONSISTENCY, LEADER, TIMEOUT),
    )


def _put() -> Json:
    return _operation(
        "put",
        "Give a key a value",
        {200: _changed("The change.")},
        {**_ELSEWHERE, **_SESSIONS, **_IN_DOUBT},
        parameters=(LEADER, TIMEOUT, *STAMP),
        body={
            "required": False,
            "description": f"The value: at most {VALUE_BYTES_MAX} bytes of any kind.",
            "content": {"application/octet-stream": {"schema": {}}},
        },
    )


def _delete() -> Json:
    return _operation(
        "delete",
        "Remove a key, which may be missing",
        {204: _answer("It is gone.", headers=PLACE)},
        {**_ELSEWHERE, **_SESSIONS, **_IN_DOUBT},
        parameters=(LEADER, TIMEOUT, *STAMP),
    )


def _cas() -> Json:
    return _operation(
        "cas",
        "Give a key a value if it has the one expected",
        {200: _changed("The change.")},
        {
            **_ELSEWHERE,
            **_IN_DOUBT,
            409: "`cas-mismatch`: the key has another value, `current`; or as for sessions.",
        },
        parameters=(LEADER, TIMEOUT, *STAMP),
        body={"required": True, "content": {"application/json": {"schema": _ref("Cas")}}},
    )


def _sessions() -> Json:
    made = _answer("The session.", schema=_ref("Session"), headers=PLACE)
    return _operation(
        "register",
        "Begin a session, under which a write runs once however often it is sent",
        {201: made},
        {**_ELSEWHERE, **_IN_DOUBT},
        parameters=(LEADER, TIMEOUT),
    )


def _members() -> Json:
    told = _answer("The members.", schema=_ref("Members"), headers=PLACE)
    return _operation("members", "Who belongs to the cluster, as this node knows it", {200: told})


def _join() -> Json:
    member = _ref("Joined")
    return _operation(
        "join",
        "Bring a node one step nearer to being a member; it may be sent again at any time",
        {
            200: _answer("It is what it asked to be.", schema=member, headers=PLACE),
            202: _answer("There is more to do: ask again.", schema=member, headers=PLACE),
        },
        {**_ELSEWHERE, **_IN_DOUBT, 409: "`member-refused`: it cannot be let in."},
        parameters=(LEADER, TIMEOUT),
        body={"required": True, "content": {"application/json": {"schema": _ref("Join")}}},
    )


def _remove() -> Json:
    force = query(
        "force",
        {"type": "boolean", "default": False},
        "Remove it even if those who answer would be no quorum afterwards.",
    )
    return _operation(
        "remove",
        "Remove a member; one that was removed before is no failure",
        {200: _answer("It is none.", schema=_ref("Left"), headers=PLACE)},
        {
            **_ELSEWHERE,
            **_IN_DOUBT,
            404: "Nobody of this id is, or ever was, a member.",
            409: "`quorum-at-risk`: the others would be no quorum; or `member-refused`.",
        },
        parameters=(force, LEADER, TIMEOUT),
    )


def _transfer() -> Json:
    return _operation(
        "transfer",
        "Let another voter lead; with a name it may be sent again at any time",
        {200: _answer("It leads.", schema=_ref("Leads"), headers=PLACE)},
        {
            **_ELSEWHERE,
            409: "`transfer-refused`: it is no voter, or could not take over in time.",
            504: "`transfer-undecided`: it was told to lead, and may do so yet.",
        },
        parameters=(LEADER, TIMEOUT),
        body={"content": {"application/json": {"schema": _ref("Transfer")}}},
    )


def _status() -> Json:
    hash_ = query(
        "hash",
        {"type": "boolean", "default": False},
        "Also a hash over all rows and sessions, and the index at which they stand.",
    )
    told = _answer("The state of this node.", schema=_ref("Status"), headers=PLACE)
    return _operation("status", "What this node says of itself", {200: told}, parameters=(hash_,))


def _openapi() -> Json:
    told = _answer("This document.", schema={"type": "object"}, headers=PLACE)
    return _operation("openapi", "This document", {200: told})


def _metrics() -> Json:
    told = _answer("The numbers.", headers=PLACE)
    told["content"] = {"text/plain": {"schema": {"type": "string"}}}
    return _operation("metrics", "What the node counts, for Prometheus", {200: told})


def _health(name: str, summary: str, word: str) -> Json:
    schema = {"type": "object", "properties": {word: {"const": True}}, "required": [word]}
    return _operation(name, summary, {200: _answer("Yes.", schema=schema, headers=PLACE)})


def _operation(
    name: str,
    summary: str,
    answers: Mapping[int, Json],
    problems: Mapping[int, str] = _NONE,
    *,
    parameters: Sequence[Json] = (),
    body: Json | None = None,
    bodies: bool = True,
) -> Json:
    """One operation: what it answers if all is well, and the problems it may tell instead."""
    told = {**_ANYWHERE, **problems}
    refusals = {str(status): _problem(status, told[status], body=bodies) for status in told}
    operation: Json = {
        "operationId": name,
        "summary": summary,
        "responses": {
            **{str(status): answer for status, answer in answers.items()},
            **dict(sorted(refusals.items())),
        },
    }
    if parameters:
        operation["parameters"] = list(parameters)
    if body is not None:
        operation["requestBody"] = body
    return operation


# Their parts.


def _ref(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}


def _answer(description: str, *, schema: Json | None = None, headers: Sequence[str] = ()) -> Json:
    answer: Json = {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
    }
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    return answer


def _changed(description: str) -> Json:
    return _answer(description, schema=_ref("Change"), headers=(*PLACE, *CHANGE))


def _problem(status: int, description: str, *, body: bool) -> Json:
    more = {307: ("Location",), 503: ("Retry-After",)}.get(status, ())
    problem = _answer(description, headers=(*PLACE, *more))
    if body:  # an answer to HEAD has none
        problem["content"] = {"application/problem+json": {"schema": _ref("Problem")}}
    return problem
