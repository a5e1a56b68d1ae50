"""Who owns an address, who calls there, and what the proxy says of it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from huffleraft.runtime.frames import MAGIC
from jepsen_lite.proxy import CLIENTS, Fate, Link, PeerConnection, Proxy, ProxyFailed
from jepsen_lite.proxy.opening import FromClient, FromPeer, FromStranger, who_calls
from jepsen_lite.proxy.ports import first_ephemeral_port, keep_ports, listen_on
from tests.jepsen_lite.proxy.network import Network, hello, network

pytestmark = pytest.mark.anyio


@pytest.fixture
async def net() -> AsyncIterator[Network]:
    async with network() as net:
        yield net


async def test_addresses_stand_below_the_ports_that_kernels_hand_out(net: Network) -> None:
    ports = [int(address.split(":")[1]) for address in net.proxy.addresses.values()]
    assert len(set(ports)) == 3
    assert all(port < first_ephemeral_port() for port in ports)


async def test_a_node_that_is_down_is_refused_as_by_a_kernel(net: Network) -> None:
    with pytest.raises(ConnectionRefusedError):
        await net.dial("n1")
    await net.proxy.withdraw("n2")
    with pytest.raises(ConnectionRefusedError):
        await net.dial("n2")


async def test_a_node_that_comes_back_elsewhere_keeps_its_address(net: Network) -> None:
    await net.proxy.withdraw("n2")
    await net.proxy.point("n2", await net.n3.listen())
    line = await net.dial("n2")
    await line.send(hello("n1", boot=2))
    met = await net.n3.met()
    assert await met.receive(len(hello("n1"))) == hello("n1", boot=2)


async def test_the_report_names_each_peer_connection_by_the_port_the_node_sees(
    net: Network,
) -> None:
    line = await net.dial("n2")
    await line.send(hello("n3", boot=7))
    met = await net.n2.met()
    report = await net.until(lambda report: bool(report.peer_connections))
    assert report.peer_connections == (PeerConnection("n3", 7, "n2", met.remote_port),)
    assert report.of(Link("n3", "n2")).connections == 1


async def test_a_caller_that_claims_an_unknown_node_is_reset_and_counted(net: Network) -> None:
    line = await net.dial("n2")
    await line.send(hello("n9"))
    with pytest.raises(ConnectionResetError):
        await line.rest()
    assert (await net.proxy.report()).strangers == 1


async def test_a_command_that_makes_no_sense_is_refused_in_a_sentence(net: Network) -> None:
    with pytest.raises(ProxyFailed, match="no node 'n9' here; there are n1, n2, n3"):
        await net.proxy.point("n9", 80)
    with pytest.raises(ProxyFailed, match="no link n1>n1 here"):
        await net.proxy.cut([Link("n1", "n1")])
    with pytest.raises(ProxyFailed, match="a delay is from 0 to 60 seconds"):
        await net.proxy.delay({Link("n1", "n2"): -1.0})
    with pytest.raises(ProxyFailed, match="0 is no port"):
        await net.proxy.point("n1", 0)


async def test_a_node_that_is_made_later_has_an_address_and_every_link(net: Network) -> None:
    address = await net.proxy.add("n4")
    assert net.proxy.addresses["n4"] == address
    assert int(address.split(":")[1]) < first_ephemeral_port()
    with pytest.raises(ConnectionRefusedError):
        await net.dial("n4")
    await net.proxy.point("n4", await net.n3.listen())
    line = await net.dial("n4")
    await line.send(hello("n2"))
    met = await net.n3.met()
    assert await met.receive(len(hello("n2"))) == hello("n2")
    there, back = Link("n2", "n4"), Link("n4", "n2")
    await net.proxy.cut([there, back, Link("n4", "n1"), Link("n1", "n4"), Link(CLIENTS, "n4")])
    await line.send(b"held")
    await net.until(lambda report: report.of(there).bytes_held == 4)
    assert met.has_received_nothing()
    await net.proxy.heal({there: Fate.DELIVER})
    assert await met.receive(4) == b"held"


async def test_an_id_is_given_once_and_no_node_is_called_clients(net: Network) -> None:
    for node in ("n1", CLIENTS):
        with pytest.raises(ProxyFailed, match="is here already; a new node needs a new id"):
            await net.proxy.add(node)


async def test_the_proxy_ends_when_its_harness_lets_go() -> None:
    async with Proxy.start(("n1",)) as proxy:
        process = proxy._process
    assert process.returncode == 0


async def test_a_proxy_that_died_says_so() -> None:
    async with Proxy.start(("n1",)) as proxy:
        proxy._process.kill()
        await proxy._process.wait()
        with pytest.raises(ProxyFailed, match="the proxy's process has ended"):
            await proxy.report()


async def test_a_kept_port_is_refused_to_others_and_can_be_listened_on_again() -> None:
    (keeper,) = keep_ports(1)
    host, port = keeper.getsockname()
    try:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, port)
        for _ in range(2):
            listener = listen_on(keeper)
            _, writer = await asyncio.open_connection(host, port)
            writer.transport.abort()
            listener.close()
    finally:
        keeper.close()


def test_the_first_bytes_name_the_sender_as_soon_as_they_can() -> None:
    whole = hello("n2", boot=3)
    told = [who_calls(whole[:length]) for length in range(1, len(whole) + 1)]
    assert set(told[:-1]) == {None}
    assert told[-1] == FromPeer("n2", 3)
    assert who_calls(whole + b"\x00\x00\x00\x00") == FromPeer("n2", 3)
    assert who_calls(b"G") == FromClient()


@pytest.mark.parametrize(
    "opening",
    [
        MAGIC + b"\xff\xff\xff\xff",
        MAGIC + b"\x00\x00\x00\x01\xc0",
        MAGIC + b"\x00\x00\xff\xff" + bytes(9_000),
    ],
)
def test_a_handshake_that_is_none_is_a_strangers(opening: bytes) -> None:
    assert isinstance(who_calls(opening), FromStranger)
