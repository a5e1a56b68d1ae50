"""Which nodes a development cluster has, where they listen, and where their data is.

A cluster is known by its first configuration, addresses included, so a kept cluster must come
back on the ports it was founded on.  They stand in `cluster.json` beside the nodes' directories.
"""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from huffleraft.cli.options import UnreadableError, parse_advertised, parse_node_id
from huffleraft.errors import (
    ConfigurationInvalid,
    DataDirUnwritable,
    PortInUse,
    StorageCorrupt,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HOST = "127.0.0.1"
FIRST_PORT, LAST_PORT = 7201, 32_000
"""Where a free block is looked for: below what systems hand out for outgoing connections."""

NODES_DEFAULT, NODES_MAX = 3, 9
_FILE_BYTES_MAX = 64 << 10


@dataclass(frozen=True, slots=True)
class Layout:
    """One development cluster: {node id: address}, and the directory that holds theirs."""

    addresses: Mapping[str, str]
    data_dir: Path

    @property
    def bootstrap(self) -> str:
        """The founders, as `serve --bootstrap` reads them."""
        return ",".join(f"{node}={address}" for node, address in self.addresses.items())


def lay_out(nodes: int | None, data_dir: Path) -> Layout:
    """The cluster that *data_dir* holds, or a new one of *nodes* nodes that it holds from now on.

    Raises ConfigurationInvalid if it holds a cluster of another size, PortInUse if a port of its
    cluster is taken, DataDirUnwritable and StorageCorrupt for what they are named for.
    """
    file = data_dir / "cluster.json"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        kept = _read(file)
        if kept is None:
            addresses = _first_free_block(nodes or NODES_DEFAULT)
            _write(file, addresses)
            return Layout(addresses, data_dir)
    except OSError as error:
        raise DataDirUnwritable(str(data_dir), error.strerror or str(error)) from None
    if nodes is not None and nodes != len(kept):
        raise ConfigurationInvalid(
            f"{data_dir} holds a cluster of {len(kept)} nodes and {nodes} were asked for; "
            f"leave the number out, or give another directory"
        )
    _require_free(kept)
    return Layout(kept, data_dir)


# The file.


def _read(file: Path) -> dict[str, str] | None:
    try:
        with file.open("rb") as stream:
            text = stream.read(_FILE_BYTES_MAX)
    except FileNotFoundError:
        return None
    try:
        founders = msgspec.json.decode(text, type=dict[str, str])
        addresses = {
            parse_node_id(node): str(parse_advertised(address))
            for node, address in founders.items()
        }
    except (msgspec.MsgspecError, UnreadableError, ConfigurationInvalid) as error:
        raise StorageCorrupt(str(file), "its beginning", str(error)) from None
    if not 1 <= len(addresses) <= NODES_MAX:
        raise StorageCorrupt(str(file), "its length", f"it names {len(addresses)} nodes")
    return addresses


def _write(file: Path, addresses: Mapping[str, str]) -> None:
    """Write the file whole or not at all."""
    draft = file.with_suffix(".draft")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(addresses)) + b"\n")
    os.replace(draft, file)  # noqa: PTH105  # Path.replace, with a name that says what it does


# The ports.


def _first_free_block(count: int) -> dict[str, str]:
    for first in range(FIRST_PORT, LAST_PORT, 10):
        ports = range(first, first + count)
        if _taken(ports) is None:
            return {f"n{number}": f"{HOST}:{port}" for number, port in enumerate(ports, start=1)}
    raise PortInUse(f"{HOST}:{FIRST_PORT} and every block up to port {LAST_PORT}")


def _require_free(addresses: Mapping[str, str]) -> None:
    for address in addresses.values():
        port = int(address.rpartition(":")[2])
        if _taken([port]) is not None:
            raise PortInUse(address)


def _taken(ports: Sequence[int]) -> int | None:
    """The first of *ports* that somebody listens on; None if all can be had at once."""
    with ExitStack() as held:
        for port in ports:
            listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            # As the nodes will: a port whose last connections are only winding down is free.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, port))
                listener.listen(1)
            except OSError:
                return port
    return None
