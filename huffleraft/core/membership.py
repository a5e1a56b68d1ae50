"""How the members of a cluster change: one change at a time, through a joint configuration.

Chapter 4.  Any two majorities of one set share a server; majorities of two different sets need
not.  So from one set of voters to another the cluster goes through a configuration in which a
majority of each is needed (§4.3): the leader appends it, and once it is committed, whoever leads
then appends the new set alone.  Learners never count, and change in one step.
"""

from __future__ import annotations

from huffleraft.core.configuration import Configuration
from huffleraft.core.effects import Committed, Reason, Rejected, Reply
from huffleraft.core.events import ConfigurationRequested
from huffleraft.core.replication import extended
from huffleraft.core.roles import become_follower
from huffleraft.core.state import Leader, Server, Transition
from huffleraft.core.types import replace

# What is asked.


def configuration_request(server: Server, event: ConfigurationRequested) -> Transition:
    """Begin the way to the configuration asked for, or say why not.

    What is in force already, and applied, needs no entry.

    §4.1, §4.2.1, §4.3.  Spec: ``ConfigurationRequest``.
    """
    role = server.role
    if not isinstance(role, Leader):
        return _refused(server, event, Reason.NOT_LEADER)
    # §3.10: the log stands still, and who is to lead stays a voter.
    if role.transfer is not None:
        return _refused(server, event, Reason.TRANSFER_PENDING)
    wanted = _configuration(event)
    if wanted is None:
        return _refused(server, event, Reason.CONFIGURATION_INVALID)
    # Before an entry of this term is committed, an earlier leader's change may yet commit.
    if server.commit_index < role.term_start:
        return _refused(server, event, Reason.NOT_READY)
    if server.configuration.is_joint or server.last_applied < server.membership.index:
        return _refused(server, event, Reason.CHANGE_PENDING)
    if wanted == server.configuration:
        return server, (Reply(event.ref, _in_force(server)),)
    if not _caught_up(server, role, wanted):
        return _refused(server, event, Reason.VOTER_BEHIND)
    if not (event.force or _keeps_a_quorum(server, role, wanted)):
        return _refused(server, event, Reason.QUORUM_AT_RISK)
    proposal = (server.log.last_index + 1, event.ref)
    role = replace(role, proposals=(*role.proposals, proposal))
    return _appended(server, role, server.configuration.entering(wanted)), ()


def _configuration(event: ConfigurationRequested) -> Configuration | None:
    """The configuration that *event* asks for; None if there can be none like that."""
    voters, learners = dict(event.voters), dict(event.learners)
    named_once = len({*voters, *learners}) == len(event.voters) + len(event.learners)
    return Configuration.of(voters, learners) if voters and named_once else None


def _refused(server: Server, event: ConfigurationRequested, reason: Reason) -> Transition:
    return server, (Reply(event.ref, Rejected(reason, server.leader)),)


def _in_force(server: Server) -> Committed:
    """Where the configuration in force stands; a snapshot's end if only that tells it now."""
    index = server.membership.index
    term = server.log.term_at(index)
    assert term is not None, "the log begins no later than its snapshot ends"
    return Committed(index, term)


def _caught_up(server: Server, role: Leader, wanted: Configuration) -> bool:
    """Whether each new voter holds nearly all that is committed, so that it holds up nobody.

    A server that is no learner yet has not shown that it even answers.

    §4.2.1.
    """
    match = {peer: progress.match_index for peer, progress in role.progress}
    least = max(server.membership.index, server.commit_index - server.limits.promotion_lag)
    new = set(wanted.voters) - set(server.configuration.voters)
    return all(match.get(voter, 0) >= least for voter in new)


def _keeps_a_quorum(server: Server, role: Leader, wanted: Configuration) -> bool:
    """Whether those who answer are a quorum of what comes first on the way to *wanted*.

    They were one of the configuration in force when its quorum was last looked at.
    """
    first = server.configuration.entering(wanted)
    answering = {peer for peer, one in role.progress if one.recently_active or one.active_before}
    return first.is_quorum({server.id, *answering})


def _appended(server: Server, role: Leader, configuration: Configuration) -> Server:
    return replace(server, log=extended(server, [configuration]), role=role)


# What follows from it.


def leave_joint(server: Server) -> Server:
    """Append the new set of voters once the joint configuration is committed, whoever began it.

    The answer waits for this last one.

    §4.3.  Spec: ``LeaveJoint``.
    """
    role, membership = server.role, server.membership
    joint, index = membership.configuration, membership.index
    if not (joint.old_voters and isinstance(role, Leader) and server.commit_index >= index):
        return server
    last = server.log.last_index + 1
    kept = tuple((at, ref) for at, ref in role.proposals if at != index)
    asked = tuple((last, ref) for at, ref in role.proposals if at == index)
    return _appended(server, replace(role, proposals=(*kept, *asked)), joint.leaving())


def must_announce(old: Server, new: Server) -> bool:
    """Whether this step commits a configuration that some do not belong to any more.

    They hear it at once: later nobody has to speak to them, and they would campaign for ever.

    §4.2.2.
    """
    index = new.membership.index
    if not old.commit_index < index <= new.commit_index:
        return False
    return bool(new.membership.leaving) or not new.configuration.has_vote(new.id)


def retire(server: Server) -> Transition:
    """Leave office once the configuration without this server is committed, and applied.

    Until then it manages a cluster it is no voter of, and does not count itself.  Who follows
    forgets those who left: they are a leader's to tell.

    §4.2.2.
    """
    membership = server.membership
    if isinstance(server.role, Leader):
        if server.last_applied < membership.index or membership.configuration.has_vote(server.id):
            return server, ()
        server, farewell = become_follower(server, leader=None, sticky=False)
        return _forget_leavers(server), farewell
    if membership.leaving and membership.index <= server.commit_index:
        return _forget_leavers(server), ()
    return server, ()


def _forget_leavers(server: Server) -> Server:
    return replace(server, membership=replace(server.membership, leaving=()))
