"""Where a development cluster is: the first free block of ports, kept with its data."""

import socket
from pathlib import Path

import pytest

from huffleraft.cli.layout import FIRST_PORT, lay_out
from huffleraft.errors import (
    ConfigurationInvalid,
    DataDirUnwritable,
    PortInUse,
    StorageCorrupt,
)


def test_a_new_cluster_gets_neighbouring_ports(tmp_path: Path) -> None:
    layout = lay_out(5, tmp_path / "new" / "deep")

    ports = [int(address.rpartition(":")[2]) for address in layout.addresses.values()]
    assert list(layout.addresses) == ["n1", "n2", "n3", "n4", "n5"]
    assert ports == list(range(ports[0], ports[0] + 5))
    assert ports[0] >= FIRST_PORT


def test_a_block_with_a_taken_port_is_passed_over(tmp_path: Path) -> None:
    second = lay_out(2, tmp_path / "a").addresses["n2"]
    host, _, port = second.rpartition(":")
    with socket.create_server((host, int(port))):
        assert second not in lay_out(2, tmp_path / "b").addresses.values()


def test_a_kept_cluster_comes_back_on_its_own_ports(tmp_path: Path) -> None:
    first = lay_out(2, tmp_path)

    assert lay_out(None, tmp_path) == first
    assert lay_out(2, tmp_path) == first


def test_a_kept_cluster_whose_port_is_taken_says_which(tmp_path: Path) -> None:
    taken = lay_out(2, tmp_path).addresses["n2"]
    host, _, port = taken.rpartition(":")
    with (
        socket.create_server((host, int(port))),
        pytest.raises(PortInUse, match=f"{taken} is in use"),
    ):
        lay_out(None, tmp_path)


def test_a_kept_cluster_of_another_size_is_refused(tmp_path: Path) -> None:
    lay_out(2, tmp_path)

    with pytest.raises(ConfigurationInvalid, match="holds a cluster of 2 nodes and 3 were asked"):
        lay_out(3, tmp_path)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"{}", b'{"n 1": "a:1"}', b'{"n1": "a"}', b'{"n1": 5}', b"\xff"]
)
def test_a_damaged_file_is_named(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "cluster.json").write_bytes(text)

    with pytest.raises(StorageCorrupt, match=r"cluster\.json is damaged"):
        lay_out(None, tmp_path)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DataDirUnwritable, match="cannot be used as a data directory"):
        lay_out(1, tmp_path / "file" / "below")
