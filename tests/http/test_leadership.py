"""Who leads, over HTTP: moved to whom is named, refused by code, and handed to the leader."""

from __future__ import annotations

import pytest

from huffleraft import errors
from huffleraft.http.api import Member
from tests.http.solitary import SolitaryStore
from tests.http.test_routes import Node

pytestmark = pytest.mark.anyio

ROUTE = "/v1/leader/transfer"


@pytest.fixture
def node() -> Node:
    """A node in a cluster of n1 and n2, of which it leads."""
    made = Node()
    made.store.membership.members["n2"] = Member("n2", "127.0.0.1:2", "voter")
    return made


@pytest.mark.parametrize("body", [b'{"to": "n2"}', b'{"to": null}', b"{}", b""])
async def test_the_office_goes_to_whom_is_named_or_to_any(node: Node, body: bytes) -> None:
    told = await node.ask("POST", ROUTE, body)

    assert told.status == 200
    assert told.json == {"leader": "n2", "term": 3}
    assert {"Huffleraft-Node", "Huffleraft-Term", "Huffleraft-Index"} <= set(told.headers)


async def test_a_named_transfer_may_be_said_again(node: Node) -> None:
    for _ in range(2):
        told = await node.ask("POST", ROUTE, b'{"to": "n2"}')
        assert (told.status, told.json["leader"]) == (200, "n2")


async def test_whoever_does_not_lead_says_who_does_or_hands_the_wish_on() -> None:
    node = Node()
    node.store.instead = errors.NotLeader("n3", "10.0.0.3:7000")
    told = await node.ask("POST", ROUTE + "?timeout=1", b'{"to": "n2"}')
    assert (told.status, told.code) == (307, "not-leader")
    assert told.headers["Location"] == f"http://10.0.0.3:7000{ROUTE}?timeout=1"

    leader = node.store.leader = SolitaryStore("n3", term=7)
    leader.membership.members["n2"] = Member("n2", "127.0.0.1:2", "voter")
    told = await node.ask("POST", ROUTE + "?timeout=1&leader=forward", b'{"to": "n2"}')
    assert told.json == {"leader": "n2", "term": 7}
    assert leader.asked[-1] == 1.0


@pytest.mark.parametrize(
    "error, status, code, definite, retry_after_ms",
    [
        (
            errors.TransferRefused("n2 lacks too much of the log"),
            409,
            "transfer-refused",
            True,
            None,
        ),
        (errors.TransferPending(50), 503, "transfer-pending", True, 50),
        (errors.ChangePending(250), 503, "change-pending", True, 250),
        (errors.NoLeader(300), 503, "no-leader", True, 300),
        (errors.TransferUndecided("n2 was told"), 504, "transfer-undecided", False, None),
    ],
)
async def test_what_a_transfer_meets_is_told_by_code_and_whether_it_is_definite(
    node: Node,
    error: errors.HuffleraftError,
    status: int,
    code: str,
    definite: bool,
    retry_after_ms: int | None,
) -> None:
    node.store.instead = error

    told = await node.ask("POST", ROUTE, b"")

    assert (told.status, told.code, told.json["definite"]) == (status, code, definite)
    assert told.json.get("retry_after_ms") == retry_after_ms
    assert told.json["detail"] == str(error)


async def test_a_write_while_the_office_moves_is_refused_for_certain(node: Node) -> None:
    node.store.instead = errors.TransferPending(50)

    told = await node.ask("PUT", "/v1/kv/a", b"1")

    assert (told.status, told.code, told.json["definite"]) == (503, "transfer-pending", True)
    assert told.json["retry_after_ms"] == 50


@pytest.mark.parametrize(
    "body, words",
    [
        (b"[]", 'the body is not {"to": "ID"}'),
        (b'{"to": 1}', "$.to"),
        (b'{"to": ""}', "'' cannot be a node id"),
        (b'{"to": "n/2"}', "'n/2' cannot be a node id"),
        (b'{"to": "n2\\n"}', "cannot be a node id"),
        (b'{"to": "n2", "force": true}', "`force`"),
        (b'{"to": "n2"', "truncated"),
        (b"\xff", 'the body is not {"to": "ID"}'),
        (b"[" * 100_000, 'the body is not {"to": "ID"}'),
    ],
)
async def test_a_wish_that_is_none_is_refused_and_nobody_is_asked(
    node: Node, body: bytes, words: str
) -> None:
    told = await node.ask("POST", ROUTE, body)

    assert (told.status, told.code) == (400, "bad-request")
    assert words in told.json["detail"]
    assert node.store.asked == []


@pytest.mark.parametrize("query", ["force=true", "leader=follow", "timeout=0", "to=n2"])
async def test_an_option_that_is_not_understood_is_refused(node: Node, query: str) -> None:
    told = await node.ask("POST", f"{ROUTE}?{query}", b"")

    assert (told.status, told.code) == (400, "bad-request")
    assert node.store.asked == []
