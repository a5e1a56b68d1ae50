"""What the OpenAPI page says of a request, to be held against what was answered."""

from typing import Any

from huffleraft.http.openapi import document

PATHS: dict[str, dict[str, Any]] = document("0")["paths"]
METHODS = ("get", "head", "put", "post", "delete", "patch", "options", "trace")


def operations() -> set[tuple[str, str]]:
    """Every documented path and method."""
    return {
        (path, method.upper())
        for path, item in PATHS.items()
        for method in item
        if method in METHODS
    }


def statuses(path: str, method: str) -> set[int]:
    """What may be answered to *method* on *path*."""
    return {int(status) for status in PATHS[path][method.lower()]["responses"]}


def require_documented(method: str, target: str, status: int) -> None:
    """Fail if the page does not know this answer.  A 500 is a mistake of ours, never documented."""
    path = target.partition("?")[0]
    for known, item in PATHS.items():
        prefix, is_open, _ = known.partition("{")
        if not (path.startswith(prefix) if is_open else path == known) or status == 500:
            continue
        as_named = "GET" if method == "HEAD" and "head" not in item else method
        expected = statuses(known, as_named) if as_named.lower() in item else {400, 405}
        assert status in expected, f"{method} {known} answered {status}"
