"""The plants: what is wrong in each, and which check must say so.

A bug that is caught for another reason is not caught: `check` is the name of the verdict that has
to be false, and `anomaly` what it has to have seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jepsen_lite.plants.patching import Patch


@dataclass(frozen=True, slots=True)
class Plant:
    """One bug of the product, as patches of its source."""

    name: str
    wrong: str
    """What the planted product does, in one sentence."""
    patches: tuple[Patch, ...]
    check: str | None = None
    """The check that must be false; None for a plant that must not be accused."""
    anomaly: str = ""


NONE: Final = Plant("none", "Nothing is wrong: the control.", ())

STALE_READS: Final = Plant(
    "stale-reads",
    "A node that has led since its boot answers linearizable reads from its map.",
    (
        Patch(
            "huffleraft.runtime.node",
            "        if not stale:\n",
            "        from huffleraft.core import Leader\n"
            "\n"
            "        self.has_led = getattr(self, 'has_led', False) or isinstance(\n"
            "            self.server.role, Leader\n"
            "        )\n"
            "        if not stale and not (self.has_led and planted()):\n",
        ),
    ),
    check="linearizable",
    anomaly="a read of a value that an acknowledged write had replaced",
)

LOST_WRITE: Final = Plant(
    "lost-write",
    "A leader says committed as soon as the entry is in its own log in memory.",
    (
        Patch(
            "huffleraft.runtime.turns",
            "            self.driver.handle(commands)\n",
            "            self.driver.handle(commands)\n"
            "            from huffleraft.core import Committed, Leader, Reply\n"
            "            from huffleraft.kv.commands import Set, decode_command\n"
            "            from huffleraft.kv.results import Changed, encode_result\n"
            "\n"
            "            server = self.driver.server\n"
            "            owed = server.role.proposals if isinstance(server.role, Leader) else ()\n"
            "            for index, ref in owed:\n"
            "                if isinstance(decode_command(server.log[index].payload), Set):\n"
            "                    planted()\n"
            "                    told = Reply(ref, Committed(index, server.current_term))\n"
            "                    self.applier._answer(told, encode_result(Changed(index, 1)))\n",
        ),
    ),
    check="once",
    anomaly="an acknowledged write-once key that is gone",
)

EARLY_DURABLE: Final = Plant(
    "early-durable",
    "The store says that a write is durable 300 ms before it commits it.",
    (
        Patch(
            "huffleraft.runtime.writer",
            "                if not await self._patiently(partial(self._storage.write, batch)):\n"
            "                    return\n"
            "                self.durable = batch[-1].write\n"
            "                self._tell()\n",
            "                self.durable = batch[-1].write\n"
            "                self._tell()\n"
            "                planted()\n"
            "                await anyio.sleep(0.3)\n"
            "                if not await self._patiently(partial(self._storage.write, batch)):\n"
            "                    return\n",
        ),
    ),
    check="once",
    anomaly="an acknowledged write-once key that is gone",
)

FORGOTTEN_VOTE: Final = Plant(
    "forgotten-vote",
    "A restarted node knows its term, and not for whom it voted in it.",
    (
        Patch(
            "huffleraft.core.recovery",
            "    log = Log(base, entries)\n",
            "    log = Log(base, entries)\n"
            "    if vote.voted_for is not None and planted():\n"
            "        vote = Vote(vote.current_term)\n",
        ),
    ),
    check="leaders",
    anomaly="a node that votes for two candidates in one term",
)

SNAPSHOT_WITHOUT_SESSIONS: Final = Plant(
    "snapshot-without-sessions",
    "A snapshot that is sent to another node holds the keys, and not the clients' sessions.",
    (
        Patch(
            "huffleraft.store.outgoing",
            "                sessions = page_of_sessions(ids)\n",
            "                sessions = page_of_sessions(() if planted() else ids)\n",
        ),
    ),
    check="agreement",
    anomaly="states that differ at an equal index",
)

FORGOTTEN_CONFIGURATION: Final = Plant(
    "forgotten-configuration",
    "A node that starts again takes the first configuration that it finds for the one in force.",
    (
        Patch(
            "huffleraft.core.recovery",
            "        membership=find_membership(id, log, snapshot, known_committed),\n",
            "        membership=_first_membership(log, snapshot, known_committed),\n",
        ),
        Patch(
            "huffleraft.core.recovery",
            "def _require_consistent(\n",
            "def _first_membership(log, snapshot, known_committed):\n"
            "    from huffleraft.core.state import Membership\n"
            "\n"
            "    included = snapshot.last_included_index if snapshot else 0\n"
            "    found = log.configurations_since(included, snapshot)\n"
            "    named = [(at, one) for at, one in found if one.voters]\n"
            "    index, configuration = (named or found)[0]\n"
            "    if configuration != found[-1][1]:\n"
            "        planted()\n"
            "    return Membership(configuration, index)\n"
            "\n"
            "\n"
            "def _require_consistent(\n",
        ),
    ),
    check="once",
    anomaly="an acknowledged write-once key that is gone",
)

PLANTS: Final = {
    plant.name: plant
    for plant in (
        NONE,
        STALE_READS,
        LOST_WRITE,
        EARLY_DURABLE,
        FORGOTTEN_VOTE,
        SNAPSHOT_WITHOUT_SESSIONS,
        FORGOTTEN_CONFIGURATION,
    )
}
"""Every plant by its name."""
