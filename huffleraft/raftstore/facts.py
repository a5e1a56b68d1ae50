"""A node's numbers, gathered when somebody asks for them."""

from __future__ import annotations

from pathlib import Path

from huffleraft import __version__
from huffleraft.http.api import Facts
from huffleraft.raftstore.opening import Opened
from huffleraft.raftstore.status import role_name
from huffleraft.store.directory import file_sizes


def facts_of(opened: Opened, data_dir: Path | None) -> Facts:
    """What is to be counted of *opened* now; *data_dir* is None for a disk in memory."""
    node, network = opened.node, opened.network
    server = node.server
    campaigns, leader_changes = node.elections
    messages = {"received": node.messages_received}
    if network is not None:
        messages |= {"sent": network.sent, "dropped": network.dropped}
    return Facts(
        node_id=server.id,
        cluster_id=opened.cluster_id,
        version=__version__,
        boot=server.boot,
        role=role_name(server.role),
        term=server.current_term,
        leader_known=server.leader is not None,
        commit_index=server.commit_index,
        applied=node.applied,
        log_entries=len(server.log),
        campaigns=campaigns,
        leader_changes=leader_changes,
        messages=messages,
        disk_bytes=_sizes(data_dir),
    )


def _sizes(data_dir: Path | None) -> dict[str, int]:
    if data_dir is None:
        return {}
    try:
        return file_sizes(data_dir)
    except OSError:  # the disk is gone: what it weighs is the least of it
        return {}
