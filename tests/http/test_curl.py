"""What the README promises a person at a terminal: `curl -L` on any node of a real cluster."""

import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from huffleraft.client import Client, Patience
from huffleraft.raftstore import RaftStore
from huffleraft.settings import NodeSettings

CURL = shutil.which("curl")

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        CURL is None and os.environ.get("HUFFLERAFT_CI") != "1", reason="there is no curl here"
    ),
]

QUICK = NodeSettings(
    heartbeat=0.05, election_min=0.3, election_max=0.6, founding_patience=0.05, redial_max=0.1
)


def free_addresses(count: int) -> list[str]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in held]
    finally:
        for one in held:
            one.close()


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[dict[str, RaftStore]]:
    """Three nodes with their ports, once all know the leader."""
    founders = {f"n{n}": address for n, address in enumerate(free_addresses(3), 1)}
    async with AsyncExitStack() as stack:
        stores = {}
        for node_id, address in founders.items():
            opened = RaftStore.open(
                folder / node_id,
                node_id=node_id,
                listen=address,
                bootstrap=founders,
                settings=QUICK,
            )
            stores[node_id] = await stack.enter_async_context(opened)
        with anyio.fail_after(20):
            for store in stores.values():
                await store.leader_known()
        yield stores


async def curl(*arguments: str) -> bytes:
    """What curl prints; it must succeed, in the protocol and in the status."""
    assert CURL is not None, "HUFFLERAFT_CI=1 says that curl must be here, and it is not"
    done = await anyio.run_process([CURL, "-sS", "-L", "--fail", "--max-time", "20", *arguments])
    return done.stdout


async def test_curl_sets_gets_and_deletes_on_any_node(tmp_path: Path) -> None:
    async with cluster(tmp_path) as stores:
        for store in stores.values():
            for reader in stores.values():
                value = f"by {store.node_id}"
                key = f"http://{store.address}/v1/kv/a%2Fb//{store.node_id}"
                await curl("-X", "PUT", "--data-binary", value, key)
                same = key.replace(store.address or "", reader.address or "")
                assert await curl(same) == value.encode()
                await curl("-X", "DELETE", key)
                code = await curl_status(same)
                assert code == b"404"


async def curl_status(*arguments: str) -> bytes:
    assert CURL is not None
    command = [CURL, "-sS", "-L", "-o", os.devnull, "-w", "%{http_code}", "--max-time", "20"]
    return (await anyio.run_process([*command, *arguments])).stdout


async def test_curl_uploads_a_large_file_through_a_redirect(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(1 << 20))
    too_large = tmp_path / "too-large"
    too_large.write_bytes(bytes((1 << 20) + 1))
    async with cluster(tmp_path / "nodes") as stores:
        for store in stores.values():
            url = f"http://{store.address}/v1/kv/large"
            await curl("-T", str(large), url)
            assert await curl(url) == large.read_bytes()
            for expect in ("Expect: 100-continue", "Expect:"):
                assert await curl_status("-H", expect, "-T", str(too_large), url) == b"413"
            chunked = "Transfer-Encoding: chunked"
            assert await curl_status("-H", chunked, "-T", str(too_large), url) == b"413"


async def test_the_client_uses_a_real_cluster_from_any_node(tmp_path: Path) -> None:
    async with cluster(tmp_path) as stores:
        for number, store in enumerate(stores.values(), 1):
            assert store.address is not None
            patience = Patience(total=20.0)
            async with Client([store.address], patience=patience) as client:
                written = await client.set("k", store.node_id.encode())
                assert written.version == number
                assert written.served.index == written.index
                read = await client.get("k")
                assert read.value == store.node_id.encode()
                assert read.served.index is not None
                assert read.served.index >= written.index
                assert read.served.node in stores


async def test_every_node_serves_its_state(tmp_path: Path) -> None:
    async with cluster(tmp_path) as stores:
        for store in stores.values():
            assert await curl(f"http://{store.address}/livez") == b'{"live":true}\n'
            with anyio.fail_after(20):
                while await curl_status(f"http://{store.address}/readyz") != b"200":
                    await anyio.lowlevel.checkpoint()
            status = await curl(f"http://{store.address}/v1/status?hash=true")
            assert f'"id":"{store.node_id}"'.encode() in status
            assert b'"hash":"' in status
