"""A node's time between its opening and its closing, as a block of the program that embeds it.

The node's tasks live in a group of their own, and the block is none of them: what the block
raises leaves it unwrapped, and what ends the node cancels the block and is raised at its end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketListener, TaskGroup, TaskStatus

from huffleraft.errors import HuffleraftError, MemberRefused, MemberRemoved
from huffleraft.http.listener import Listener
from huffleraft.raftstore.joining import Joining
from huffleraft.raftstore.local_api import LocalApi
from huffleraft.raftstore.opening import Opened
from huffleraft.runtime.node import Node
from huffleraft.settings import NodeSettings

_GRACE = 0.8
"""The part of `stop_timeout` in which clients may take their last answers."""

_LAST_WORDS = 0.2
"""The same where the node has failed, and there is nothing to wait for."""


@asynccontextmanager
async def running(
    opened: Opened, api: LocalApi, joining: Joining | None, settings: NodeSettings
) -> AsyncIterator[None]:
    """Run *opened* while the block runs; then stop it in good order, and close it.

    *joining* is what it asks of the others meanwhile.

    Raises what the block raises, else what ended the node: StorageFailed, Halted, MemberRemoved or
    MemberRefused.
    """
    raised: BaseException | None = None
    listener = None
    if opened.network is not None:
        listener = Listener(api, opened.network.serve_peer)
    try:
        async with anyio.create_task_group() as tasks:
            try:
                await _start(opened, listener, settings, tasks)
                if joining is not None:
                    tasks.start_soon(_join, opened.node, joining, name="joining")
                yield
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as error:  # noqa: BLE001  # raised below, outside of the group
                raised = error
            finally:
                with anyio.CancelScope(shield=True):
                    await _stop(opened, listener, settings)
                tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await opened.close()
    raised = raised or opened.node.failure
    if raised is not None:
        raise raised


async def _start(
    opened: Opened, listener: Listener | None, settings: NodeSettings, tasks: TaskGroup
) -> None:
    node = opened.node
    if opened.hub is not None:
        opened.hub.attach(node.server.id, node)
    if opened.network is not None:
        await tasks.start(opened.network.run, node)
    await tasks.start(_run_node, opened, listener, settings, tasks)
    if listener is not None and opened.listening is not None:
        await tasks.start(listener.serve, await SocketListener.from_socket(opened.listening))


async def _join(node: Node, joining: Joining) -> None:
    try:
        await joining.run()
    except (MemberRefused, MemberRemoved) as refusal:
        node.end_because(refusal)


async def _run_node(
    opened: Opened,
    listener: Listener | None,
    settings: NodeSettings,
    tasks: TaskGroup,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    try:
        await opened.node.run(task_status=task_status)
    except HuffleraftError:
        # `Node.failure` keeps it.  Whatever runs beside the node has nothing left to do, but
        # clients are told what the node's last words to them were.
        if listener is not None:
            await listener.stop(_LAST_WORDS * settings.stop_timeout)
        tasks.cancel_scope.cancel()


async def _stop(opened: Opened, listener: Listener | None, settings: NodeSettings) -> None:
    """Finish or fail what is under way, for the node and its clients at once."""
    with anyio.move_on_after(settings.stop_timeout):
        async with anyio.create_task_group() as stops:
            if listener is not None:
                stops.start_soon(listener.stop, _GRACE * settings.stop_timeout)
            stops.start_soon(opened.node.stop)
    if opened.hub is not None:
        opened.hub.detach(opened.node.server.id)
