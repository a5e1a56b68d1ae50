"""`?leader=forward`: a node that does not lead does it all the same, over the leader."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from huffleraft import RaftStore
from tests.raftstore.stores import Stores, stores

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def http_of(store: RaftStore) -> AsyncIterator[httpx2.AsyncClient]:
    """Asks *store*'s own port, and follows nothing."""
    async with httpx2.AsyncClient(
        base_url=f"http://{store.advertised}/v1/", trust_env=False, timeout=10
    ) as http:
        yield http


async def test_every_key_route_of_a_follower_is_answered_in_its_own_name(tmp_path: Path) -> None:
    async with stores(tmp_path) as cluster, http_of(cluster.followers()[0]) as http:
        follower = cluster.followers()[0]
        for method, path in (("PUT", "kv/a"), ("GET", "kv/a"), ("DELETE", "kv/a"), ("GET", "kv")):
            assert (await http.request(method, path)).status_code == 307, method

        put = await http.put("kv/a?leader=forward", content=b"1")
        assert (put.status_code, put.json()["version"]) == (200, 1)
        assert put.headers["Huffleraft-Node"] == follower.node_id
        assert int(put.headers["Huffleraft-Index"]) == put.json()["index"]
        assert int(put.headers["Huffleraft-Term"]) == cluster.leader().server.current_term

        got = await http.get("kv/a?leader=forward")
        assert (got.status_code, got.content) == (200, b"1")
        swapped = await http.post(
            "cas/a?leader=forward", content=json.dumps({"old": "MQ==", "new": "Mg=="})
        )
        assert (swapped.status_code, swapped.json()["version"]) == (200, 2)
        page = await http.get("kv?leader=forward&values=true")
        assert [(one["key"], one["value"]) for one in page.json()["keys"]] == [("a", "Mg==")]
        assert (await http.delete("kv/a?leader=forward")).status_code == 204
        missing = await http.get("kv/a?leader=forward")
        assert (missing.status_code, missing.json()["code"]) == (404, "key-not-found")


async def test_a_forwarded_write_under_a_session_runs_once(tmp_path: Path) -> None:
    async with stores(tmp_path) as cluster, http_of(cluster.followers()[0]) as http:
        begun = await http.post("sessions?leader=forward")
        assert begun.status_code == 201
        stamp = {"Huffleraft-Session": str(begun.json()["session"]), "Huffleraft-Sequence": "1"}
        first = await http.put("kv/a?leader=forward", content=b"1", headers=stamp)
        again = await http.put("kv/a?leader=forward", content=b"1", headers=stamp)
        assert again.json() == first.json()
        assert again.headers["Huffleraft-Replayed"] == "true"


async def test_the_leader_itself_does_what_it_is_asked_to_forward(tmp_path: Path) -> None:
    async with stores(tmp_path) as cluster, http_of(cluster.leader()) as http:
        assert (await http.put("kv/a?leader=forward", content=b"1")).status_code == 200


async def test_a_node_left_alone_says_whether_what_it_forwards_can_have_an_effect(
    tmp_path: Path,
) -> None:
    async with stores(tmp_path) as cluster, http_of(cluster.followers()[0]) as http:
        await leave_alone(cluster, cluster.followers()[0].node_id)
        refused = await http.put("kv/a?leader=forward&timeout=0.2", content=b"1")
        assert refused.status_code in {503, 504}
        problem = refused.json()
        assert problem["definite"] is (refused.status_code == 503)
        assert problem["code"] in {"no-leader", "overloaded", "outcome-unknown"}


async def leave_alone(cluster: Stores, node_id: str) -> None:
    """Close all nodes but one."""
    for other in [one for one in cluster.running if one != node_id]:
        await cluster.close(other)
