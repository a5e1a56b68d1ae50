"""What clients are told: once each, in order, and true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from huffleraft.core.effects import (
    Apply,
    Committed,
    Effect,
    HandedOver,
    ReadReady,
    Rejected,
    Reply,
    Restore,
    Unknown,
)
from huffleraft.core.events import ConfigurationRequested, Event
from huffleraft.core.invariants.fast import refs_of_event
from huffleraft.core.invariants.membership import decides, leader_in_step
from huffleraft.core.invariants.transfer import transfer_of
from huffleraft.core.invariants.violation import InvariantViolation, require
from huffleraft.core.state import Leader, Server
from huffleraft.core.types import Ref


def applied_is_what_is_said(old: Server, new: Server, effects: tuple[Effect, ...]) -> None:
    """`Apply` hands over exactly the entries by which `last_applied` rose, in order.  ALL.1

    What a `Restore` stands for is not applied, and nothing is applied before it.
    """
    machine = [effect for effect in effects if isinstance(effect, Apply | Restore)]
    first = old.last_applied + 1
    for place, effect in enumerate(machine):
        if isinstance(effect, Restore):
            require(place == 0, "RestoreFirst", "{} restores after {}", new.id, machine[:place])
            first = effect.snapshot.last_included_index + 1
    applied = [entry for effect in machine if isinstance(effect, Apply) for entry in effect.entries]
    expected = list(new.log.between(first, new.last_applied))
    whole = len(expected) == new.last_applied - first + 1
    require(
        applied == expected and whole, "ApplyInOrder", "applied {}, expected {}", applied, expected
    )


def replies_tell_the_truth(
    old: Server, event: Event, new: Server, effects: tuple[Effect, ...]
) -> None:
    """W14: a ref's outcome is that of its own entry, told after the entry's `Apply`."""
    proposals = {ref: index for index, ref in _proposals(old)}
    proposals.update({ref: index for index, ref in _proposals(new)})
    applied_upto = old.last_applied
    for effect in effects:
        if isinstance(effect, Apply):
            applied_upto = effect.entries[-1].index
        elif isinstance(effect, Reply):
            match effect.outcome:
                case Committed() if effect.ref not in proposals:
                    _is_in_force_already(event, new, effect)
                case Committed(index, term):
                    require(
                        proposals.get(effect.ref) == index <= applied_upto
                        and new.log.term_at(index) == term == new.current_term,
                        "CommittedIsOwnEntry",
                        "{}; proposed at {}",
                        effect,
                        proposals.get(effect.ref),
                    )
                case Rejected():
                    require(
                        effect.ref not in {ref for _, ref in _proposals(old)},
                        "NeverRejectProposed",
                        "{} was proposed at {}",
                        effect,
                        proposals.get(effect.ref),
                    )
                case Unknown():
                    transfer = transfer_of(old)
                    require(
                        effect.ref in {ref for _, ref in _proposals(old)}
                        or (transfer is not None and effect.ref == transfer.ref),
                        "UnknownWasProposed",
                        "{} at {}",
                        effect,
                        event,
                    )
                case HandedOver():
                    pass  # `transfer` knows


def _is_in_force_already(event: Event, new: Server, reply: Reply) -> None:
    """What needed no entry: a configuration in force, and applied, where it is said to be."""
    outcome = reply.outcome
    assert isinstance(outcome, Committed)
    require(
        isinstance(event, ConfigurationRequested)
        and dict((*event.voters, *event.learners)) == dict(new.configuration.addresses)
        and new.membership.index <= outcome.index <= new.last_applied
        and new.log.term_at(outcome.index) == outcome.term,
        "CommittedIsOwnEntry",
        "{} for {} under {}",
        reply,
        event,
        new.membership,
    )


def _proposals(server: Server) -> tuple[tuple[int, Ref], ...]:
    return server.role.proposals if isinstance(server.role, Leader) else ()


def every_ref_is_answered_once(
    old: Server, event: Event, new: Server, effects: tuple[Effect, ...]
) -> None:
    """Refs of the old server and the event are those answered and those of the new server."""
    asked = Counter(refs_of_event(event)) + Counter(_refs_of_server(old))
    answered = Counter(
        effect.ref for effect in effects if isinstance(effect, Reply | ReadReady)
    ) + Counter(_refs_of_server(new))
    require(asked == answered, "AnswerOnce", "asked {}, answered or waiting {}", asked, answered)


def _refs_of_server(server: Server) -> Iterable[Ref]:
    if not isinstance(server.role, Leader):
        return ()
    transfer = server.role.transfer
    transferred = (transfer.ref,) if transfer else ()
    refs = (ref for _, ref in server.role.proposals)
    return (*refs, *server.role.reads.refs(), *transferred)


def reads_are_confirmed(
    old: Server, event: Event, new: Server, effects: tuple[Effect, ...]
) -> None:
    """W15: a round begun after the read arrived, a commit in this term, and the apply.

    The read was there before this step, or the leader is its own quorum; the round it waited
    for has been answered by a quorum; what had been committed when it arrived is applied.
    """
    served = {effect.ref for effect in effects if isinstance(effect, ReadReady)}
    if not served:
        return
    role = leader_in_step(old, event, new)
    if role is None:
        raise InvariantViolation("ReadByLeader", f"{new.id} serves {served} as {new.role}")
    term_of_applied = new.log.term_at(new.last_applied)
    require(
        term_of_applied == new.current_term and new.last_applied >= role.term_start,
        "ReadInOwnTerm",
        "{} in term {} serves at an index of term {}",
        new.id,
        new.current_term,
        term_of_applied,
    )
    waited = _round_of_each_read(old)
    for ref in served:
        number, index = waited.get(ref, (role.reads.begun, old.commit_index))
        answered = {peer for peer, progress in role.progress if progress.read_round >= number}
        require(
            decides(new.configuration, {new.id, *answered}) and number > 0,
            "ReadByQuorum",
            "round {} of read {} was answered by {}",
            number,
            ref,
            sorted(answered),
        )
        require(
            new.last_applied >= index,
            "ReadApplied",
            "read {} of index {} is served at {}",
            ref,
            index,
            new.last_applied,
        )


def _round_of_each_read(server: Server) -> dict[Ref, tuple[int, int]]:
    """For each read that waits: the round that serves it, and the least index it may see."""
    if not isinstance(server.role, Leader):
        return {}
    reads = server.role.reads
    rounds = (*reads.confirmed, reads.open) if reads.open else reads.confirmed
    waited = {ref: (one.number, one.read_index) for one in rounds for ref in one.refs}
    later = dict.fromkeys(reads.waiting, (reads.begun + 1, server.commit_index))
    return {**waited, **later}
