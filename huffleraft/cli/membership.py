"""What `cluster members`, `join`, `remove` and `transfer` do, by the client."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from huffleraft.cli.failing import advised, end
from huffleraft.cli.options import Addresses
from huffleraft.cli.output import Output, print_json, print_table
from huffleraft.client import Joined, Left, OperationFailed, Patience, SyncClient

REFUSED: Final = 1
NO_EFFECT: Final = 3
UNFINISHED: Final = 4

_STEP_SECONDS: Final = 5.0
"""For one step; then whoever looks on learns why it takes so long, and it is tried again."""

_AGAIN: Final = "say it again, which does no harm, or see `huffleraft cluster members`"

_LOOK: Final = "see who leads by `huffleraft cluster status` before it is said again"

T = TypeVar("T", bound=Joined | Left)

Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom to ask, for how long, and how to tell what came of it."""

    endpoints: Addresses
    seconds: float
    output: Output

    def client(self, seconds: float) -> SyncClient:
        """A client that tries for so long."""
        return SyncClient(self.endpoints.each, patience=Patience(total=seconds))


def members(asking: Asking) -> None:
    """Tell who belongs to the cluster, as the node that answers knows it."""
    with _ended_well(asking), asking.client(asking.seconds) as client:
        roster = client.members()
    if asking.output is Output.JSON:
        document = {
            "cluster_id": roster.cluster_id,
            "leader": roster.leader,
            "index": roster.index,
            "joint": roster.joint,
            "members": [
                {"id": one.node_id, "address": one.address, "standing": one.standing}
                for one in roster.members
            ],
        }
        print_json(document)
        return
    print_table(
        ("ID", "ADDRESS", "STANDING", "LEADS"),
        [
            (one.node_id, one.address, one.standing, one.node_id == roster.leader)
            for one in roster.members
        ],
    )
    if roster.joint:
        print("huffleraft: the voters are being changed now", file=sys.stderr)


def join(asking: Asking, address: str, node_id: str | None, *, learner: bool) -> None:
    """Have the node at *address* let in, step by step until it is what it is to be."""

    def step(client: SyncClient) -> Joined:
        return client.join(address, node_id=node_id, learner=learner)

    joined = _done(asking, f"join {address}", step)
    member = joined.member
    if asking.output is Output.JSON:
        told = {"id": member.node_id, "address": member.address, "standing": member.standing}
        print_json({**told, "index": joined.index})
    else:
        row = (member.node_id, member.address, member.standing, joined.index)
        print_table(("ID", "ADDRESS", "STANDING", "INDEX"), [row])


def remove(asking: Asking, node_id: str, *, force: bool) -> None:
    """Remove a member."""

    def step(client: SyncClient) -> Left:
        return client.remove(node_id, force=force)

    left = _done(asking, f"remove {node_id}", step)
    if asking.output is Output.JSON:
        print_json({"id": left.node_id, "index": left.index})
    else:
        print_table(("ID", "STANDING", "INDEX"), [(left.node_id, "removed", left.index)])


def transfer(asking: Asking, node_id: str | None) -> None:
    """Let another member lead."""
    with _ended_well(asking, in_doubt=_LOOK), asking.client(asking.seconds) as client:
        leads = client.transfer(node_id)
    if asking.output is Output.JSON:
        print_json({"leader": leads.node_id, "term": leads.term})
    else:
        print_table(("LEADER", "TERM"), [(leads.node_id, leads.term)])


# Step by step.


def _done(asking: Asking, what: str, step: Callable[[SyncClient], T]) -> T:
    """What the last *step* came to; each goes to whichever node answers."""
    deadline = time.monotonic() + asking.seconds
    begun = False
    with _ended_well(asking), _progress(what) as say:
        while True:
            left = deadline - time.monotonic()
            pause = 0.0
            try:
                with asking.client(min(max(left, 0.001), _STEP_SECONDS)) as client:
                    outcome = step(client)
            except OperationFailed as failed:
                if _is_refused(failed):
                    raise
                begun = begun or not failed.definite
                say(failed.attempts[-1].detail if failed.attempts else failed.code)
                last_words = advised(failed, str(asking.endpoints), in_doubt=_AGAIN)
            else:
                if isinstance(outcome, Left) or outcome.retry_after is None:
                    return outcome
                begun, pause = True, outcome.retry_after
                why = f"{outcome.member.node_id} is a learner and catches up"
                say(why)
                last_words = f"{why}; {_AGAIN}"
            if time.monotonic() + pause >= deadline:
                end(
                    UNFINISHED if begun else NO_EFFECT,
                    f"{what} is not done after {asking.seconds:g} s: {last_words}",
                )
            time.sleep(pause)


def _is_refused(failed: OperationFailed) -> bool:
    """Whether a node refused it for good: asked again, it would again."""
    return bool(failed.attempts) and not failed.attempts[-1].may_pass


@contextmanager
def _ended_well(asking: Asking, *, in_doubt: str = _AGAIN) -> Iterator[None]:
    """Whatever fails within ends the process as `exits` says; *in_doubt* is the advice then."""
    try:
        yield
    except OperationFailed as failed:
        code = NO_EFFECT if failed.definite else UNFINISHED
        if failed.definite and _is_refused(failed):
            end(
                REFUSED,
                f"{failed.operation} is refused ({failed.code}): {failed.attempts[-1].detail}",
            )
        end(code, advised(failed, str(asking.endpoints), in_doubt=in_doubt))


@contextmanager
def _progress(what: str) -> Iterator[Say]:
    """Shows, where somebody looks on, what is waited for."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415  # a script should not wait for it
    from rich.text import Text  # noqa: PLC0415

    with Console(stderr=True).status(Text(what)) as status:
        yield lambda why: status.update(Text(f"{what}: {why}"))
