"""Runs an ASGI application for one request at a time: whole request in, whole response out.

Our bodies are bounded and our application streams nothing, so the conversation that ASGI is
made for shrinks to one event each way.  There is no lifespan: the application holds nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import unquote

from huffleraft.http.messages import Headers, Request, Response

Message: TypeAlias = MutableMapping[str, Any]
AsgiApp: TypeAlias = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[Message]],
        Callable[[Message], Awaitable[None]],
    ],
    Awaitable[None],
]

# The connection says these itself.
_FRAMING = frozenset({b"content-length", b"connection", b"transfer-encoding", b"date", b"server"})


async def run(app: AsgiApp, request: Request) -> Response:
    """The response of *app* to *request*.  Raises what the application raises."""
    events: list[Message] = [
        {"type": "http.request", "body": request.body, "more_body": False},
    ]
    status = 0
    headers: Headers = ()
    body: list[bytes] = []

    async def receive() -> Message:
        # Once the body is told there is nothing to wait for: the client is heard again only
        # after its answer.
        return events.pop() if events else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = tuple(
                (name, value)
                for name, value in message.get("headers", ())
                if name.lower() not in _FRAMING
            )
        elif message["type"] == "http.response.body":
            body.append(message.get("body", b""))

    await app(_scope(request), receive, send)
    if not status:
        raise RuntimeError("the application gave no answer")
    return Response(status, headers, b"".join(body))


def _scope(request: Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1" if request.http_1_1 else "1.0",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path.decode("ascii")),
        "raw_path": request.path,
        "query_string": request.query,
        "root_path": "",
        "headers": list(request.headers),
        "client": None,
        "server": None,
        "state": {},
    }
