"""Links that are cut and heal, over real sockets and the proxy's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from jepsen_lite.proxy import CLIENTS, Fate, Link
from tests.jepsen_lite.proxy.network import Line, Network, hello, network

pytestmark = pytest.mark.anyio

THERE = Link("n1", "n2")
BACK = Link("n2", "n1")


@pytest.fixture
async def net() -> AsyncIterator[Network]:
    async with network() as net:
        yield net


async def peers(net: Network) -> tuple[Line, Line]:
    """A peer connection that n1 dialled to n2, with the hello there already."""
    n1 = await net.dial("n2")
    await n1.send(hello("n1"))
    n2 = await net.n2.met()
    assert await n2.receive(len(hello("n1"))) == hello("n1")
    return n1, n2


async def test_an_open_link_carries_both_ways_and_to_the_end(net: Network) -> None:
    n1, n2 = await peers(net)
    await n1.send(b"append")
    assert await n2.receive(6) == b"append"
    await n2.send(b"welcome")
    assert await n1.receive(7) == b"welcome"
    n1.writer.write_eof()
    assert await n2.rest() == b""
    await n2.send(b"late answer")
    n2.writer.write_eof()
    assert await n1.rest() == b"late answer"


async def test_a_cut_link_holds_and_a_heal_delivers_late_and_in_order(net: Network) -> None:
    n1, n2 = await peers(net)
    await net.proxy.cut([THERE])
    await n1.send(b"one")
    await net.until(lambda report: report.of(THERE).bytes_held == 3)
    await n1.send(b"two")
    await net.until(lambda report: report.of(THERE).bytes_held == 6)
    assert n2.has_received_nothing()
    await net.proxy.heal({THERE: Fate.DELIVER})
    await n1.send(b"three")
    assert await n2.receive(11) == b"onetwothree"


async def test_a_heal_by_reset_ends_both_ends_and_delivers_none_of_it(net: Network) -> None:
    n1, n2 = await peers(net)
    await net.proxy.cut([THERE])
    await n1.send(b"lost")
    await net.until(lambda report: report.of(THERE).bytes_held == 4)
    report = await net.proxy.heal({THERE: Fate.RESET})
    assert report.of(THERE).resets == 1
    with pytest.raises(ConnectionResetError):
        await n2.rest()
    assert n2.has_received_nothing()
    with pytest.raises(ConnectionResetError):
        await n1.rest()


async def test_a_heal_by_reset_spares_a_connection_that_holds_nothing(net: Network) -> None:
    n1, n2 = await peers(net)
    await net.proxy.cut([THERE])
    await net.proxy.heal({THERE: Fate.RESET})
    await n1.send(b"on we go")
    assert await n2.receive(8) == b"on we go"


async def test_a_one_way_cut_lets_the_other_way_through(net: Network) -> None:
    n1, n2 = await peers(net)
    await net.proxy.cut([BACK])
    await n1.send(b"heard")
    assert await n2.receive(5) == b"heard"
    await n2.send(b"unheard")
    await net.until(lambda report: report.of(BACK).bytes_held == 7)
    assert n1.has_received_nothing()
    await net.proxy.heal({BACK: Fate.DELIVER})
    assert await n1.receive(7) == b"unheard"


async def test_a_cut_names_a_link_and_not_a_connection(net: Network) -> None:
    """What n1 sends to n2 is held too where n2 dialled, and what it sends to n3 is not."""
    await net.proxy.cut([Link("n3", "n2")])
    n3 = await net.dial("n2")
    await n3.send(hello("n3"))
    await net.until(lambda report: report.of(Link("n3", "n2")).bytes_held == len(hello("n3")))
    n2_to_n3 = await net.dial("n3")
    await n2_to_n3.send(hello("n2"))
    accepted = await net.n3.met()
    assert await accepted.receive(len(hello("n2"))) == hello("n2")
    await accepted.send(b"my hello")
    await net.until(lambda report: report.of(Link("n3", "n2")).bytes_held > len(hello("n3")))
    assert n2_to_n3.has_received_nothing()
    n1, n2 = await peers(net)
    await n1.send(b"through")
    assert await n2.receive(7) == b"through"


async def test_a_node_behind_a_cut_link_does_not_learn_that_it_was_called(net: Network) -> None:
    await net.proxy.cut([THERE])
    n1 = await net.dial("n2")
    await n1.send(hello("n1"))
    report = await net.until(lambda report: report.of(THERE).bytes_held > 0)
    assert report.peer_connections == ()
    assert net.n2.accepted.empty()
    await net.proxy.heal({THERE: Fate.DELIVER})
    n2 = await net.n2.met()
    assert await n2.receive(len(hello("n1"))) == hello("n1")


async def test_what_a_node_sent_before_it_was_killed_still_arrives(net: Network) -> None:
    n1, n2 = await peers(net)
    await net.proxy.cut([THERE])
    await n1.send(b"last words")
    n1.writer.transport.abort()
    await net.until(lambda report: report.of(THERE).bytes_held == 10)
    await net.proxy.heal({THERE: Fate.DELIVER})
    assert await n2.rest() == b"last words"


async def test_the_end_of_a_stream_is_held_like_its_bytes(net: Network) -> None:
    n1, n2 = await peers(net)
    await net.proxy.cut([BACK])
    await n2.send(b"bye")
    n2.writer.close()
    await net.until(lambda report: report.of(BACK).bytes_held == 3)
    await n1.send(b"still talking")
    assert not n1.reader.at_eof()
    await net.proxy.heal({BACK: Fate.DELIVER})
    assert await n1.rest() == b"bye"


async def test_words_for_one_who_has_left_do_not_disturb_a_heal(net: Network) -> None:
    """The answer meets a closed socket; the end behind it then meets one that was reset."""
    n1, n2 = await peers(net)
    await net.proxy.cut([BACK])
    n1.writer.close()
    assert await n2.rest() == b""
    await n2.send(b"answer")
    n2.writer.close()
    await net.until(lambda report: report.of(BACK).bytes_held == 6)
    report = await net.proxy.heal({BACK: Fate.DELIVER})
    assert report.of(BACK).bytes_passed == 6


async def test_a_slow_link_delays_and_keeps_the_order(net: Network) -> None:
    n1, n2 = await peers(net)
    await net.proxy.delay({THERE: 0.05})
    for word in (b"one", b"two", b"three"):
        await n1.send(word)
    assert await n2.receive(11) == b"onetwothree"
    report = await net.proxy.delay({THERE: 0})
    assert report.of(THERE).bytes_delayed == 11


async def test_the_end_of_a_delay_lets_go_what_waited_for_it(net: Network) -> None:
    n1, n2 = await peers(net)
    await net.proxy.delay({THERE: 60.0})
    await n1.send(b"patience")
    await net.until(lambda report: report.of(THERE).bytes_delayed == 8)
    assert n2.has_received_nothing()
    await net.proxy.delay({THERE: 0})
    assert await n2.receive(8) == b"patience"


async def test_a_cut_link_holds_a_bounded_number_of_bytes_and_then_feels_full(net: Network) -> None:
    n1, n2 = await peers(net)
    await net.proxy.cut([THERE])
    sent = 32 << 20
    n1.writer.write(bytes(sent))
    await net.until(lambda report: report.of(THERE).bytes_held >= 4 << 20)
    for _ in range(300):  # turns of the proxy in which it could read all the rest, 256 KiB each
        await net.proxy.report()
    report = await net.proxy.report()
    assert report.of(THERE).bytes_held < 6 << 20
    assert n1.writer.transport.get_write_buffer_size() > 0
    await net.proxy.heal({THERE: Fate.DELIVER})
    assert len(await n2.receive(sent)) == sent


async def test_clients_are_no_link_between_nodes(net: Network) -> None:
    everything = [
        Link(source, target)
        for source in ("n1", "n2", "n3")
        for target in ("n1", "n2", "n3")
        if source != target
    ]
    await net.proxy.cut(everything)
    client = await net.dial("n2")
    await client.send(b"GET /livez HTTP/1.1\r\n\r\n")
    n2 = await net.n2.met()
    assert await n2.receive(23) == b"GET /livez HTTP/1.1\r\n\r\n"
    await n2.send(b"HTTP/1.1 200 OK\r\n\r\n")
    assert await client.receive(19) == b"HTTP/1.1 200 OK\r\n\r\n"


async def test_cutting_clients_is_a_fault_of_its_own(net: Network) -> None:
    asking = Link(CLIENTS, "n2")
    await net.proxy.cut([asking])
    client = await net.dial("n2")
    await client.send(b"PUT")
    await net.until(lambda report: report.of(asking).bytes_held == 3)
    client.writer.close()
    await net.proxy.heal({asking: Fate.DELIVER})
    n2 = await net.n2.met()
    assert await n2.rest() == b"PUT"
