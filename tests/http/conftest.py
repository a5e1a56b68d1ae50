"""Every test of the door's bytes runs over both parsers."""

import pytest

from huffleraft.http.parsers import H11Parser, HttptoolsParser, MakeParser


@pytest.fixture(params=[HttptoolsParser, H11Parser], ids=["httptools", "h11"])
def make_parser(request: pytest.FixtureRequest) -> MakeParser:
    made: MakeParser = request.param
    return made
