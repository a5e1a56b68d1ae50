"""One node becomes five, and each of them is as good to ask as any other.

    python examples/five_nodes.py

Five stores in one program, each with a directory and a port of its own; in earnest they would be
five programs on five machines, and say the same.
"""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio

from huffleraft import RaftStore
from huffleraft.kv.queries import Found


async def story(directory: Path) -> None:
    """Tell it, with the nodes' data in *directory*."""
    async with AsyncExitStack() as running:

        async def start(name: str, **options: Any) -> RaftStore:
            """A node, which runs until the story ends."""
            opening = RaftStore.open(directory / name, node_id=name, **options)
            return await running.enter_async_context(opening)

        async def join(name: str, *, through: RaftStore) -> RaftStore:
            """A newcomer, once the member *through* has let it in, and it votes."""
            newcomer = await start(name, join=through.address)
            assert newcomer.address is not None, "it listens, as it was not told not to"
            await through.join(newcomer.address)
            return newcomer

        print("n1 is a cluster of its own.")
        n1 = await start("n1")
        for key, value in {"a": b"1", "b": b"2", "c": b"3", "d": b"4"}.items():
            await n1.set(key, value)
        await show("a", n1)
        await n1.delete("a")
        await show("a", n1)

        print("n2 and n3 join it. What was set before they existed, they hold as well.")
        n2 = await join("n2", through=n1)
        n3 = await join("n3", through=n1)
        await show("b", n3, n2)

        print("100 sets through n3, whoever leads.")
        for number in range(100):
            await n3.set(f"key-{number}", str(number).encode())
        await show("key-99", n1, n2, n3)
        await n3.delete("key-99")
        await show("key-99", n1, n2, n3)

        print("n4 joins through n3, and n5 through n2.")
        n4 = await join("n4", through=n3)
        n5 = await join("n5", through=n2)
        await show("key-42", n4, n5)

        print("All of them vote:", *(member.node_id for member in n5.members().members))


async def show(key: str, *nodes: RaftStore) -> None:
    """Read *key* on each of *nodes*."""
    for node in nodes:
        found = await node.get(key)
        value = found.value.decode() if isinstance(found, Found) else "nothing"
        print(f"  {node.node_id} reads {key}: {value}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        anyio.run(story, Path(temporary))
