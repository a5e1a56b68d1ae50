"""Every test of the client runs over both of its faces."""

import pytest

from tests.client.faces import MakeFace, TaskFace, ThreadFace


@pytest.fixture(params=[TaskFace, ThreadFace], ids=["task", "thread"])
def face(request: pytest.FixtureRequest) -> MakeFace:
    made: MakeFace = request.param
    return made
