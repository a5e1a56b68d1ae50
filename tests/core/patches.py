"""For each rule, a small patch that breaks it alone, and the test that must notice.

`python -m tests.core.patches` tries them all and prints which tests killed which patch; it
exits 1 if one survives.  Each runs in a fork of its own, with the core imported only after the
patch is in place.  A test that fails without the patch as well has noticed nothing, and a patch
that does not even run breaks no rule: neither counts.
"""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from functools import cache

from jepsen_lite.plants.patching import Patch, PlantRefused, install

FIGURE, FIGURE_5, DURABILITY, BEYOND, MEMBERS, OFFICE, BEGINNINGS, LATE = (
    "test_figure_3_1",
    "test_figure_5_3",
    "test_durability",
    "test_beyond_the_figure",
    "test_membership",
    "test_transfer",
    "test_beginnings",
    "test_late_messages",
)


PASSED, FAILED, REFUSED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Break:
    """One rule, the patch that breaks it, and the tests named by it."""

    rule: str
    test_file: str
    tests: str
    module: str
    old: str
    new: str

    @property
    def patch(self) -> Patch:
        """The patch, in a module of the core."""
        return Patch(f"huffleraft.core.{self.module}", self.old, self.new)


BREAKS = [
    Break("RV.1", FIGURE, "rv_1", "election",
          "        request.term == server.current_term\n        # RV.2",
          "        True\n        # RV.2"),
    Break("RV.2", FIGURE, "rv_2", "election",
          "        and server.vote.voted_for in (None, request.source)\n", ""),
    Break("RV.2", FIGURE, "rv_2", "election",
          "return last_log_id >= server.log.last_id",
          "return last_log_id.index >= server.log.last_id.index"),
    Break("AE.1", FIGURE, "ae_1", "replication",
          "    if request.term < server.current_term:", "    if False:"),
    Break("AE.2", FIGURE, "ae_2", "replication",
          "if prev_index >= base_index and not server.log.agrees_with(request.prev_log_id):",
          "if request.prev_log_id.index > server.log.last_index:"),
    Break("AE.3", FIGURE, "ae_3", "replication",
          "if term is not None and term != entry.term:", "if term is not None:"),
    Break("AE.3", FIGURE, "ae_3", "replication",
          "return log.truncated(entry.index).append(entries[place:])",
          "return log"),
    Break("AE.4", FIGURE, "ae_4", "replication",
          "            return log.append(entries[place:])\n    return log",
          "            return log\n    return log"),
    Break("AE.5", FIGURE, "ae_5", "replication",
          "min(request.leader_commit, last_shown)",
          "min(request.leader_commit, log.last_index)"),
    Break("ALL.1", FIGURE, "all_1", "step",
          "    if upto <= server.last_applied:", "    if True:"),
    Break("ALL.2", FIGURE, "all_2", "step",
          "    if message.term > server.current_term:", "    if False:"),
    Break("F.1", FIGURE, "f_1", "election",
          "    response = PreVoteResponse(server.id, server.current_term, granted)\n"
          "    return server, (Send(request.source, response),)",
          "    return server, ()"),
    Break("F.2", FIGURE, "f_2", "election",
          "return server, (Send(request.source, response), ResetTimer(Timer.ELECTION))",
          "return server, (Send(request.source, response),)"),
    Break("C.1", FIGURE, "c_1", "election",
          "vote=Vote(server.current_term + 1, server.id)",
          "vote=Vote(server.current_term + 1, None)"),
    Break("C.2", FIGURE, "c_2", "election",
          "        return _become_leader(server)\n    return replace(server, role=Candidate",
          "        pass\n    return replace(server, role=Candidate"),
    Break("C.3", FIGURE, "c_3", "roles",
          "become_follower(server, leader=leader, sticky=True)", "(server, ())"),
    Break("C.4", FIGURE, "c_4", "election",
          "    if isinstance(server.role, Leader):\n        return server, ()\n"
          "    if not may_campaign(server):",
          "    if isinstance(server.role, Leader | Candidate):\n        return server, ()\n"
          "    if not may_campaign(server):"),
    Break("L.1", FIGURE, "l_1", "step",
          "    if isinstance(event, TimerExpired) and event.timer is Timer.HEARTBEAT:\n"
          "        return True\n", ""),
    Break("L.2", FIGURE, "l_2", "step",
          "    return server, (Apply(entries), *replies, *reads)",
          "    return server, (*replies, Apply(entries), *reads)"),
    Break("L.3", FIGURE, "l_3", "progress",
          "match = max(progress.match_index, match)", "match = progress.match_index"),
    Break("L.3", FIGURE, "l_3", "progress",
          "next_index = max(min(candidate + 1, prev_index), progress.match_index + 1)",
          "next_index = progress.next_index"),
    Break("L.4", FIGURE, "l_4", "replication",
          " or server.log.term_at(index) != server.current_term:", ":"),
    Break("W1", DURABILITY, "w1", "durability",
          "if disk.vote != server.vote:",
          "if disk.vote.current_term != server.vote.current_term:"),
    Break("W2", DURABILITY, "w2", "durability",
          "        case Send(to, message):",
          "        case Send(to, message) if not hasattr(message, 'last_log_id'):"),
    Break("W3", DURABILITY, "w3_an_answer_waits", "durability",
          "        and message.match > disk.last_index\n", "        and False\n"),
    Break("W3", DURABILITY, "w3_an_answer_claims", "replication",
          "        match=last_shown,", "        match=log.last_index,"),
    Break("W4", DURABILITY, "w4", "durability",
          "    return waits or None",
          "    return waits or (disk.outstanding and disk.outstanding[-1].number) or None"),
    Break("W5", DURABILITY, "w5", "replication",
          "matched[server.id] = server.disk.last_index",
          "matched[server.id] = server.log.last_index"),
    Break("W6", DURABILITY, "w6", "durability",
          "return replace(disk, last_index=min(disk.last_index, kept), outstanding=outstanding)",
          "return replace(disk, outstanding=outstanding)"),
    Break("W7", DURABILITY, "w7", "durability",
          "replace(write, last_index=min(write.last_index, kept)) for write in",
          "write for write in"),
    Break("W8", DURABILITY, "w8", "durability",
          "if disk.vote != server.vote:",
          "if disk.vote != server.vote and getattr(message, 'vote_granted', True):"),
    Break("W9", DURABILITY, "w9", "recovery",
          "known_committed = max(included, last_applied)", "known_committed = included"),
    Break("W10", DURABILITY, "w10", "step",
          "upto = min(server.commit_index, server.disk.last_index)",
          "upto = server.commit_index"),
    Break("W13", DURABILITY, "w13_a_failed", "roles",
          "Halt(reason))", ")"),
    Break("W13", DURABILITY, "w13_a_leader", "election",
          "    if disk_stands_still or not", "    if not"),
    Break("W14", DURABILITY, "w14", "roles",
          "Reply(ref, Unknown(leader))", "Reply(ref, Rejected(reason, leader))"),
    Break("W15", DURABILITY, "w15_a_read_waits_for_a_round", "reads",
          "elif reads.waiting and reads.open is None:",
          "elif reads.waiting and reads.open is not None:\n"
          "            reads = replace(reads, waiting=(), open=replace(reads.open,"
          " refs=reads.open.refs + reads.waiting))\n"
          "        elif reads.waiting:"),
    Break("W15", DURABILITY, "w15_a_read_waits_for_the_first", "reads",
          "read_index = max(server.commit_index, role.term_start)",
          "read_index = server.commit_index"),
    Break("§9.6", BEYOND, "9_6", "election",
          "    request = PreVoteRequest(server.id, server.current_term, server.log.last_id)\n",
          "    return become_candidate(server)\n    request = None\n"),
    Break("§9.6", BEYOND, "9_6", "election",
          "    if isinstance(server.role, PreCandidate):\n"
          "        server = replace(server, role=Follower())\n", ""),
    Break("§4.2.3", BEYOND, "4_2_3", "step",
          " and server.is_sticky and", " and False and"),
    Break("§4.2.3", BEYOND, "4_2_3", "recovery",
          "role=Follower(sticky=True)", "role=Follower()"),
    Break("§4.2.3", BEYOND, "4_2_3", "roles",
          "Follower(leader, _is_sticky_follower(server))", "Follower(leader)"),
    Break("§4.1", BEYOND, "4_1", "quorum",
          "agreeing = sum(voter in servers for voter in voters)", "agreeing = len(servers)"),
    Break("§6.2", BEYOND, "6_2", "election",
          "(peer, begun_anew(one))", "(peer, one)"),
    Break("§10.2.2", BEYOND, "10_2_2", "progress",
          "len(in_flight) < limits.appends_in_flight", "True"),
    Break("§3.5", BEYOND, "3_5_a_lost", "replication",
          "    prev_index = max(progress.next_index - 1, server.log.base.index)",
          "    prev_index = progress.match_index"),
    Break("§10.2.2", BEYOND, "10_2_2_a_request", "progress",
          "    return isinstance(progress.mode, Replicate) and bool(progress.mode.in_flight)",
          "    return False"),
    Break("§10.2.2", BEYOND, "10_2_2_a_full_request", "replication",
          "    return () if gathering and not full else entries",
          "    return () if gathering else entries"),
    Break("§10.2.2", BEYOND, "10_2_2_a_full_request", "replication",
          "        or role.uncommitted_bytes >= server.limits.bytes_per_append\n", ""),
    Break("§10.2.2", BEYOND, "10_2_2_a_full_request", "replication",
          "        or server.log.last_index >= progress.next_index +"
          " server.limits.entries_per_append - 1\n", ""),
    Break("§10.2.2", BEYOND, "10_2_2_a_peer_far_behind", "replication",
          "        progress.next_index <= server.commit_index\n        or role", "        role"),
    Break("§10.2.2", BEYOND, "10_2_2_a_lost_answer_is_made_good", "progress",
          "        mode = Replicate(tuple(last for last in in_flight if last > match))",
          "        mode = Replicate(in_flight)"),
    Break("§10.2.2", BEYOND, "10_2_2_a_lost_answer_is_covered", "progress",
          "(last for last in in_flight if last > match)",
          "(last for last in in_flight if last != match)"),
    Break("§10.2.2", BEYOND, "10_2_2_a_commit_index", "progress",
          " and not must_gather(progress)\n", "\n"),
    Break("§10.2.2", BEYOND, "10_2_2_a_commit_index", "progress",
          "    commit_sent = max(progress.commit_sent, request.leader_commit)",
          "    commit_sent = 1 << 60"),
    Break("§3.5", BEYOND, "3_5_a_conflict", "progress",
          "while index > log.base.index and (log.term_at(index) or 0) > hint.term:",
          "while False:"),
    Break("§3.5", BEYOND, "3_5_a_late", "progress",
          "prev_index <= progress.match_index or isinstance", "isinstance"),
    Break("§3.5", BEYOND, "3_5_a_commit", "replication",
          "if not sends and (speak or must_announce(progress, server.commit_index)):",
          "if not sends and speak:"),
    Break("§5.1", FIGURE_5, "5_1_a_snapshot_keeps", "snapshot",
          "max(index - server.limits.trailing_entries, server.log.base.index)", "index"),
    Break("§5.1", FIGURE_5, "5_1_an_older", "snapshot",
          "    if index <= _last_included(server):", "    if index == 0:"),
    Break("§5.1", FIGURE_5, "5_1_a_snapshot_has", "snapshot",
          "server.log.configuration_at(index, server.snapshot)", "server.configuration"),
    Break("§5.1", FIGURE_5, "5_1_a_machine", "snapshot",
          "    assert index <= server.last_applied,",
          "    assert index <= server.log.last_index,"),
    Break("IS.1", FIGURE_5, "is_1_a_leader_of_the_past", "snapshot",
          "    if request.term < server.current_term:", "    if False:"),
    Break("IS.1", FIGURE_5, "is_1_a_later", "snapshot",
          "server, heard = hear_from(server, request.source)", "heard = ()"),
    Break("IS.5", FIGURE_5, "is_5", "snapshot",
          "    if snapshot.last_included_index > server.commit_index:", "    if True:"),
    Break("IS.6", FIGURE_5, "is_6", "snapshot",
          "        log = server.log.compacted(snapshot.id)", "        log = Log(snapshot.id)"),
    Break("IS.7", FIGURE_5, "is_7", "snapshot",
          "        log = Log(snapshot.id)",
          "        after = snapshot.last_included_index + 1\n"
          "        log = Log(snapshot.id, server.log.between(after, 99))"),
    Break("IS.8", FIGURE_5, "is_8_the_machine", "step",
          "    return server, (Restore(snapshot), *effects)", "    return server, effects"),
    Break("IS.8", FIGURE_5, "is_8_the_last", "in_force",
          " or persist.snapshot is not None", ""),
    Break("W11", FIGURE_5, "w11_restore", "step",
          "    if server.disk.snapshot_index < snapshot.last_included_index:", "    if False:"),
    Break("W11", FIGURE_5, "w11_restore", "durability",
          "isinstance(message, AppendEntriesResponse | InstallSnapshotResponse)",
          "isinstance(message, AppendEntriesResponse)"),
    Break("W11", FIGURE_5, "w11_recovery", "recovery",
          "        behind = (Restore(snapshot),)", "        behind = ()"),
    Break("W11", FIGURE_5, "w11_the_prefix", "durability",
          "        base=base if base != old.log.base else None,\n", ""),
    Break("W12", FIGURE_5, "w12", "durability",
          "        snapshot=new.snapshot if snapshot_changed else None,",
          "        snapshot=new.snapshot if snapshot_changed and not vote_changed else None,"),
    Break("W6", FIGURE_5, "w6_an_install", "durability",
          "        return old.commit_index", "        return new.log.common_last_index(old.log)"),
    Break("§5.3", FIGURE_5, "5_3_a_peer_must", "progress",
          "return progress.next_index <= log.base.index",
          "return progress.next_index < log.base.index"),
    Break("§5.3", FIGURE_5, "5_3_a_peer_that", "progress",
          "        case Installing():\n            return False\n",
          "        case Installing():\n            return True\n"),
    Break("§5.3", FIGURE_5, "5_3_a_refused", "progress",
          " or isinstance(progress.mode, Installing):", ":"),
    Break("§5.3", FIGURE_5, "5_3_a_late", "progress",
          "    if not (isinstance(mode, Installing) and next_index <= log.base.index):",
          "    if True:"),
    Break("§5.3", FIGURE_5, "5_3_a_stream_that_arrived", "progress",
          "    return replace(progress, next_index=next_index, mode=Probe())\n\n\ndef answered",
          "    return replace(progress, mode=Probe())\n\n\ndef answered"),
    Break("§5.3", FIGURE_5, "5_3_a_stream_that_failed", "progress",
          "        return replace(progress, mode=Probe(waiting=True))\n    next_index",
          "        return replace(progress, mode=Probe())\n    next_index"),
    Break("§5.3", FIGURE_5, "5_3_the_end", "progress",
          "    if not isinstance(progress.mode, Installing):\n        return progress\n"
          "    if not ok", "    if not ok"),
    Break("§4.1", MEMBERS, "4_1_a_change_waits", "membership",
          "    if server.commit_index < role.term_start:", "    if False:"),
    Break("§4.1", MEMBERS, "4_1_one_change", "membership",
          "server.configuration.is_joint or server.last_applied < server.membership.index:",
          "server.configuration.is_joint:"),
    Break("§4.1", MEMBERS, "4_1_one_change", "membership",
          "server.configuration.is_joint or server.last_applied < server.membership.index:",
          "False:"),
    Break("§4.1", MEMBERS, "4_1_only_a_leader", "membership",
          "    if not isinstance(role, Leader):\n        return _refused("
          "server, event, Reason.NOT_LEADER)\n",
          "    if not isinstance(role, Leader):\n        return _appended("
          "server, role, _configuration(event)), ()\n"),
    Break("§4.1", MEMBERS, "4_1_a_configuration_has", "membership",
          " if voters and named_once else None", " if voters else None"),
    Break("§4.1", MEMBERS, "4_1_a_configuration_is_in_force", "in_force",
          "    return truncated or appended or persist.snapshot is not None",
          "    return truncated or persist.snapshot is not None"),
    Break("§4.1", MEMBERS, "4_1_a_truncated", "in_force",
          "    return truncated or appended or persist.snapshot is not None",
          "    return appended or persist.snapshot is not None"),
    Break("§4.1", MEMBERS, "4_1_what_is_in_force_needs", "membership",
          "    if wanted == server.configuration:", "    if False:"),
    Break("§4.1", MEMBERS, "4_1_what_is_in_force_is_known", "in_force",
          " or persist.snapshot is not None", ""),
    Break("§4.1", MEMBERS, "4_1_learners_and", "configuration",
          "        if new.voters == self.voters:\n            return new\n", ""),
    Break("§4.1", MEMBERS, "4_1_who_is_not_named", "step",
          "    effects: tuple[Effect, ...] = ()\n    # ALL.2",
          "    effects: tuple[Effect, ...] = ()\n"
          "    if message.source not in server.configuration.members:\n"
          "        return server, ()\n    # ALL.2"),
    Break("§4.2.1", MEMBERS, "4_2_1_a_learner_is_sent", "configuration",
          "{*self.voters, *self.old_voters, *self.learners}", "{*self.voters, *self.old_voters}"),
    Break("§4.2.1", MEMBERS, "4_2_1_a_learner_is_sent", "in_force",
          "Progress(next_index=server.log.last_index)", "Progress(next_index=1)"),
    Break("§4.2.1", MEMBERS, "4_2_1_a_learner_never", "configuration",
          "mark = reached_by_majority(self.voters, reached)",
          "mark = reached_by_majority(self.members, reached)"),
    Break("§4.2.1", MEMBERS, "4_2_1_a_learner_does_not", "in_force",
          "    if server.configuration.has_vote(server.id):",
          "    if server.id in server.configuration.members:"),
    Break("§4.2.1", MEMBERS, "4_2_1_a_learner_does_not", "election",
          "electors = server.configuration.electors", "electors = server.configuration.members"),
    Break("§4.2.1", MEMBERS, "4_2_1_a_promoted", "step",
          "isinstance(message, _CANDIDATES_ASK) and server.is_sticky and",
          "isinstance(message, _CANDIDATES_ASK) and (\n"
          "        server.is_sticky or server.id in server.configuration.learners) and"),
    Break("§4.2.1", MEMBERS, "4_2_1_a_voter_must", "membership",
          "    if not _caught_up(server, role, wanted):", "    if False:"),
    Break("§4.2.1", MEMBERS, "4_2_1_a_voter_must", "membership",
          "max(server.membership.index, server.commit_index - server.limits.promotion_lag)",
          "server.commit_index - server.limits.promotion_lag"),
    Break("§4.2.1", MEMBERS, "4_2_1_a_new_voter", "membership",
          "max(server.membership.index, server.commit_index - server.limits.promotion_lag)",
          "server.membership.index"),
    Break("§4.3", MEMBERS, "4_3_a_joint_configuration_names", "configuration",
          "*new.voters, *new.learners}", "*new.voters}"),
    Break("§4.3", MEMBERS, "4_3_a_joint_configuration_names", "configuration",
          "        return Configuration(self.voters, addresses, self.learners)",
          "        return Configuration(self.voters, self.addresses, self.learners)"),
    Break("§4.3", MEMBERS, "4_3_a_joint_configuration_commits", "configuration",
          "return min(mark, reached_by_majority(self.old_voters, reached))", "return mark"),
    Break("§4.3", MEMBERS, "4_3_a_joint_configuration_commits", "configuration",
          "return min(mark, reached_by_majority(self.old_voters, reached))",
          "return reached_by_majority(self.old_voters, reached)"),
    Break("§4.3", MEMBERS, "4_3_a_majority_of_all", "configuration",
          "mark = reached_by_majority(self.voters, reached)\n        if not self.old_voters:",
          "mark = reached_by_majority(self.electors, reached)\n        if True:"),
    Break("§4.3", MEMBERS, "4_3_one_majority", "configuration",
          "return not self.old_voters or is_majority(self.old_voters, servers)", "return True"),
    Break("§4.3", MEMBERS, "4_3_one_majority", "configuration",
          "        if not is_majority(self.voters, servers):\n            return False\n",
          "        if not self.old_voters and not is_majority(self.voters, servers):\n"
          "            return False\n"),
    Break("§4.3", MEMBERS, "4_3_reads", "reads",
          "return server.configuration.reached_by_quorum(lambda",
          "return server.configuration.leaving().reached_by_quorum(lambda"),
    Break("§4.3", MEMBERS, "4_3_reads", "election",
          "server.configuration.is_quorum({server.id, *active}):",
          "len(active) > 1:"),
    Break("§4.3", MEMBERS, "4_3_the_final", "membership",
          " and server.commit_index >= index):", "):"),
    Break("§4.3", MEMBERS, "4_3_the_final", "step",
          "    handled = leave_joint(advance_commit_index(handled))",
          "    handled = advance_commit_index(handled)"),
    Break("§4.3", MEMBERS, "4_3_the_answer", "membership",
          "replace(role, proposals=(*kept, *asked))", "role"),
    Break("§4.3", MEMBERS, "4_3_whoever_leads", "membership",
          "    if not (joint.old_voters and isinstance(role, Leader)",
          "    if not (joint.old_voters and isinstance(role, Leader)"
          " and index >= role.term_start"),
    Break("§4.3", MEMBERS, "4_3_a_new_leader_that", "step",
          "    handled = leave_joint(advance_commit_index(handled))",
          "    handled = advance_commit_index(handled)\n"
          "    if handled.commit_index > server.commit_index:\n"
          "        handled = leave_joint(handled)"),
    Break("§4.3", MEMBERS, "4_3_a_snapshot", "snapshot",
          "server.log.configuration_at(index, server.snapshot)", "server.configuration"),
    Break("§4.2.2", MEMBERS, "4_2_2_a_leader_that_leaves", "replication",
          "    index = server.configuration.reached_by_quorum(lambda voter:"
          " matched.get(voter, 0))",
          "    index = server.configuration.reached_by_quorum(\n"
          "        lambda voter: matched[server.id] if voter == 'n3' else matched.get(voter, 0))"),
    Break("§4.2.2", MEMBERS, "4_2_2_a_leader_that_left_retires_when", "membership",
          "        if server.last_applied < membership",
          "        if True or server.last_applied < membership"),
    Break("§4.2.2", MEMBERS, "4_2_2_a_leader_that_left_retires_only", "membership",
          "        if server.last_applied < membership",
          "        if server.commit_index < membership"),
    Break("§4.2.2", MEMBERS, "4_2_2_who_left_campaigns", "in_force",
          "    if server.configuration.has_vote(server.id):", "    if True:"),
    Break("§4.2.2", MEMBERS, "4_2_2_who_leaves_may", "in_force",
          "    return any(configuration.has_vote(server.id) for _, configuration in possible)",
          "    return False"),
    Break("§4.2.2", MEMBERS, "4_2_2_its_own_vote", "configuration",
          "        if not is_majority(self.voters, servers):",
          "        if not is_majority(self.voters, servers) and len(servers) < 2:"),
    Break("§4.2.2", MEMBERS, "4_2_2_who_leaves_is_sent", "in_force",
          "        if node not in named\n", "        if False\n"),
    Break("§4.2.2", MEMBERS, "4_2_2_who_leaves_is_sent", "step",
          "    if must_announce(old, new):\n        return True\n", ""),
    Break("§4.2.2", MEMBERS, "4_2_2_who_left_is_spoken", "in_force",
          "table[node].match_index >= membership.index or not table[node].recently_active",
          "True"),
    Break("§4.2.2", MEMBERS, "4_2_2_who_left_is_spoken", "in_force",
          "table[node].match_index >= membership.index or not table[node].recently_active",
          "not table[node].recently_active"),
    Break("§4.2.2", MEMBERS, "4_2_2_who_left_and", "in_force",
          " or not table[node].recently_active", ""),
    Break("§4.2.2", MEMBERS, "4_2_2_nobody", "in_force",
          " or server.commit_index < membership.index:", ":"),
    Break("§4.2.2", MEMBERS, "4_2_2_an_answer", "configuration",
          "mark = reached_by_majority(self.voters, reached)",
          "mark = reached_by_majority((*self.voters, 'n2', 'n3'), reached)"),
    Break("§4.2.2", MEMBERS, "4_2_2_a_new_leader", "election",
          "for peer in server.peers)", "for peer in server.configuration.peers_of(server.id))"),
    Break("§4.2.2", MEMBERS, "4_2_2_a_change_that_loses", "membership",
          "    if not (event.force or _keeps_a_quorum(server, role, wanted)):", "    if False:"),
    Break("§4.2.2", MEMBERS, "4_2_2_a_change_that_loses", "membership",
          "event.force or _keeps", "_keeps"),
    Break("§4.2.2", MEMBERS, "4_2_2_whoever_is_down", "membership",
          "return first.is_quorum(", "return set(wanted.voters) < set("),
    Break("§4.2.2", MEMBERS, "4_2_2_who_has_not_had_time", "membership",
          "if one.recently_active or one.active_before}", "if one.recently_active}"),
    Break("§4.2.2", MEMBERS, "4_2_2_who_follows", "membership",
          "    if membership.leaving and membership.index <= server.commit_index:",
          "    if False:"),
    Break("§3.10", OFFICE, "3_10_who_holds_the_whole", "step",
          "    new, word = say_timeout_now(new)", "    word = ()"),
    Break("§3.10", OFFICE, "3_10_who_lacks_an_entry", "transfer",
          " or dict(role.progress)[target].match_index < server.log.last_index:", ":"),
    Break("§3.10", OFFICE, "3_10_nobody_is_told", "transfer",
          "if role.proposals or dict", "if dict"),
    Break("§3.10", OFFICE, "3_10_nobody_is_told", "transfer",
          "if role.proposals or dict",
          "if server.commit_index < server.log.last_index or dict"),
    Break("§3.10", OFFICE, "3_10_the_word_is_said_once", "transfer",
          " or role.transfer is None or role.transfer.told:", " or role.transfer is None:"),
    Break("§3.10", OFFICE, "3_10_without_a_name_it_goes_to_whoever", "transfer",
          "return max(able, key=lambda voter: table[voter].match_index, default=None)",
          "return min(able, default=None)"),
    Break("§3.10", OFFICE, "3_10_without_a_name_it_goes_to_nobody", "transfer",
          "return answers and not installing", "return not installing"),
    Break("§3.10", OFFICE, "3_10_who_has_not_had_time", "transfer",
          "progress.recently_active or progress.active_before", "progress.recently_active"),
    Break("§3.10", OFFICE, "3_10_who_lacks_too_much", "transfer",
          " and progress.match_index >= least", ""),
    Break("§3.10", OFFICE, "3_10_who_lacks_too_much", "transfer",
          "server.commit_index - server.limits.promotion_lag", "server.commit_index"),
    Break("§3.10", OFFICE, "3_10_who_is_being_sent", "transfer",
          "return answers and not installing and", "return answers and"),
    Break("§3.10", OFFICE, "3_10_learners", "transfer",
          "server.configuration.electors if voter != server.id]",
          "server.configuration.members if voter != server.id]"),
    Break("§3.10", OFFICE, "3_10_learners", "transfer",
          " if voter != server.id]", "]"),
    Break("§3.10", OFFICE, "3_10_whoever_votes_alone", "transfer",
          "if not others or event.to not in (None, *others):",
          "if event.to not in (None, *others):"),
    Break("§3.10", OFFICE, "3_10_a_leader_that_has_committed_nothing", "transfer",
          "    if server.commit_index < role.term_start:", "    if False:"),
    Break("§3.10", OFFICE, "3_10_a_change_of_members", "transfer",
          " or server.last_applied < server.membership.index:", ":"),
    Break("§3.10", OFFICE, "3_10_commands_are_refused", "replication",
          "    if role.transfer is not None:", "    if role.transfer and role.transfer.told:"),
    Break("§3.10", OFFICE, "3_10_commands_are_refused", "replication",
          "    if role.transfer is not None:", "    if False:"),
    Break("§3.10", OFFICE, "3_10_changes_of_members", "membership",
          "    if role.transfer is not None:", "    if False:"),
    Break("§3.10", OFFICE, "3_10_another_transfer", "transfer",
          "    if role.transfer is not None:", "    if False:"),
    Break("§3.10", OFFICE, "3_10_reads_are_served", "reads",
          "    reads = replace(role.reads, waiting=role.reads.waiting + event.refs)",
          "    if role.transfer:\n"
          "        refusal = Rejected(Reason.NOT_LEADER, None)\n"
          "        return server, tuple(Reply(ref, refusal) for ref in event.refs)\n"
          "    reads = replace(role.reads, waiting=role.reads.waiting + event.refs)"),
    Break("§3.10", OFFICE, "3_10_a_leader_that_sees", "roles",
          "HandedOver(transfer.to) if deposed else Unknown(leader)", "Unknown(leader)"),
    Break("§3.10", OFFICE, "3_10_who_is_deposed_before", "roles",
          "    if not transfer.told:", "    if False:"),
    Break("§3.10", OFFICE, "3_10_a_leader_that_nobody", "roles",
          "HandedOver(transfer.to) if deposed else Unknown(leader)", "HandedOver(transfer.to)"),
    Break("§3.10", OFFICE, "3_10_a_leader_that_halts", "roles",
          "        *(_transfer_ends(role.transfer, leader, reason, deposed) if role.transfer"
          " else ()),\n", ""),
    Break("§3.10", OFFICE, "3_10_a_transfer_that_expires", "transfer",
          "    return replace(server, role=replace(role, transfer=None)), (Reply",
          "    return server, (Reply"),
    Break("§3.10", OFFICE, "3_10_once_the_word", "transfer",
          "Unknown(server.id) if told else Rejected", "Rejected"),
    Break("§3.10", OFFICE, "3_10_who_is_told_campaigns", "transfer",
          "    return become_candidate(server, leadership_transfer=True)",
          "    from huffleraft.core.election import timeout\n    return timeout(server)"),
    Break("§3.10", OFFICE, "3_10_who_is_told_campaigns", "transfer",
          "become_candidate(server, leadership_transfer=True)", "become_candidate(server)"),
    Break("§3.10", OFFICE, "3_10_a_word_of_an_old_term", "transfer",
          "    if late or isinstance", "    if isinstance"),
    Break("§3.10", OFFICE, "3_10_a_word_repeated", "transfer",
          "    if late or isinstance", "    if isinstance"),
    Break("§3.10", OFFICE, "3_10_who_does_not_vote", "transfer",
          " or not may_campaign(server):", ":"),
    Break("§3.10", OFFICE, "3_10_who_did_not_win", "election",
          "leadership_transfer: bool = False) ->", "leadership_transfer: bool = True) ->"),
    Break("§3.10", OFFICE, "3_10_whoever_obeys_the_leader", "step",
          " and not _by_transfer(message):", ":"),
    Break("§3.10", OFFICE, "3_10_whoever_obeys_a_leader", "step",
          " and not _by_transfer(message):",
          " and isinstance(message, PreVoteRequest):"),
    Break("§3.2", BEGINNINGS, "3_2_any", "quorum",
          "    return voters // 2 + 1", "    return (voters + 1) // 2"),
    Break("§3.3", BEGINNINGS, "3_3", "step",
          "    if message.term > server.current_term:",
          "    if message.term != server.current_term:"),
    Break("§3.4", BEGINNINGS, "3_4", "election",
          "        CancelTimer(Timer.ELECTION),\n        ResetTimer(Timer.HEARTBEAT),",
          "        ResetTimer(Timer.HEARTBEAT),"),
    Break("§3.6.1", BEGINNINGS, "3_6_1", "election",
          "return last_log_id >= server.log.last_id", "return True"),
    Break("§3.6.2", BEGINNINGS, "3_6_2", "election",
          "log=extended(server, [None]), role=role", "role=role"),
    Break("§10.2.1", BEGINNINGS, "10_2_1", "durability",
          "    return waits or None",
          "    return waits or (disk.outstanding and disk.outstanding[-1].number) or None"),
    Break("§6.4", LATE, "6_4_a_late", "progress",
          "max(progress.read_round, response.read_round)", "response.read_round"),
]  # fmt: skip


def survivors(breaks: list[Break]) -> list[Break]:
    """Those of *breaks* that no test of theirs noticed, after a line about each."""
    return [one for one in breaks if not _killed(one)]


def _killed(one: Break) -> bool:
    """Whether a test named by the rule fails with *one* in place, and none of them without."""
    if _passes_unpatched(one.test_file, one.tests):
        killed = _outcome(one.test_file, one.tests, [one.patch]) == FAILED
        verdict = "killed by" if killed else "SURVIVED"
    else:
        killed, verdict = False, "proves nothing, since without it fails"
    print(f"{one.rule:8} {one.module:12} {verdict} test_{one.tests}*", flush=True)
    return killed


@cache
def _passes_unpatched(test_file: str, tests: str) -> bool:
    return _outcome(test_file, tests, []) == PASSED


def _outcome(test_file: str, tests: str, patches: list[Patch]) -> int:
    """What the tests say of a core with *patches*, in a child process of their own."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os._exit(_try(test_file, tests, patches))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _try(test_file: str, tests: str, patches: list[Patch]) -> int:
    """Put *patches* in, then run the tests; whatever a test raises, it noticed.

    Except where the patch broke the program and not the rule: it is not accepted.
    """
    try:
        install("break", patches)
        found = vars(importlib.import_module(f"tests.core.{test_file}"))
        for name, test in found.items():
            if name.startswith(f"test_{tests}"):
                test()
    except (PlantRefused, SyntaxError, ImportError, NameError, TypeError, AttributeError) as why:
        print(f"not accepted: {why!r}", flush=True)
        return REFUSED
    except Exception:  # noqa: BLE001 - a test noticed
        return FAILED
    return PASSED


if __name__ == "__main__":
    alive = survivors(BREAKS)
    print(f"{len(BREAKS) - len(alive)} of {len(BREAKS)} patches killed")
    sys.exit(bool(alive))
