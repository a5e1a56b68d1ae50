"""Who answers which request: keys go the short way, all else to the application.

Whatever is raised becomes a problem document here, and whatever is answered gets the headers
that say where it comes from.
"""

from __future__ import annotations

import logging
from time import perf_counter

from huffleraft.errors import HuffleraftError
from huffleraft.http.api import StoreApi
from huffleraft.http.app import make_app
from huffleraft.http.asgi import run
from huffleraft.http.kv_path import KvPath
from huffleraft.http.limits import KV_PATH
from huffleraft.http.messages import Request, Response, problem_response
from huffleraft.http.placing import NODE, Placing
from huffleraft.http.problems import Problem, mistaken, problem_of
from huffleraft.http.tally import OPERATIONS, Tally

_log = logging.getLogger("huffleraft.http")


class Front:
    """Answers whole requests for one node."""

    def __init__(self, api: StoreApi) -> None:
        self._placing = Placing(api)
        self._kv = KvPath(api, self._placing)
        self._tally = Tally()
        self._app = make_app(api, self._placing, self._tally)

    async def answer(self, request: Request) -> Response:
        """The response to *request*; raises nothing but cancellation."""
        begin = perf_counter()
        of_a_key = request.path.startswith(KV_PATH)
        try:
            if of_a_key:
                response = await self._kv.answer(request)
            else:
                response = await run(self._app, request)
        except HuffleraftError as error:
            response = self._told(problem_of(error, request.target))
        except Exception:  # noqa: BLE001  # whatever it is, the client gets an answer
            # No path: it may hold a key, and a key may be private.
            _log.exception("a mistake of ours while answering %s", request.method)
            response = self._told(mistaken())
        else:
            if not any(name == NODE for name, _value in response.headers):
                response = self._placed(response)
        operation = OPERATIONS.get(request.method, "other") if of_a_key else "other"
        self._tally.count(operation, response.status, perf_counter() - begin)
        return response

    def problem(self, problem: Problem) -> Response:
        """The response to what is no request: it tells *problem*."""
        self._tally.count("other", problem.status, 0.0)
        return self._told(problem)

    def _told(self, problem: Problem) -> Response:
        return self._placed(problem_response(problem))

    def _placed(self, response: Response) -> Response:
        headers = response.headers + self._placing.now()
        return Response(response.status, headers, response.body)
