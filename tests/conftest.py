"""What every test stands on: both async backends, and seeds that are told beforehand."""

import os
import secrets
import signal

import pytest
from hypothesis import HealthCheck, settings

# `ci` draws the same examples on every machine; `fresh` and `long` draw new ones and say which.
settings.register_profile("ci", derandomize=True, print_blob=True, deadline=None)
settings.register_profile("fresh", print_blob=True, deadline=None)
settings.register_profile(
    "long",
    print_blob=True,
    deadline=None,
    max_examples=5_000,
    suppress_health_check=[HealthCheck.too_slow],
)

_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")


def pytest_configure(config: pytest.Config) -> None:
    """Heed Ctrl-C, and choose the Hypothesis profile.

    One that draws fresh examples gets a seed that can be told.
    """
    # What a shell starts in the background ignores Ctrl-C, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.load_profile(_PROFILE)
    if _PROFILE != "ci" and config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(secrets.randbits(64))


def pytest_report_header(config: pytest.Config) -> str:
    """The words to type to get this very run again."""
    seed = config.getoption("--hypothesis-seed")
    again = f"HYPOTHESIS_PROFILE={_PROFILE} .venv/bin/python -m pytest"
    return f"to reproduce: {again}" + (f" --hypothesis-seed={seed}" if seed is not None else "")


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Each asynchronous test runs once on asyncio and once on trio."""
    return request.param


def pytest_addoption(parser: pytest.Parser) -> None:
    """Golden scripts are told anew on demand only."""
    parser.addoption("--rewrite", action="store_true", help="rewrite the golden scripts")
