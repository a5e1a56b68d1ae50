"""The replay refuses every order that is no linearization."""

import pytest

from jepsen_lite.checkers.calls import Call
from jepsen_lite.checkers.judge import judge
from jepsen_lite.checkers.replay import replay
from jepsen_lite.checkers.search import Found
from jepsen_lite.models import Read, Write

CALLS = (
    Call(Write(1), 1, 2),
    Call(Write(2), 3, 6),
    Call(Read(1), 4, 5),
    Call(Write(3), 7, None),
)


def test_an_order_that_real_time_and_the_model_allow_stands() -> None:
    assert replay(CALLS, [0, 2, 1]) is None
    assert replay(CALLS, [0, 2, 1, 3]) is None


@pytest.mark.parametrize(
    "order,wrong",
    [
        ([0, 2, 1, 0], "a call stands twice in the order"),
        ([0, 1], "call 2 is not in the order"),
        ([0, 1, 2], "call 2, Read(value=1), is not possible at its place"),
        ([2, 0, 1], "call 2, Read(value=1), is not possible at its place"),
        (
            [3, 0, 2, 1],
            "call 0 had returned before one that the order puts ahead of it was invoked",
        ),
    ],
    ids=str,
)
def test_any_other_order_is_refused_with_its_reason(order: list[int], wrong: str) -> None:
    assert replay(CALLS, order) == wrong


def test_an_order_that_does_not_stand_is_never_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "jepsen_lite.checkers.judge.search", lambda _calls, nodes_max: Found((0, 1, 2), nodes_max)
    )

    with pytest.raises(AssertionError, match="the order that was found does not stand: call 2"):
        judge(CALLS, 1_000)
