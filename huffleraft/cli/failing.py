"""How a command that asks a cluster fails: one sentence on standard error, and a number."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from huffleraft.client import OperationFailed


def end(code: int, sentence: str) -> NoReturn:
    """End the process with *code*, and say why."""
    print(f"huffleraft: {sentence}", file=sys.stderr)
    raise typer.Exit(code)


def advised(failed: OperationFailed, endpoints: str, *, in_doubt: str) -> str:
    """What failed, and what to do: *in_doubt* is the advice where it may have taken effect."""
    return f"{str(failed).rstrip('.')}; {_advice(failed, endpoints, in_doubt)}"


def _advice(failed: OperationFailed, endpoints: str, in_doubt: str) -> str:
    if not failed.definite:
        return in_doubt
    if failed.code == "unreachable":
        return (
            f"start a node at {endpoints}, or name running ones with --endpoints or "
            "HUFFLERAFT_ENDPOINTS"
        )
    return "see that a majority of the cluster's nodes runs, and try again"
