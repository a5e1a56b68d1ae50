"""What a node says of itself: all from one `Server` value, so its parts agree."""

from __future__ import annotations

from typing import Any, TypeAlias

from huffleraft.core import Candidate, Follower, Leader, PreCandidate, Role, Server

Status: TypeAlias = dict[str, Any]
"""Names as in `GET /v1/status`; every value is one that JSON knows."""


def role_name(role: Role) -> str:
    """The role in the dissertation's words (and §9.6's for the first step of a campaign)."""
    match role:
        case Follower():
            return "follower"
        case PreCandidate():
            return "pre-candidate"
        case Candidate():
            return "candidate"
        case Leader():
            return "leader"


def status_of(
    server: Server,
    *,
    cluster_id: str,
    address: str | None,
    version: str,
    installs: int,
    ready: bool,
) -> Status:
    """What *server* is, in the words of JSON.

    *installs* counts the snapshots of others that have replaced its state since this start.
    """
    return {
        "id": server.id,
        "cluster_id": cluster_id,
        "boot": server.boot,
        "address": address,
        "version": version,
        "role": role_name(server.role),
        "term": server.current_term,
        "leader": server.leader,
        "commit_index": server.commit_index,
        "last_applied": server.last_applied,
        "first_index": server.log.first_index,
        "last_index": server.log.last_index,
        "configuration": {
            "voters": list(server.configuration.voters),
            "old_voters": list(server.configuration.old_voters),
            "learners": list(server.configuration.learners),
            "addresses": dict(server.configuration.addresses),
        },
        "snapshot": _snapshot(server),
        "installs": installs,
        "ready": ready,
    }


def _snapshot(server: Server) -> Status | None:
    if server.snapshot is None:
        return None
    return {
        "last_included_index": server.snapshot.last_included_index,
        "last_included_term": server.snapshot.last_included_term,
    }
