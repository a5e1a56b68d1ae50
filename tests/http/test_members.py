"""Members over HTTP: read, let in one step at a time, and removed."""

import json
from typing import Any

import pytest

from huffleraft import errors
from tests.http.solitary import SolitaryStore
from tests.http.test_routes import Node

pytestmark = pytest.mark.anyio

HERE = "127.0.0.1:2"


def wish(address: str = HERE, **more: Any) -> bytes:
    return json.dumps({"address": address, **more}).encode()


@pytest.fixture
def node() -> Node:
    """A node to which n2 may be added."""
    node = Node()
    node.store.membership.newcomers[HERE] = "n2"
    return node


async def test_the_members_are_told_as_this_node_knows_them(node: Node) -> None:
    await node.ask("POST", "/v1/members", wish())
    told = await node.ask("GET", "/v1/members")
    assert (told.status, told.headers["Content-Type"]) == (200, "application/json")
    assert told.json == {
        "cluster_id": "c",
        "leader": "n1",
        "index": 2,
        "joint": False,
        "members": [
            {"id": "n1", "address": "127.0.0.1:1", "standing": "voter"},
            {"id": "n2", "address": HERE, "standing": "learner"},
        ],
    }


async def test_the_same_request_again_and_again_ends_in_200(node: Node) -> None:
    node.store.membership.steps = 2
    answers = [await node.ask("POST", "/v1/members", wish()) for _ in range(4)]
    assert [one.status for one in answers] == [202, 202, 200, 200]
    learner = {"id": "n2", "address": HERE, "standing": "learner", "index": 2}
    assert answers[0].json == learner | {"retry_after_ms": 200}
    assert answers[3].json == {"id": "n2", "address": HERE, "standing": "voter", "index": 3}
    assert answers[3].headers["Huffleraft-Index"] == "3"


async def test_who_asked_to_listen_is_what_it_asked_to_be_at_once(node: Node) -> None:
    for _ in range(2):
        told = await node.ask("POST", "/v1/members", wish(learner=True))
        assert (told.status, told.json["standing"]) == (200, "learner")
        assert "retry_after_ms" not in told.json


async def test_the_name_that_is_expected_is_handed_on(node: Node) -> None:
    refused = await node.ask("POST", "/v1/members", wish(id="n9"))
    assert (refused.status, refused.code) == (409, "member-refused")
    assert (await node.ask("POST", "/v1/members", wish(id="n2"))).status == 202


async def test_a_removal_may_be_said_again(node: Node) -> None:
    await node.ask("POST", "/v1/members", wish())
    for _ in range(2):
        told = await node.ask("DELETE", "/v1/members/n2")
        assert (told.status, told.json) == (200, {"id": "n2", "index": 3})
    assert (await node.ask("POST", "/v1/members", wish())).code == "member-refused"


async def test_who_was_never_a_member_is_not_found(node: Node) -> None:
    told = await node.ask("DELETE", "/v1/members/n7")
    assert (told.status, told.code, told.json["definite"]) == (404, "no-such-member", True)
    assert "n7" in told.json["detail"]


async def test_force_is_handed_on_where_it_is_said(node: Node) -> None:
    for query in ("", "?force=false", "?force=true"):
        await node.ask("DELETE", "/v1/members/n1" + query)
    assert node.store.membership.forced == [False, False, True]


async def test_a_timeout_is_handed_on(node: Node) -> None:
    await node.ask("POST", "/v1/members?timeout=2", wish())
    await node.ask("DELETE", "/v1/members/n2?timeout=0.5&force=true")
    assert node.store.asked == [2.0, 0.5]


@pytest.mark.parametrize("method, target", [("POST", "/v1/members"), ("DELETE", "/v1/members/n2")])
async def test_a_node_that_does_not_lead_says_who_does_or_hands_it_on(
    node: Node, method: str, target: str
) -> None:
    node.store.instead = errors.NotLeader("n3", "10.0.0.3:7000")
    told = await node.ask(method, target + "?timeout=1", wish())
    assert (told.status, told.code) == (307, "not-leader")
    assert told.headers["Location"] == f"http://10.0.0.3:7000{target}?timeout=1"

    leader = node.store.leader = SolitaryStore("n3", term=7)
    leader.membership.newcomers[HERE] = "n2"
    await leader.membership.join(HERE)
    told = await node.ask(method, target + "?timeout=1&leader=forward", wish())
    assert told.status == 200
    assert (told.headers["Huffleraft-Node"], told.headers["Huffleraft-Term"]) == ("n1", "7")
    assert leader.asked[-1] == 1.0
    assert node.store.membership.index == 1


@pytest.mark.parametrize(
    "error, status, code, definite, retry_after_ms",
    [
        (errors.ChangePending(250), 503, "change-pending", True, 250),
        (errors.MemberRefused("n2 has lost its disk"), 409, "member-refused", True, None),
        (errors.MemberRemoved("n2"), 409, "member-removed", True, None),
        (errors.QuorumAtRisk("n1 would be alone"), 409, "quorum-at-risk", True, None),
        (errors.MemberUnreachable(HERE, "refused"), 503, "member-unreachable", True, 500),
        (errors.NoLeader(300), 503, "no-leader", True, 300),
        (errors.OutcomeUnknown("it was not done in time"), 504, "outcome-unknown", False, None),
    ],
)
@pytest.mark.parametrize("method, target", [("POST", "/v1/members"), ("DELETE", "/v1/members/n2")])
async def test_what_a_change_meets_is_told_by_code_and_whether_it_is_definite(
    node: Node,
    method: str,
    target: str,
    error: errors.HuffleraftError,
    status: int,
    code: str,
    definite: bool,
    retry_after_ms: int | None,
) -> None:
    node.store.instead = error
    told = await node.ask(method, target, wish())
    assert (told.status, told.code, told.json["definite"]) == (status, code, definite)
    assert told.json.get("retry_after_ms") == retry_after_ms
    assert ("Retry-After" in told.headers) is (retry_after_ms is not None)
    assert told.json["detail"] == str(error)


@pytest.mark.parametrize(
    "body, words",
    [
        (b"", 'the body is not {"address": "HOST:PORT"}'),
        (b"[]", 'the body is not {"address": "HOST:PORT"}'),
        (b"{}", "`address`"),
        (b'{"address": 1}', "$.address"),
        (b'{"address": "127.0.0.1:2"', "truncated"),
        (b"\xff", 'the body is not {"address": "HOST:PORT"}'),
        (b"[" * 100_000, 'the body is not {"address": "HOST:PORT"}'),
        (wish(more=1), "`more`"),
        (wish(learner="yes"), "$.learner"),
        (wish(learner=None), "$.learner"),
        (wish(id=7), "$.id"),
        (wish(id=""), "'' cannot be a node id"),
        (wish(id="n/2"), "'n/2' cannot be a node id"),
        (wish(id="n2\n"), "'n2\\n' cannot be a node id"),
        (wish(id="n" * 65), "cannot be a node id"),
        (wish("127.0.0.1"), "'127.0.0.1' is no address; HOST:PORT is expected"),
        (wish(":2"), "':2' cannot be advertised"),
        (wish("a b:2"), "'a b:2' cannot be advertised"),
        (wish("http://a:2"), "'http://a:2' cannot be advertised"),
        (wish("0.0.0.0:2"), "'0.0.0.0:2' names no machine"),
        (wish("[::]:2"), "'[::]:2' names no machine"),
        (wish("127.0.0.1:0"), "'127.0.0.1:0' has no port"),
        (wish("127.0.0.1:65536"), "is no address"),
        (wish("127.0.0.1:" + "9" * 5_000), "$.address"),
        (wish("a" * 300 + ":2"), "$.address"),
    ],
)
async def test_a_wish_that_is_none_is_refused_and_nobody_is_called(
    node: Node, body: bytes, words: str
) -> None:
    told = await node.ask("POST", "/v1/members", body)
    assert (told.status, told.code) == (400, "bad-request")
    assert words in told.json["detail"]
    assert len(told.json["detail"]) < 600
    assert node.store.asked == []


@pytest.mark.parametrize("name", ["n%2b", "n%0A", "n" * 65, "%C3%A4", "n 2"])
async def test_a_removal_of_what_is_no_name_is_refused(node: Node, name: str) -> None:
    told = await node.ask("DELETE", f"/v1/members/{name}")
    assert (told.status, told.code) == (400, "bad-request")
    assert "cannot be a node id" in told.json["detail"]
    assert node.store.asked == []


@pytest.mark.parametrize(
    "method, target",
    [
        ("POST", "/v1/members?force=true"),
        ("POST", "/v1/members?leader=follow"),
        ("POST", "/v1/members?timeout=0"),
        ("DELETE", "/v1/members/n1?force=yes"),
        ("DELETE", "/v1/members/n1?force"),
        ("DELETE", "/v1/members/n1?forced=true"),
        ("DELETE", "/v1/members/n1?timeout=301"),
    ],
)
async def test_an_option_that_is_not_understood_is_refused(
    node: Node, method: str, target: str
) -> None:
    told = await node.ask(method, target, wish())
    assert (told.status, told.code) == (400, "bad-request")
    assert node.store.asked == []
