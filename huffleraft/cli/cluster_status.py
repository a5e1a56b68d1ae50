"""What `huffleraft cluster status` finds out: every member is asked, at once, for its status.

The endpoints given are a beginning.  Whoever of the configuration, as the best informed of them
tells it, has not answered yet is asked at its own address, so the table is whole whichever member
one knows.  Members are told apart by id: an endpoint may be a proxy's.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import anyio
import httpx2
import msgspec

from huffleraft.cli.output import Output, print_json, print_table
from huffleraft.core.configuration import Configuration
from huffleraft.errors import ConfigurationInvalid

NOT_SERVING = 30
"""The exit code where there is no leader, or no quorum answers."""


class _Configuration(msgspec.Struct):
    voters: list[str]
    addresses: dict[str, str]
    old_voters: list[str] = []
    learners: list[str] = []

    def is_quorum(self, heard: AbstractSet[str]) -> bool:
        """Whether those *heard* can decide, as the core has it."""
        whole = Configuration(tuple(self.voters), old_voters=tuple(self.old_voters))
        return whole.is_quorum(heard)

    def standing(self, member: str) -> str | None:
        """What *member* is; None where it is none."""
        for names, standing in (
            (self.voters, "voter"),
            (self.old_voters, "leaving"),
            (self.learners, "learner"),
        ):
            if member in names:
                return standing
        return None

    def answering(self, heard: AbstractSet[str]) -> str:
        """How many of its voters are among those *heard*, in words."""
        if not self.old_voters:
            return f"{_count(self.voters, heard)} voters answer"
        old, new = _count(self.old_voters, heard), _count(self.voters, heard)
        return f"{old} old voters and {new} new voters answer"


def _count(names: Sequence[str], heard: AbstractSet[str]) -> str:
    return f"{sum(name in heard for name in names)} of {len(names)}"


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
        best = _best_informed(heard)
        members = {where: member for member, where in best.configuration.addresses.items()}
        named = [
            one if one.member else replace(one, member=members.get(one.address)) for one in first
        ]
        known = {one.member for one in named}
        others: dict[str, str | None] = {
            where: member for where, member in members.items() if member not in known
        }
        return named + await _ask_each(http, others, seconds)


def _best_informed(heard: Collection[_Status]) -> _Status:
    """Whose configuration counts: a leader's, else that of who knows most to be committed."""
    return max(heard, key=lambda one: (one.term, one.role == "leader", one.commit_index))


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
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
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
    "STANDING",
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
        self._best = _best_informed(self._heard.values()) if self._heard else None
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
        return leader is not None and leader.configuration.is_quorum(self._heard.keys())

    @property
    def verdict(self) -> str:
        """One sentence: whether the cluster serves, and if not, what it lacks."""
        leader = self._leader
        if not self._heard:
            return "no member answers; see that the endpoints are right and the nodes run"
        if leader is None:
            return "no member that answers leads; start the nodes that are missing, or ask again"
        answering = leader.configuration.answering(self._heard.keys())
        if not self.serves:
            return (
                f"{leader.id} leads, but {answering}, which is no quorum; start the nodes that "
                "are missing"
            )
        return f"{leader.id} leads, and {answering}"

    def rows(self) -> list[dict[str, object]]:
        """A row for each member and for each silent address, in the order of ids."""
        told = {one.member or one.address: self._row(one) for one in self._answers}
        return [told[name] for name in sorted(told)]

    def _standing(self, member: str | None) -> str | None:
        if self._best is None or member is None:
            return None
        return self._best.configuration.standing(member)

    def _row(self, answer: Answer) -> dict[str, object]:
        status = answer.status
        standing = self._standing(answer.member)
        if status is None:
            silent: dict[str, object] = dict.fromkeys(name.lower() for name in _HEADINGS)
            told = {"id": answer.member, "address": answer.address, "standing": standing}
            return {**silent, **told, "why": answer.why}
        return {
            "id": status.id,
            "address": status.configuration.addresses.get(status.id, answer.address),
            "role": status.role,
            "term": status.term,
            "commit": status.commit_index,
            "applied": status.last_applied,
            "lag": max(0, self._commit - status.last_applied),
            "ready": status.ready,
            "standing": standing,
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
