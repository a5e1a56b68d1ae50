"""Runs the any-schedule machine on a core with one planted bug.

    python -m tests.properties.canary BUG [--cluster-checks-only] [--machine M] [--examples N]

Exit 0 when the bug was caught, with the name of the broken property; 1 when it got away.
The schedule is a fixed one, so a bug that is caught here is caught everywhere.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from jepsen_lite.plants.patching import Patch, install

CORE = "huffleraft.core"

BUGS: dict[str, Patch] = {
    "no-up-to-date-check": Patch(
        f"{CORE}.election", "return last_log_id >= server.log.last_id", "return True"
    ),
    "two-votes-in-a-term": Patch(
        f"{CORE}.election",
        "        and server.vote.voted_for in (None, request.source)\n",
        "",
    ),
    "counts-replicas-of-an-older-term": Patch(
        f"{CORE}.replication",
        "if index <= server.commit_index or server.log.term_at(index) != server.current_term:",
        "if index <= server.commit_index:",
    ),
    "promises-before-durable": Patch(
        f"{CORE}.durability", "    return waits or None", "    return None"
    ),
    "truncates-without-conflict": Patch(
        f"{CORE}.replication",
        "if term is not None and term != entry.term:",
        "if term is not None:",
    ),
    "waits-for-an-answer-that-came": Patch(
        f"{CORE}.progress",
        "        mode = Replicate(tuple(last for last in in_flight if last > match))",
        "        mode = Replicate(in_flight)",
    ),
    "an-older-snapshot-is-installed": Patch(
        f"{CORE}.snapshot",
        "    if snapshot.last_included_index > server.commit_index:",
        "    if snapshot.last_included_index >= server.log.base.index:",
    ),
    "restores-before-durable": Patch(
        f"{CORE}.step",
        "    if server.disk.snapshot_index < snapshot.last_included_index:",
        "    if False:",
    ),
    "an-install-cuts-no-older-write": Patch(
        f"{CORE}.durability",
        "        return old.commit_index",
        "        return new.log.common_last_index(old.log)",
    ),
    "a-snapshot-mode-that-nobody-leaves": Patch(
        f"{CORE}.progress",
        "    if not ok:\n        return replace(progress, mode=Probe(waiting=True))\n",
        "    if not ok:\n        return progress\n",
    ),
    "configuration-in-force-at-commit": Patch(
        f"{CORE}.in_force",
        "    *earlier, (index, configuration) = log.configurations_since(commit_index, snapshot)",
        "    (index, configuration), *_ = log.configurations_since(commit_index, snapshot)\n"
        "    earlier = []",
    ),
    "commits-by-the-new-majority": Patch(
        f"{CORE}.configuration",
        "return min(mark, reached_by_majority(self.old_voters, reached))",
        "return mark",
    ),
    "commits-by-a-majority-of-all": Patch(
        f"{CORE}.configuration",
        "return min(mark, reached_by_majority(self.old_voters, reached))",
        "return reached_by_majority(self.electors, reached)",
    ),
    "elects-by-the-new-majority": Patch(
        f"{CORE}.configuration",
        "return not self.old_voters or is_majority(self.old_voters, servers)",
        "return True",
    ),
    "snapshot-with-the-newest-configuration": Patch(
        f"{CORE}.snapshot",
        "server.log.configuration_at(index, server.snapshot)",
        "server.configuration",
    ),
    "joint-left-before-its-commit": Patch(
        f"{CORE}.membership", " and server.commit_index >= index):", "):"
    ),
    "second-change-while-one-is-pending": Patch(
        f"{CORE}.membership",
        "    if server.configuration.is_joint or server.last_applied < server.membership.index:",
        "    still = server.last_applied < server.membership.index\n"
        "    if server.configuration.is_joint or (still and wanted == server.configuration):",
    ),
    "change-before-an-own-entry": Patch(
        f"{CORE}.membership", "    if server.commit_index < role.term_start:", "    if False:"
    ),
    "only-its-beginner-leaves-a-joint-configuration": Patch(
        f"{CORE}.membership",
        "    if not (joint.old_voters and isinstance(role, Leader)",
        "    if not (joint.old_voters and isinstance(role, Leader) and index >= role.term_start",
    ),
    "the-removed-leads-on": Patch(
        f"{CORE}.membership",
        "        if server.last_applied < membership",
        "        if True or server.last_applied < membership",
    ),
    "told-before-it-has-caught-up": Patch(
        f"{CORE}.transfer",
        " or dict(role.progress)[target].match_index < server.log.last_index:",
        ":",
    ),
    "takes-commands-while-it-hands-over": Patch(
        f"{CORE}.replication", "    if role.transfer is not None:", "    if False:"
    ),
    "told-at-every-step": Patch(
        f"{CORE}.transfer",
        " or role.transfer is None or role.transfer.told:",
        " or role.transfer is None:",
    ),
    "refused-though-told": Patch(
        f"{CORE}.transfer", "Unknown(server.id) if told else Rejected", "Rejected"
    ),
    "waives-loyalty-unasked": Patch(
        f"{CORE}.election",
        "leadership_transfer: bool = False) ->",
        "leadership_transfer: bool = True) ->",
    ),
    "nobody-is-told": Patch(
        f"{CORE}.step", "    new, word = say_timeout_now(new)", "    word = ()"
    ),
    "loyal-to-a-leader-that-wants-to-go": Patch(
        f"{CORE}.step", " and not _by_transfer(message):", ":"
    ),
    "a-transfer-that-never-expires": Patch(
        f"{CORE}.step",
        "            return transfer_expired(server)",
        "            return server, ()",
    ),
}
"""The bugs that this machine is there for; real ones, of real systems."""


def main() -> int:
    """Plant the bug, run the machine, and say what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bug", choices=[*BUGS, "none"])
    parser.add_argument("--cluster-checks-only", action="store_true")
    parser.add_argument(
        "--machine",
        choices=["plain", "batches", "snapshots", "members", "transfers"],
        default="plain",
    )
    parser.add_argument("--examples", type=int, default=1500)
    arguments = parser.parse_args()
    os.nice(10)  # whoever runs it has other things to do meanwhile
    if arguments.bug != "none":
        install(arguments.bug, [BUGS[arguments.bug]])
    began = time.process_time()
    caught = _run(arguments)
    spent = time.process_time() - began
    print(f"{arguments.bug}: {caught or 'got away'} ({spent:.1f} s of CPU)")
    return 0 if bool(caught) == (arguments.bug != "none") else 1


def _run(arguments: argparse.Namespace) -> str | None:
    """The name of the property that the planted core broke; None if none."""
    # Imported only now: the plant has to be in place before the core is.
    from huffleraft.core.invariants import InvariantViolation
    from tests.properties.any_membership import AnyMembership
    from tests.properties.any_schedule import AnySchedule, AnyScheduleOfBatches
    from tests.properties.any_snapshots import AnySnapshots
    from tests.properties.any_transfers import AnyTransfers

    machines: dict[str, type[AnySchedule]] = {
        "plain": AnySchedule,
        "batches": AnyScheduleOfBatches,
        "snapshots": AnySnapshots,
        "members": AnyMembership,
        "transfers": AnyTransfers,
    }

    looks_at = {"check_steps": not arguments.cluster_checks_only}
    machine = type("Machine", (machines[arguments.machine],), looks_at)
    profile = settings(
        max_examples=arguments.examples,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(machine, settings=profile)
    except InvariantViolation as violation:
        return violation.name
    return None


if __name__ == "__main__":
    sys.exit(main())
