"""Clusters of stand-ins, as the tests of the harness use them."""

from __future__ import annotations

import sys

from jepsen_lite.cluster import ClusterConfig

PATIENCE = 20.0
STANDIN = (sys.executable, "-m", "tests.jepsen_lite.cluster.standin")


def stand_ins(size: int = 3, *arguments: str) -> ClusterConfig:
    return ClusterConfig(size=size, program=STANDIN, serve_arguments=arguments)
