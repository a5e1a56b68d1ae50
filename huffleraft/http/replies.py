"""Responses of the application, which all say JSON: a document, or a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from huffleraft.http.problems import PROBLEM_TYPE, Problem

if TYPE_CHECKING:
    from huffleraft.http.messages import Headers


def json_reply(body: bytes, *, status: int = 200, headers: Headers = ()) -> Response:
    """The document *body*."""
    return _with(Response(body, status, media_type="application/json"), headers)


def problem_reply(problem: Problem, headers: Headers = ()) -> Response:
    """The document of *problem*, and what it says in the head."""
    response = Response(
        problem.document(),
        problem.status,
        headers=dict(problem.headers),
        media_type=PROBLEM_TYPE.decode(),
    )
    return _with(response, headers)


def _with(response: Response, headers: Headers) -> Response:
    response.raw_headers.extend(headers)
    return response
