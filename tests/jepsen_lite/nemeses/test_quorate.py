"""When, by the journal, a quorum could talk."""

from __future__ import annotations

from jepsen_lite.cluster.configuration import Membership
from jepsen_lite.nemeses import FaultRecord, Span, faulty_spans, is_quorate, quorate_spans
from jepsen_lite.nemeses.faults import deafness, halves, isolation
from jepsen_lite.proxy import Link

NODES = ("n1", "n2", "n3", "n4", "n5")
ALWAYS = (Membership(0, NODES),)


def fault(
    nodes: tuple[str, ...] = (),
    links: tuple[Link, ...] = (),
    begin_ns: int = 0,
    end_ns: int | None = None,
) -> FaultRecord:
    return FaultRecord(
        id=1,
        kind="a",
        track="b",
        target=(),
        nodes=nodes,
        links=tuple((link.source, link.target) for link in links),
        begin_ns=begin_ns,
        end_ns=end_ns,
        undo="c",
    )


def test_a_quorum_stands_without_a_minority_and_falls_without_a_majority() -> None:
    assert is_quorate([], NODES)
    assert is_quorate([fault(("n1", "n2"))], NODES)
    assert not is_quorate([fault(("n1", "n2", "n3"))], NODES)


def test_faults_that_overlap_add_up() -> None:
    isolated = fault(links=isolation("n3", NODES))
    assert is_quorate([isolated], NODES)
    assert not is_quorate([isolated, fault(("n1", "n2"))], NODES)
    assert is_quorate([fault(links=halves(("n1", "n2"), NODES)), fault(("n1", "n2"))], NODES)
    assert not is_quorate([fault(links=halves(("n1", "n2"), NODES)), fault(("n5",))], NODES)


def test_a_one_way_link_is_no_talk() -> None:
    deaf = [fault(links=deafness(node, NODES)) for node in ("n1", "n2", "n3")]
    assert is_quorate(deaf[:2], NODES)
    assert not is_quorate(deaf, NODES)


def test_a_chain_is_led_from_its_middle() -> None:
    assert is_quorate([fault(links=(Link("n1", "n3"), Link("n3", "n1")))], ("n1", "n2", "n3"))


def test_spans_end_where_the_quorum_ends_and_join_where_nothing_changes() -> None:
    faults = [
        fault(("n1", "n2", "n3"), begin_ns=20, end_ns=30),
        fault(("n1",), begin_ns=40, end_ns=50),
        fault(NODES, begin_ns=90),
    ]
    assert quorate_spans(faults, ALWAYS, 10, 100) == (Span(10, 20), Span(30, 90))
    assert quorate_spans([], ALWAYS, 10, 100) == (Span(10, 100),)
    assert quorate_spans(faults, ALWAYS, 22, 28) == ()


def test_a_quorum_is_one_of_those_who_were_members_then() -> None:
    away = [fault(("n1", "n2", "n3"), begin_ns=20, end_ns=80)]
    replaced = (
        Membership(0, NODES),
        Membership(40, ("n1", "n2", "n4", "n5", "n6")),
        Membership(60, ("n1", "n2", "n3", "n4", "n5")),
    )
    assert quorate_spans(away, replaced, 10, 100) == (Span(10, 20), Span(40, 60), Span(80, 100))


def test_faults_that_overlap_or_touch_are_one_span() -> None:
    faults = [
        fault(begin_ns=60),
        fault(begin_ns=20, end_ns=30),
        fault(begin_ns=5, end_ns=12),
        fault(begin_ns=22, end_ns=25),
        fault(begin_ns=30, end_ns=40),
    ]
    assert faulty_spans(faults, 10, 100) == (Span(10, 12), Span(20, 40), Span(60, 100))
    assert faulty_spans(faults[1:], 50, 100) == ()
