"""The harness runs on asyncio alone, so its tests run once."""

import pytest


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """The product is tested on both backends; what breaks it needs only one."""
    return "asyncio"
