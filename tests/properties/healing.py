"""How a schedule ends: everything heals, and then the cluster must get on."""

from __future__ import annotations

from huffleraft.core import ClientRequested, Committed, Leader, NodeId, Reply, Server, Timer
from huffleraft.core.in_force import may_campaign
from huffleraft.core.invariants import require
from tests.core.cluster import CoreCluster


def heal(cluster: CoreCluster) -> NodeId:
    """Restart what is down, let all settle, elect somebody, and commit a command; who leads then.

    Those who may campaign try in turn, the longest log first.  When one has led a command through,
    every member has all that is committed, and no change of members is left half done.
    """
    for node in sorted(cluster.nodes):
        if node not in cluster.running:
            cluster.restart(node)
    cluster.stabilize()
    for turn in range(len(cluster.nodes) + 1):
        for node in cluster.running:
            cluster.expire(node, Timer.STICKINESS)
        able = [node for node in cluster.running if may_campaign(cluster[node])]
        able.sort(key=lambda node: (cluster[node].log.last_id, node), reverse=True)
        candidate = able[turn // 2 % len(able)]
        if not isinstance(cluster[candidate].role, Leader):
            cluster.campaign(candidate)
        cluster.stabilize()
        if (leader := _who_commits(cluster)) is not None:
            _require_all_done(cluster, cluster[leader])
            return leader
    message = "a healed cluster makes no progress"
    raise AssertionError(message)


def _who_commits(cluster: CoreCluster) -> NodeId | None:
    for node in cluster.running:
        if isinstance(cluster[node].role, Leader):
            ref = cluster.new_ref()
            cluster.expire(node, Timer.HEARTBEAT)
            cluster.event(node, ClientRequested(((ref, b"after all"),)))
            cluster.stabilize()
            cluster.check()
            reply = cluster.replies.get(ref)
            committed = isinstance(reply, Reply) and isinstance(reply.outcome, Committed)
            if committed and isinstance(cluster[node].role, Leader):
                cluster.expire(node, Timer.HEARTBEAT)
                cluster.stabilize()
                cluster.check()
                return node
    return None


def _require_all_done(cluster: CoreCluster, leader: Server) -> None:
    for node in leader.configuration.members:
        require(
            cluster[node].commit_index == len(cluster.history.committed),
            "NobodyLags",
            "{} has committed {}",
            node,
            cluster[node].commit_index,
        )
    require(
        not leader.configuration.is_joint and leader.membership.index <= leader.commit_index,
        "ChangesEnd",
        "{} leads under {}, commit {}",
        leader.id,
        leader.membership,
        leader.commit_index,
    )
