"""Begins the canaries that are selected before the first test runs."""

from __future__ import annotations

import pytest

from tests.properties.ahead import CHOIR


def pytest_collection_finish(session: pytest.Session) -> None:
    """Whatever test names a canary by its arguments will want its song."""
    params = [item.callspec.params for item in session.items if hasattr(item, "callspec")]
    CHOIR.begin(one["canary"] for one in params if "canary" in one)


def pytest_sessionfinish() -> None:
    """Leave none behind."""
    CHOIR.end()
