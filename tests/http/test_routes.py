"""What each request means: keys, options, sessions, statuses and problem documents."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from huffleraft import errors
from huffleraft.http.api import Readiness
from huffleraft.http.front import Front
from huffleraft.http.messages import Request
from huffleraft.kv.limits import KEY_BYTES_MAX, VALUE_BYTES_MAX
from tests.http.documented import require_documented
from tests.http.solitary import SolitaryStore

NONE: Mapping[str, str] = {}

pytestmark = pytest.mark.anyio


@dataclass
class Told:
    """A response, as a client reads it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def code(self) -> str:
        """The problem's code; its document must be one in all its parts."""
        assert self.headers["Content-Type"] == "application/problem+json"
        document = self.json
        assert document["status"] == self.status
        assert isinstance(document["definite"], bool)
        assert document["title"]
        assert document["detail"]
        code: str = document["code"]
        return code


@dataclass
class Node:
    """One node's front, asked as by a connection."""

    store: SolitaryStore = field(default_factory=SolitaryStore)

    def __post_init__(self) -> None:
        self.front = Front(self.store)

    async def ask(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] = NONE
    ) -> Told:
        path, _, query = target.encode().partition(b"?")
        named = [(b"host", b"n1")]
        named += [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        response = await self.front.answer(Request(method, path, query, tuple(named), body, True))
        require_documented(method, target, response.status)
        found: dict[str, str] = {}
        for name, value in response.headers:
            key = name.decode().title().replace("Etag", "ETag")
            assert key not in found, f"{key} stands twice"
            found[key] = value.decode()
        assert {"Huffleraft-Node", "Huffleraft-Term", "Huffleraft-Index"} <= found.keys()
        return Told(response.status, found, response.body)


@pytest.fixture
def node() -> Node:
    return Node()


# Keys.


async def test_a_value_is_read_back_with_its_last_change(node: Node) -> None:
    put = await node.ask("PUT", "/v1/kv/a", b"\x00 1")
    assert (put.status, put.json) == (200, {"index": 1, "version": 1})
    again = await node.ask("PUT", "/v1/kv/a", b"two")
    assert (again.headers["ETag"], again.headers["Huffleraft-Version"]) == ('"2"', "2")
    await node.ask("PUT", "/v1/kv/b", b"other")
    got = await node.ask("GET", "/v1/kv/a")
    assert (got.status, got.body) == (200, b"two")
    assert got.headers == {
        "Content-Type": "application/octet-stream",
        "ETag": '"2"',
        "Huffleraft-Version": "2",
        "Huffleraft-Node": "n1",
        "Huffleraft-Term": "3",
        "Huffleraft-Index": "3",
    }


async def test_a_missing_key_is_told_from_an_unknown_route(node: Node) -> None:
    missing = await node.ask("GET", "/v1/kv/a")
    assert (missing.status, missing.code) == (404, "key-not-found")
    assert missing.json["definite"] is True
    for path in ("/", "/v1", "/v1/kvs", "/v1/keys/a", "/V1/kv/a", "/v1/status/", "//v1/status"):
        lost = await node.ask("GET", path)
        assert (lost.status, lost.code) == (404, "no-such-route"), path


async def test_an_empty_value_is_a_value(node: Node) -> None:
    await node.ask("PUT", "/v1/kv/a", b"")
    got = await node.ask("GET", "/v1/kv/a")
    assert (got.status, got.body) == (200, b"")


async def test_delete_succeeds_with_or_without_a_key(node: Node) -> None:
    await node.ask("PUT", "/v1/kv/a", b"1")
    for _ in range(2):
        gone = await node.ask("DELETE", "/v1/kv/a")
        assert (gone.status, gone.body) == (204, b"")
    assert (await node.ask("GET", "/v1/kv/a")).status == 404
    put = await node.ask("PUT", "/v1/kv/a", b"1")
    assert put.headers["Huffleraft-Version"] == "1"


@pytest.mark.parametrize(
    "raw, key",
    [
        ("a/b", "a/b"),
        ("a%2Fb", "a/b"),
        ("/", "/"),
        ("../..", "../.."),
        (".", "."),
        ("a%252Fb", "a%2Fb"),
        ("a+b", "a+b"),
        ("%00", "\x00"),
        ("%0A", "\n"),
        ("%C3%A4", "ä"),
        ("a//b/", "a//b/"),
    ],
)
async def test_a_key_is_all_that_follows_decoded_once(node: Node, raw: str, key: str) -> None:
    await node.ask("PUT", f"/v1/kv/{raw}", b"v")
    found = (await node.store.get(key)).result
    assert type(found).__name__ == "Found"
    assert (await node.ask("GET", f"/v1/kv/{quote(key, safe='')}")).body == b"v"
    body = json.dumps({"old": b64encode(b"v").decode(), "new": "dw=="}).encode()
    assert (await node.ask("POST", f"/v1/cas/{raw}", body)).status == 200
    assert (await node.ask("GET", f"/v1/kv/{raw}")).body == b"w"


@pytest.mark.parametrize("raw", ["", "%", "%2", "%zz", "a%", "%FF", "%ED%A0%80"])
@pytest.mark.parametrize("method, path", [("PUT", "/v1/kv/"), ("POST", "/v1/cas/")])
async def test_what_is_no_key_is_refused(node: Node, method: str, path: str, raw: str) -> None:
    told = await node.ask(method, path + raw, b"{}")
    assert (told.status, told.code, told.json["definite"]) == (400, "invalid-key", True)


@pytest.mark.parametrize("path", ["/v1/cas%2Fkey", "/v1/%63as/key", "/v1%2Fcas/key"])
async def test_a_route_that_is_percent_encoded_is_none(node: Node, path: str) -> None:
    """Its decoded path would match, and the key would be cut from the raw one at a wrong place."""
    told = await node.ask("POST", path, cas(None, b"1"))
    assert (told.status, told.code) == (404, "no-such-route")
    assert node.store.applied == 0


async def test_a_key_has_4096_bytes_at_most(node: Node) -> None:
    assert (await node.ask("PUT", "/v1/kv/" + "k" * KEY_BYTES_MAX, b"")).status == 200
    told = await node.ask("PUT", "/v1/kv/" + "k" * (KEY_BYTES_MAX + 1), b"")
    assert (told.status, told.code) == (400, "invalid-key")
    told = await node.ask("PUT", "/v1/kv/" + "%C3%A4" * (KEY_BYTES_MAX // 2 + 1), b"")
    assert (told.status, told.code) == (400, "invalid-key")


async def test_a_value_above_the_limit_is_refused_by_its_size(node: Node) -> None:
    body = json.dumps({"old": None, "new": b64encode(b"v" * (VALUE_BYTES_MAX + 1)).decode()})
    told = await node.ask("POST", "/v1/cas/a", body.encode())
    assert (told.status, told.code) == (413, "value-too-large")


# Methods.


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("POST", "/v1/kv/a", {"DELETE", "GET", "HEAD", "PUT"}),
        ("OPTIONS", "/v1/kv/a", {"DELETE", "GET", "HEAD", "PUT"}),
        ("POST", "/v1/kv", {"GET", "HEAD"}),
        ("GET", "/v1/cas/a", {"POST"}),
        ("PUT", "/v1/sessions", {"POST"}),
        ("POST", "/v1/status", {"GET", "HEAD"}),
        ("PUT", "/v1/members", {"GET", "HEAD", "POST"}),
        ("GET", "/v1/members/n1", {"DELETE"}),
        ("DELETE", "/livez", {"GET", "HEAD"}),
        ("DELETE", "/readyz", {"GET", "HEAD"}),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    node: Node, method: str, path: str, allowed: set[str]
) -> None:
    told = await node.ask(method, path)
    assert (told.status, told.code) == (405, "method-not-allowed")
    assert {one.strip() for one in told.headers["Allow"].split(",")} == allowed


# Options.


async def test_a_timeout_is_in_seconds_and_handed_on(node: Node) -> None:
    await node.ask("PUT", "/v1/kv/a?timeout=0.6", b"1")
    await node.ask("GET", "/v1/kv/a?timeout=2")
    await node.ask("DELETE", "/v1/kv/a")
    await node.ask("POST", "/v1/sessions?timeout=1")
    assert node.store.asked == [0.6, 2.0, None, 1.0]


@pytest.mark.parametrize(
    "target",
    [
        "/v1/kv/a?timeout=0",
        "/v1/kv/a?timeout=-1",
        "/v1/kv/a?timeout=nan",
        "/v1/kv/a?timeout=inf",
        "/v1/kv/a?timeout=301",
        "/v1/kv/a?timeout=",
        "/v1/kv/a?timeout=1&timeout=1",
        "/v1/kv/a?consistency=eventual",
        "/v1/kv/a?consistancy=stale",
        "/v1/kv/a?leader=follow",
        "/v1/kv/a?prefix=a",
        "/v1/kv?leader=",
        "/v1/kv?limit=0",
        "/v1/kv?limit=1001",
        "/v1/kv?limit=-1",
        "/v1/kv?limit=1e2",
        "/v1/kv?limit=" + "9" * 5_000,
        "/v1/kv?values=yes",
        "/v1/kv?keys=a",
        "/v1/status?leader=forward",
        "/v1/status?hash=yes",
        "/v1/status?timeout=1",
        "/v1/members?timeout=1",
        "/v1/members?force=true",
        "/livez?x",
        "/readyz?x=1",
    ],
)
async def test_an_option_that_is_not_understood_is_refused(node: Node, target: str) -> None:
    told = await node.ask("GET", target)
    assert (told.status, told.code) == (400, "bad-request")


async def test_a_write_knows_no_consistency(node: Node) -> None:
    assert (await node.ask("PUT", "/v1/kv/a?consistency=stale", b"1")).status == 400
    assert node.store.applied == 0


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match", "Content-Range"])
async def test_a_write_under_a_condition_that_is_not_kept_is_refused(node: Node, name: str) -> None:
    told = await node.ask("PUT", "/v1/kv/a", b"1", {name: '"1"'})
    assert (told.status, told.code) == (400, "bad-request")
    assert node.store.applied == 0


async def test_a_stale_read_is_answered_where_a_linearizable_one_is_not(node: Node) -> None:
    await node.ask("PUT", "/v1/kv/a", b"1")
    node.store.instead = errors.NoLeader(250)
    assert (await node.ask("GET", "/v1/kv/a?consistency=linearizable")).status == 503
    assert (await node.ask("GET", "/v1/kv/a?consistency=stale")).body == b"1"


# Pages of keys.


async def test_a_page_lists_keys_in_order_with_their_last_change(node: Node) -> None:
    for key in ("b", "a/2", "a/1", "%C3%A4", "a/1"):
        await node.ask("PUT", f"/v1/kv/{key}", key.encode())
    page = await node.ask("GET", "/v1/kv")
    assert (page.status, page.headers["Content-Type"]) == (200, "application/json")
    assert page.headers["Huffleraft-Index"] == "5"
    assert page.json == {
        "index": 5,
        "next": None,
        "keys": [
            {"key": "a/1", "version": 2, "index": 5},
            {"key": "a/2", "version": 1, "index": 2},
            {"key": "b", "version": 1, "index": 1},
            {"key": "ä", "version": 1, "index": 4},
        ],
    }


async def test_a_page_goes_on_behind_the_last_one(node: Node) -> None:
    for key in ("a/1", "a/+ 2", "a/3", "b"):
        await node.ask("PUT", f"/v1/kv/{quote(key)}", key.encode())
    after: str | None = ""
    met: list[tuple[str, str]] = []
    while after is not None:
        target = f"/v1/kv?prefix=a%2F&limit=1&values=true&after={quote(after, safe='+')}"
        page = (await node.ask("GET", target)).json
        met += [(one["key"], b64decode(one["value"]).decode()) for one in page["keys"]]
        after = page["next"]
    assert met == [(key, key) for key in ("a/+ 2", "a/1", "a/3")]


@pytest.mark.parametrize("text", ["%", "%zz", "%ff", "a" * (KEY_BYTES_MAX + 1)])
@pytest.mark.parametrize("name", ["prefix", "after"])
async def test_what_no_key_begins_with_is_refused(node: Node, name: str, text: str) -> None:
    told = await node.ask("GET", f"/v1/kv?{name}={text}")
    assert (told.status, told.code) == (400, "invalid-key")


async def test_a_page_may_be_stale_where_it_is_asked_for(node: Node) -> None:
    await node.ask("PUT", "/v1/kv/a", b"1")
    node.store.instead = errors.NoLeader(250)
    assert (await node.ask("GET", "/v1/kv?timeout=2")).status == 503
    assert node.store.asked[-1] == 2.0
    stale = await node.ask("GET", "/v1/kv?consistency=stale")
    assert [one["key"] for one in stale.json["keys"]] == ["a"]


# Who does it.


@pytest.mark.parametrize(
    "method, target, status",
    [
        ("PUT", "/v1/kv/a?", 200),
        ("GET", "/v1/kv/k?", 200),
        ("DELETE", "/v1/kv/a?", 204),
        ("POST", "/v1/cas/a?", 200),
        ("POST", "/v1/sessions?", 201),
        ("GET", "/v1/kv?", 200),
    ],
)
async def test_a_node_that_does_not_lead_hands_on_what_asks_for_it(
    node: Node, method: str, target: str, status: int
) -> None:
    node.store.instead = errors.NotLeader("n2", "10.0.0.2:7000")
    node.store.leader = SolitaryStore("n2", term=7)
    await node.store.leader.set("k", b"1")
    body = cas(None, b"1") if "cas" in target else b""
    for way in ("", "leader=redirect"):
        assert (await node.ask(method, target + way, body)).status == 307, way
    told = await node.ask(method, target + "timeout=1&leader=forward", body)
    assert told.status == status
    assert (told.headers["Huffleraft-Node"], told.headers["Huffleraft-Term"]) == ("n1", "7")
    assert node.store.leader.asked[-1] == 1.0


# Compare and set.


def cas(old: bytes | None, new: bytes) -> bytes:
    old_text = None if old is None else b64encode(old).decode()
    return json.dumps({"old": old_text, "new": b64encode(new).decode()}).encode()


async def test_cas_changes_what_it_expects_and_shows_what_it_does_not(node: Node) -> None:
    made = await node.ask("POST", "/v1/cas/a", cas(None, b"1"))
    assert (made.status, made.json) == (200, {"index": 1, "version": 1})
    assert made.headers["ETag"] == '"1"'
    refused = await node.ask("POST", "/v1/cas/a", cas(b"0", b"2"))
    assert (refused.status, refused.code) == (409, "cas-mismatch")
    assert refused.json["current"] == b64encode(b"1").decode()
    assert (refused.json["version"], refused.json["index"]) == (1, 1)
    assert refused.json["definite"] is True
    assert (await node.ask("POST", "/v1/cas/a", cas(b"1", b""))).json["version"] == 2
    missing = await node.ask("POST", "/v1/cas/b", cas(b"0", b"2"))
    assert missing.json["current"] is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"new": "MQ=="}',
        b'{"old": null}',
        b'{"old": null, "new": null}',
        b'{"old": null, "new": "MQ==", "more": 1}',
        b'{"old": null, "new": "no base64!"}',
        b'{"old": 1, "new": "MQ=="}',
        b'{"old": null, "new": "MQ=="',
        b"\xff",
        b"[" * 100_000,
    ],
)
async def test_a_cas_body_that_is_none_is_refused(node: Node, body: bytes) -> None:
    told = await node.ask("POST", "/v1/cas/a", body)
    assert (told.status, told.code) == (400, "bad-request")
    assert node.store.applied == 0


# Sessions.


async def test_a_write_under_a_session_runs_once(node: Node) -> None:
    begun = await node.ask("POST", "/v1/sessions")
    assert begun.status == 201
    stamp = {"Huffleraft-Session": str(begun.json["session"]), "Huffleraft-Sequence": "1"}
    first = await node.ask("PUT", "/v1/kv/a", b"1", stamp)
    again = await node.ask("PUT", "/v1/kv/a", b"1", stamp)
    assert again.body == first.body
    assert again.headers["Huffleraft-Replayed"] == "true"
    assert "Huffleraft-Replayed" not in first.headers
    assert (await node.ask("GET", "/v1/kv/a")).headers["Huffleraft-Version"] == "1"
    stamp["Huffleraft-Sequence"] = "2"
    for replayed in (False, True):
        gone = await node.ask("DELETE", "/v1/kv/a", b"", stamp)
        assert ("Huffleraft-Replayed" in gone.headers) is replayed
    stamp["Huffleraft-Sequence"] = "3"
    for replayed in (False, True):
        told = await node.ask("POST", "/v1/cas/a", cas(b"0", b"1"), stamp)
        assert told.code == "cas-mismatch"
        assert ("Huffleraft-Replayed" in told.headers) is replayed


async def test_a_session_that_does_not_answer_for_a_write_leaves_it_in_doubt(node: Node) -> None:
    begun = await node.ask("POST", "/v1/sessions")
    stamp = {"Huffleraft-Session": str(begun.json["session"]), "Huffleraft-Sequence": "2"}
    await node.ask("PUT", "/v1/kv/a", b"1", stamp)
    passed = await node.ask("PUT", "/v1/kv/a", b"1", stamp | {"Huffleraft-Sequence": "1"})
    assert (passed.status, passed.code) == (409, "sequence-passed")
    ended = await node.ask("PUT", "/v1/kv/a", b"1", stamp | {"Huffleraft-Session": "77"})
    assert (ended.status, ended.code) == (409, "session-unknown")
    assert passed.json["definite"] is ended.json["definite"] is False


@pytest.mark.parametrize(
    "stamp",
    [
        {"Huffleraft-Session": "1"},
        {"Huffleraft-Sequence": "1"},
        {"Huffleraft-Session": "0", "Huffleraft-Sequence": "1"},
        {"Huffleraft-Session": "1", "Huffleraft-Sequence": "-1"},
        {"Huffleraft-Session": "x", "Huffleraft-Sequence": "1"},
        {"Huffleraft-Session": "1", "Huffleraft-Sequence": "9" * 5000},
        {"Huffleraft-Session": str(1 << 63), "Huffleraft-Sequence": "1"},
    ],
)
async def test_half_a_stamp_or_none_at_all_is_refused(node: Node, stamp: dict[str, str]) -> None:
    told = await node.ask("PUT", "/v1/kv/a", b"1", stamp)
    assert (told.status, told.code) == (400, "bad-request")
    assert node.store.applied == 0


# Errors.


@pytest.mark.parametrize("method, path", [("PUT", "/v1/kv/"), ("POST", "/v1/cas/")])
async def test_who_does_not_lead_sends_on_to_who_does(node: Node, method: str, path: str) -> None:
    node.store.instead = errors.NotLeader("n2", "10.0.0.2:7000")
    told = await node.ask(method, f"{path}a%2Fb//?timeout=1", cas(None, b"1"))
    assert (told.status, told.code) == (307, "not-leader")
    assert told.headers["Location"] == f"http://10.0.0.2:7000{path}a%2Fb//?timeout=1"
    assert (told.json["leader"], told.json["leader_address"]) == ("n2", "10.0.0.2:7000")
    assert "n2" in told.json["detail"]
    assert told.json["definite"] is True


@pytest.mark.parametrize(
    "error, status, code, definite, retry_after_ms",
    [
        (errors.NotLeader(), 503, "not-leader", True, 100),
        (errors.NoLeader(300), 503, "no-leader", True, 300),
        (errors.Overloaded(1200), 503, "overloaded", True, 1200),
        (errors.ReadTimedOut(5), 503, "read-timed-out", True, 100),
        (errors.Stopping(), 503, "stopping", True, 100),
        (errors.Halted(), 503, "halted", True, 100),
        (errors.OutcomeUnknown("it was not done in time"), 504, "outcome-unknown", False, None),
        (errors.StorageFull("the disk"), 503, "storage-full", True, 100),
        (errors.StorageFailed("I/O error"), 500, "storage-failed", False, None),
        (ZeroDivisionError(), 500, "internal-error", False, None),
    ],
)
@pytest.mark.parametrize("path", ["/v1/kv/a", "/v1/cas/a"])
async def test_an_error_is_told_by_code_and_whether_it_is_definite(
    node: Node,
    path: str,
    error: Exception,
    status: int,
    code: str,
    definite: bool,
    retry_after_ms: int | None,
) -> None:
    node.store.instead = error
    told = await node.ask("PUT" if "kv" in path else "POST", path, cas(None, b"1"))
    assert (told.status, told.code, told.json["definite"]) == (status, code, definite)
    assert told.json.get("retry_after_ms") == retry_after_ms
    assert told.headers.get("Retry-After") == (
        None if retry_after_ms is None else str(-(-retry_after_ms // 1000))
    )


# The node.


async def test_livez_answers_whatever_the_store_does(node: Node) -> None:
    node.store.readiness = Readiness(False, "no leader is known", 0)
    assert (await node.ask("GET", "/livez")).status == 200


async def test_readyz_says_why_not(node: Node) -> None:
    assert (await node.ask("GET", "/readyz")).json == {"ready": True}
    node.store.readiness = Readiness(False, "7 entries are still to be applied", 7)
    told = await node.ask("GET", "/readyz")
    assert (told.status, told.code) == (503, "not-ready")
    assert (told.json["lag"], told.json["reason"]) == (7, "7 entries are still to be applied")
    assert told.headers["Retry-After"] == "1"


async def test_status_hashes_the_state_where_asked(node: Node) -> None:
    assert (await node.ask("GET", "/v1/status")).json == {"id": "n1", "term": 3}
    await node.ask("PUT", "/v1/kv/a", b"1")
    hashed = (await node.ask("GET", "/v1/status?hash=true")).json
    assert len(hashed["hash"]) == 64
    assert hashed["hash_index"] == 1
    assert "hash" not in (await node.ask("GET", "/v1/status?hash=false")).json
