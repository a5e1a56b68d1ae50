"""What `serve` tells about where it listens."""

import logging
from pathlib import Path

import pytest

from huffleraft.cli.options import Address, ElectionBounds
from huffleraft.cli.serving import Orders, _announce
from huffleraft.raftstore import RaftStore

pytestmark = pytest.mark.anyio


def orders_to_listen_on(host: str) -> Orders:
    return Orders(
        data_dir=Path("nowhere"),
        node_id="n1",
        listen=Address(host, 0),
        advertise=None,
        cluster="huffleraft",
        bootstrap=None,
        heartbeat_ms=100,
        election_ms=ElectionBounds(600, 1200),
        request_timeout=5.0,
        trace=None,
        log_level="info",
        backend="asyncio",
    )


@pytest.mark.parametrize("host,warnings", [("127.0.0.1", 0), ("::1", 0), ("10.0.0.1", 1)])
async def test_listening_beyond_this_machine_is_warned_of_once(
    host: str,
    warnings: int,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with RaftStore.open(tmp_path, node_id="n1") as store:
        with caplog.at_level(logging.WARNING, "huffleraft.serve"):
            _announce(orders_to_listen_on(host), store)

        told = [record.getMessage() for record in caplog.records]
        assert ["there is no authentication yet" in line for line in told] == [True] * warnings
        assert capsys.readouterr().out == (
            f"ready id=n1 listen={store.address} advertise={store.advertised} boot={store.boot}\n"
        )
