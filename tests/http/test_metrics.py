"""What `/metrics` serves is what happened, and what `docs/metrics.md` says of it."""

import re
from pathlib import Path

import anyio
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from huffleraft import RaftStore
from huffleraft.core import PreCandidate
from huffleraft.errors import NoLeader
from huffleraft.http.problems import Problem
from tests.cli.nodes import alone, ask
from tests.http.test_routes import Node
from tests.raftstore.stores import PATIENCE, SWIFT
from tests.runtime.parts import Steps

pytestmark = pytest.mark.anyio

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "metrics.md"


def families(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


async def scraped(node: Node) -> dict[str, Metric]:
    told = await node.ask("GET", "/metrics")
    assert told.status == 200
    assert told.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return families(told.body.decode())


def value(family: Metric, suffix: str = "", **labels: str) -> float:
    """The one sample of *family* with these labels."""
    (found,) = [
        sample.value
        for sample in family.samples
        if sample.labels == labels and sample.name == family.name + suffix
    ]
    return float(found)


async def test_requests_are_counted_by_operation_and_status() -> None:
    node = Node()
    for _ in range(3):
        await node.ask("PUT", "/v1/kv/a", b"1")
    await node.ask("GET", "/v1/kv/a")
    await node.ask("GET", "/v1/kv/missing")
    await node.ask("DELETE", "/v1/kv/a")
    await node.ask("POST", "/v1/kv/a")
    await node.ask("GET", "/v1/nowhere")
    node.store.instead = NoLeader(100)
    await node.ask("PUT", "/v1/kv/a", b"1")
    node.front.problem(Problem(413, "too-large", "too large"))

    told = await scraped(node)

    requests = {
        (sample.labels["operation"], sample.labels["status"]): sample.value
        for sample in told["huffleraft_http_requests"].samples
    }
    assert requests == {
        ("set", "200"): 3,
        ("set", "503"): 1,
        ("get", "200"): 1,
        ("get", "404"): 1,
        ("delete", "204"): 1,
        ("other", "405"): 1,
        ("other", "404"): 1,
        ("other", "413"): 1,
    }
    latency = told["huffleraft_http_request_seconds"]
    assert value(latency, "_count", operation="set") == 3
    assert value(latency, "_count", operation="get") == 2
    assert 0 < value(latency, "_sum", operation="set") < 30


async def test_a_latency_stands_in_its_bucket_and_all_above() -> None:
    node = Node()
    tally = node.front._tally
    tally.count("set", 200, 0.001)
    tally.count("set", 200, 0.3)
    tally.count("set", 200, 60.0)
    tally.count("set", 503, 60.0)

    latency = (await scraped(node))["huffleraft_http_request_seconds"]

    assert value(latency, "_bucket", operation="set", le="0.001") == 1
    assert value(latency, "_bucket", operation="set", le="0.25") == 1
    assert value(latency, "_bucket", operation="set", le="0.5") == 2
    assert value(latency, "_bucket", operation="set", le="5.0") == 2
    assert value(latency, "_bucket", operation="set", le="+Inf") == 3
    assert value(latency, "_sum", operation="set") == pytest.approx(60.301)


async def test_every_metric_is_served_as_its_page_says() -> None:
    rows = re.findall(
        r"^\| `(\S+)` \| (\w+) \| ([\w, ]*?) ?\| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE
    )
    documented = {
        name: (kind, set(filter(None, labels.split(", "))), meaning)
        for name, kind, labels, meaning in rows
    }
    node = Node()
    await node.ask("GET", "/v1/kv/a")

    served = {}
    for name, family in (await scraped(node)).items():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        name_ = f"{name}_total" if family.type == "counter" else name
        served[name_] = (family.type, labels, family.documentation)

    assert served == documented


async def test_several_nodes_of_one_program_count_apart() -> None:
    first, second = Node(), Node()
    await first.ask("GET", "/v1/kv/a")

    assert (await scraped(first))["huffleraft_http_requests"].samples
    assert not (await scraped(second))["huffleraft_http_requests"].samples


def test_a_node_tells_what_it_is_and_what_happened_to_it(tmp_path: Path) -> None:
    with alone(tmp_path) as (_, address):
        assert ask("PUT", f"http://{address}/v1/kv/a", b"1")[0] == 200
        told = families(ask("GET", f"http://{address}/metrics")[1].decode())

    roles = {sample.labels["role"]: sample.value for sample in told["huffleraft_role"].samples}
    assert roles == {"follower": 0, "pre-candidate": 0, "candidate": 0, "leader": 1}
    (info,) = told["huffleraft_info"].samples
    assert info.labels["node"] == "n1"
    assert value(told["huffleraft_term"]) == 2
    assert value(told["huffleraft_boot"]) == 1
    assert value(told["huffleraft_commit_index"]) == 3
    assert value(told["huffleraft_applied_index"]) == 3
    assert value(told["huffleraft_log_entries"]) == 3
    assert value(told["huffleraft_campaigns"], "_total") == 1
    assert value(told["huffleraft_leader_changes"], "_total") == 1
    disk = {sample.labels["file"]: sample.value for sample in told["huffleraft_disk_bytes"].samples}
    assert disk["database"] > 0
    assert disk["write_ahead_log"] > 0


async def test_messages_between_nodes_are_counted(tmp_path: Path) -> None:
    """One of two founders, alone: what it sends meets no link."""
    founders = {"n1": "127.0.0.1:7901", "n2": "127.0.0.1:7902"}
    steps = Steps()
    opening = RaftStore.open(
        tmp_path, node_id="n1", bootstrap=founders, settings=SWIFT, observe=steps
    )
    async with opening as store:
        with anyio.fail_after(PATIENCE):
            await steps.until(lambda server: isinstance(server.role, PreCandidate))
        messages = store.local_api.facts().messages
    assert messages == {"sent": 0, "received": 0, "dropped": 1}
