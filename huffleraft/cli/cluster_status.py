"""What `huffleraft cluster status` finds out: every member is asked, at once, for its status.

The endpoints given are a beginning.  Whoever of the configuration, as the best informed of them
tells it, has not answered yet is asked at its own address, so the table is whole whichever member
one knows.  Members are told apart by id: an endpoint may be a proxy's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import anyio
import httpx2
import msgspec

from huffleraft.cli.output import Output, print_json, print_table
from huffleraft.core.quorum import majority
from huffleraft.errors import ConfigurationInvalid

NOT_SERVING = 30
"""The exit code where there is no leader, or no quorum answers."""


class _Configuration(msgspec.Struct):
    voters: list[str]
    addresses: dict[str, str]


class _Status(msgspec.Struct):
    """The parts of `GET /v1/status` that the table is made of."""

    id: str
    cluster_id: str
    version: str
    role: str
    term: int
    leader: str | None
    commit_index: int
    last_applied: int
    ready: bool
    configuration: _Configuration


@dataclass(frozen=True, slots=True)
class Answer:
    """What one address said; *why* it said nothing otherwise."""

    address: str
    member: str | None
    """Whose address that is; None where nobody knows."""
    status: _Status | None = None
    why: str | None = None


def show(endpoints: Sequence[str], seconds: float, output: Output) -> int:
    """Ask, tell, and say by the exit code whether the cluster serves."""
    cluster = _Cluster(anyio.run(_ask_all, endpoints, seconds))
    if output is Output.JSON:
        print_json(cluster.document())
    else:
        print_table(
            _HEADINGS, [[row[name.lower()] for name in _HEADINGS] for row in cluster.rows()]
        )
        if not cluster.serves:
            print(f"huffleraft: {cluster.verdict}", file=sys.stderr)
    return 0 if cluster.serves else NOT_SERVING


# Asking.


async def _ask_all(endpoints: Sequence[str], seconds: float) -> list[Answer]:
    """The answer or the silence of every endpoint and of every member."""
    async with httpx2.AsyncClient(timeout=None, trust_env=False) as http:
        first = await _ask_each(http, dict.fromkeys(endpoints), seconds)
        heard = [one.status for one in first if one.status is not None]
        if not heard:
            return first
        best = max(heard, key=lambda one: (one.term, one.commit_index))
        members = {where: member for member, where in best.configuration.addresses.items()}
        named = [
            one if one.member else replace(one, member=members.get(one.address)) for one in first
        ]
        known = {one.member for one in named}
        others: dict[str, str | None] = {
            where: member for where, member in members.items() if member not in known
        }
        return named + await _ask_each(http, others, seconds)


async def _ask_each(
    http: httpx2.AsyncClient, addresses: Mapping[str, str | None], seconds: float
) -> list[Answer]:
    """What each of *addresses* says, all asked at once; with whose they are."""
    answers: dict[str, Answer] = {}

    async def ask(address: str, member: str | None) -> None:
        status, why = await _ask(http, address, seconds)
        answers[address] = Answer(address, status.id if status else member, status, why)

    async with anyio.create_task_group() as tasks:
        for address, member in addresses.items():
            tasks.start_soon(ask, address, member)
    return [answers[address] for address in addresses]


async def _ask(
    http: httpx2.AsyncClient, address: str, seconds: float
) -> tuple[_Status | None, str | None]:
    """The status of the node at *address*, or why there is none."""
    try:
        with anyio.fail_after(seconds):
            answer = await http.get(f"http://{address}/v1/status")
    except TimeoutError:
        return None, f"no answer within {seconds:g} s"
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return None, f"cannot be reached: {error}"
    if answer.status_code != 200:
        return None, f"answers {answer.status_code}, and not with a status"
    try:
        return msgspec.json.decode(answer.content, type=_Status), None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return None, f"answers, but not with a status of ours: {error}"


# Telling.

_HEADINGS = (
    "ID",
    "ADDRESS",
    "ROLE",
    "TERM",
    "COMMIT",
    "APPLIED",
    "LAG",
    "READY",
    "VERSION",
    "WHY",
)


class _Cluster:
    """The answers, together."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = answers
        self._heard = {one.status.id: one.status for one in answers if one.status is not None}
        clusters = {one.status.cluster_id for one in answers if one.status is not None}
        if len(clusters) > 1:
            raise ConfigurationInvalid(
                f"the endpoints belong to {len(clusters)} clusters ({', '.join(sorted(clusters))});"
                " name members of one"
            )
        self._commit = max((one.commit_index for one in self._heard.values()), default=0)

    @property
    def _leader(self) -> _Status | None:
        """Who leads, of all who say so the one of the highest term."""
        leading = [one for one in self._heard.values() if one.role == "leader"]
        return max(leading, key=lambda one: one.term, default=None)

    @property
    def serves(self) -> bool:
        """Whether there is a leader, and a quorum of its configuration answers."""
        leader = self._leader
        return leader is not None and self._quorum_of(leader)

    def _quorum_of(self, leader: _Status) -> bool:
        voters = leader.configuration.voters
        return sum(voter in self._heard for voter in voters) >= majority(len(voters))

    @property
    def verdict(self) -> str:
        """One sentence: whether the cluster serves, and if not, what it lacks."""
        leader = self._leader
        if not self._heard:
            return "no member answers; see that the endpoints are right and the nodes run"
        if leader is None:
            return "no member that answers leads; start the nodes that are missing, or ask again"
        voters = leader.configuration.voters
        answering = sum(voter in self._heard for voter in voters)
        if not self._quorum_of(leader):
            return (
                f"{leader.id} leads, but {answering} of {len(voters)} voters answer, which is no "
                "quorum; start the nodes that are missing"
            )
        return f"{leader.id} leads, and {answering} of {len(voters)} voters answer"

    def rows(self) -> list[dict[str, object]]:
        """A row for each member and for each silent address, in the order of ids."""
        told = {one.member or one.address: self._row(one) for one in self._answers}
        return [told[name] for name in sorted(told)]

    def _row(self, answer: Answer) -> dict[str, object]:
        status = answer.status
        if status is None:
            silent: dict[str, object] = dict.fromkeys(name.lower() for name in _HEADINGS)
            return silent | {"id": answer.member, "address": answer.address, "why": answer.why}
        return {
            "id": status.id,
            "address": status.configuration.addresses.get(status.id, answer.address),
            "role": status.role,
            "term": status.term,
            "commit": status.commit_index,
            "applied": status.last_applied,
            "lag": max(0, self._commit - status.last_applied),
            "ready": status.ready,
            "version": status.version,
            "why": None,
        }

    def document(self) -> dict[str, object]:
        """All of it, for a program."""
        leader = self._leader
        cluster = next((one.cluster_id for one in self._heard.values()), None)
        return {
            "cluster_id": cluster,
            "leader": leader.id if leader is not None else None,
            "serves": self.serves,
            "verdict": self.verdict,
            "members": self.rows(),
        }
