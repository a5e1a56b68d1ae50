"""`GET /metrics`: what a node counts, in the text format of Prometheus.

Nothing is kept in the library's own counters: a collector reads the node's plain numbers when
somebody asks, so being watched costs a node nothing while it works.  Each page has a registry of
its own, for one program may hold several nodes.  Labels have few values: never a key, a client
or an address.  `docs/metrics.md` lists them all, in these words.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from huffleraft.http.api import Facts
from huffleraft.http.tally import BOUNDS, TIMED, Latencies, Tally

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

ROLES: Final = ("follower", "pre-candidate", "candidate", "leader")


def page(facts: Facts, tally: Tally) -> bytes:
    """The page that tells *facts* and *tally*."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Node(facts, tally))
    return generate_latest(registry)


class _Node(Collector):
    """One node's numbers, as the library wants them."""

    def __init__(self, facts: Facts, tally: Tally) -> None:
        self._facts = facts
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """Every family, once."""
        yield from self._protocol()
        yield from self._storage()
        yield from self._requests()

    def _protocol(self) -> Iterator[Metric]:
        facts = self._facts
        info = GaugeMetricFamily(
            "huffleraft_info",
            "Always 1; its labels say who the node is.",
            labels=("node", "cluster_id", "version"),
        )
        info.add_metric((facts.node_id, facts.cluster_id, facts.version), 1)
        yield info
        role = GaugeMetricFamily(
            "huffleraft_role",
            "1 for the role that the node has, 0 for the others.",
            labels=("role",),
        )
        for name in ROLES:
            role.add_metric((name,), name == facts.role)
        yield role
        yield GaugeMetricFamily("huffleraft_boot", "How often the node has started.", facts.boot)
        yield GaugeMetricFamily("huffleraft_term", "The term that the node is in.", facts.term)
        yield GaugeMetricFamily(
            "huffleraft_leader_known",
            "1 while the node knows who leads, else 0.",
            facts.leader_known,
        )
        yield GaugeMetricFamily(
            "huffleraft_commit_index",
            "The index up to which the node knows the log to be committed.",
            facts.commit_index,
        )
        yield GaugeMetricFamily(
            "huffleraft_applied_index",
            "The index up to which the node's rows stand.",
            facts.applied,
        )
        yield GaugeMetricFamily(
            "huffleraft_apply_lag_entries",
            "Entries that are committed and not applied yet.",
            max(0, facts.commit_index - facts.applied),
        )
        yield GaugeMetricFamily(
            "huffleraft_log_entries", "Entries that the node's log holds.", facts.log_entries
        )
        yield CounterMetricFamily(
            "huffleraft_campaigns",
            "Elections that the node has stood in since it started.",
            facts.campaigns,
        )
        yield CounterMetricFamily(
            "huffleraft_leader_changes",
            "Leaders that the node has come to know since it started, itself among them.",
            facts.leader_changes,
        )
        messages = CounterMetricFamily(
            "huffleraft_peer_messages",
            "Messages to and from other nodes: sent, received, or dropped for want of a link or "
            "of room.",
            labels=("fate",),
        )
        for fate, count in facts.messages.items():
            messages.add_metric((fate,), count)
        yield messages

    def _storage(self) -> Iterator[Metric]:
        disk = GaugeMetricFamily(
            "huffleraft_disk_bytes",
            "The size of the database, of its write-ahead log, and of all else in the directory.",
            labels=("file",),
        )
        for file, size in self._facts.disk_bytes.items():
            disk.add_metric((file,), size)
        yield disk

    def _requests(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "huffleraft_http_requests",
            "Requests answered, by what they ask of a key (other: of none) and by status.",
            labels=("operation", "status"),
        )
        for (operation, status), count in sorted(self._tally.requests.items()):
            requests.add_metric((operation, str(status)), count)
        yield requests
        latency = HistogramMetricFamily(
            "huffleraft_http_request_seconds",
            "How long a get or a set took that was carried out, from its last byte read to its "
            "answer.",
            labels=("operation",),
        )
        for operation in TIMED:
            one = self._tally.latencies[operation]
            latency.add_metric((operation,), _buckets(one), one.total)
        yield latency


def _buckets(latencies: Latencies) -> list[tuple[str, float]]:
    """Prometheus's buckets hold all that is below their bound."""
    names = [*map(str, BOUNDS), "+Inf"]
    return list(zip(names, map(float, accumulate(latencies.counts)), strict=True))
