"""All rules, each with its sentence in our own words.

The ids of the figures count their lines; W and O numbers are those of the durability contract and
of what an embedder owes; what has a section mark is a section of the dissertation.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold."""

    id: str
    sentence: str
    built: bool = True

    @property
    def test_prefix(self) -> str:
        """What the name of a test of this rule begins with."""
        return f"test_{self.id.lower().removeprefix('§').replace('.', '_')}_"


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that belong together."""

    title: str
    rules: tuple[Rule, ...]


FIGURE_3_1 = Group("Figure 3.1: elections and replication", (
    Rule("RV.1", "A request for a vote from an earlier term is refused."),
    Rule("RV.2", "A server votes once a term, for a log at least as up-to-date as its own."),
    Rule("AE.1", "Entries from a leader of an earlier term are refused."),
    Rule("AE.2", "Entries are refused by whoever does not hold the one before them."),
    Rule("AE.3", "An entry that contradicts the leader's goes, with all after it; nothing else does."),
    Rule("AE.4", "What is not held yet is appended."),
    Rule("AE.5", "The commit index follows the leader's, as far as the request shows the log to agree."),
    Rule("ALL.1", "What is committed is applied, in order."),
    Rule("ALL.2", "Whoever sees a later term enters it, as a follower."),
    Rule("F.1", "A follower answers leaders and candidates."),
    Rule("F.2", "A follower that hears no leader and grants no vote for an election timeout campaigns."),
    Rule("C.1", "A candidate enters a new term, votes for itself, and asks all others."),
    Rule("C.2", "Votes of a majority make a leader."),
    Rule("C.3", "A candidate that hears the leader of its term follows it."),
    Rule("C.4", "A candidate whose election decides nothing campaigns again."),
    Rule("L.1", "A leader speaks at once, and again at every heartbeat."),
    Rule("L.2", "A client's command is appended, and answered after it is applied."),
    Rule("L.3", "A peer is sent what it lacks, from an earlier entry whenever it refuses."),
    Rule("L.4", "An entry of the leader's own term that a majority holds is committed, with all before it."),
))  # fmt: skip

FIGURE_5_3 = Group("Figure 5.3: snapshots", (
    Rule("IS.1", "A snapshot from a leader of an earlier term is refused."),
    Rule("IS.2", "Another copy than the one under way is received from its beginning."),
    Rule("IS.3", "Bytes are taken at the offset where they belong, and only of the stream in place."),
    Rule("IS.4", "Each piece is answered, and the core hears of the copy once it is whole and durable."),
    Rule("IS.5", "A snapshot is taken over only if it is ahead of what is committed here."),
    Rule("IS.6", "A log that holds the snapshot's last entry keeps what follows it."),
    Rule("IS.7", "A log that does not hold it goes whole."),
    Rule("IS.8", "The state machine becomes the snapshot's, and the configuration with it."),
))  # fmt: skip

DURABILITY = Group("The durability contract", (
    Rule("W1", "A granted vote waits for the write that holds it."),
    Rule("W2", "A request for votes waits for the write of the sender's own vote."),
    Rule("W3", "An acknowledgement waits for the oldest write that holds what it claims, and claims no more than its request showed."),
    Rule("W4", "Entries leave once their leader's term is durable; they do not wait for themselves."),
    Rule("W5", "A leader counts itself only up to its own durable index."),
    Rule("W6", "A truncation lowers what is, and what will be, durable in the same step."),
    Rule("W7", "A write that became durable speaks for what it wrote as far as it was not cut, and for nothing else."),
    Rule("W8", "A refusal waits for the write of the term that it reveals."),
    Rule("W9", "The commit index is not stored: a start knows as committed what the machine and the snapshot hold."),
    Rule("W10", "Only what is committed and durable here is applied."),
    Rule("W11", "A snapshot is durable before anything relies on it, and a crash before its restore is made good."),
    Rule("W12", "An install is one write."),
    Rule("W13", "A failed write stops the server; a leader whose disk stands still leaves office."),
    Rule("W14", "What a leader accepted is told to be committed, or unknown; never refused."),
    Rule("W15", "A read waits for a round begun after it, for a commit of this term, and to be applied up to there."),
    Rule("W16", "A lease begins before the round that confirms it leaves, and ends with any change of members or handover.", built=False),
))  # fmt: skip

EMBEDDER = Group("What the embedder owes", (
    Rule("O1", "One step at a time; its effects are carried out in order, and what is applied and answered is one queue."),
    Rule("O2", "Writes become durable in order, each whole."),
    Rule("O3", "No message leaves before the write that it waits for."),
    Rule("O4", "What is due is delivered before any other event; what was reset or cancelled since is not."),
    Rule("O5", "Stickiness lasts equally long everywhere, and an election timeout at least as long."),
    Rule("O6", "References and boots are never used twice, and a node id dies with its disk."),
    Rule("O7", "Nothing happens after a halt."),
))  # fmt: skip

SECTIONS = Group("Beyond the figures: sections of the dissertation", (
    Rule("§3.2", "Any two majorities of one set share a member."),
    Rule("§3.3", "Terms are a clock: what speaks of an earlier one changes nothing."),
    Rule("§3.4", "A leader of the term stands in no election; one timer makes way for others."),
    Rule("§3.5", "Logs that agree in an entry agree in all before it, and a refusal says where they may still agree."),
    Rule("§3.6.1", "Nobody is elected who lacks what is committed."),
    Rule("§3.6.2", "An entry of an earlier term commits with one of the leader's own term, and not by its copies."),
    Rule("§3.8", "Term, vote and log outlive a crash; parts of them that contradict each other start nothing."),
    Rule("§3.10", "A leader hands its office to another that holds all it holds."),
    Rule("§4.1", "A configuration is in force from its append, one change at a time, and votes are counted by it."),
    Rule("§4.2.1", "A newcomer learns before it votes, and votes once it is near the end of the log."),
    Rule("§4.2.2", "A leader that is no member retires once that is committed, and does not count itself."),
    Rule("§4.2.3", "Whoever hears a leader helps nobody depose it."),
    Rule("§4.3", "From one set of voters to another the cluster needs both majorities."),
    Rule("§5.1", "What the state machine holds durably goes from the log, but for some entries."),
    Rule("§5.3", "A peer that needs what is gone is sent a snapshot, and heartbeats until it has it."),
    Rule("§6.2", "A leader that no quorum answers leaves office."),
    Rule("§6.3", "A write that is sent twice is run once."),
    Rule("§6.4", "A read is linearizable without an entry, by a round of heartbeats; on the leader alone, so far."),
    Rule("§6.4.1", "A leader may answer reads by a lease instead.", built=False),
    Rule("§9.6", "Whoever campaigns asks first whether it could win, and disturbs nobody by that."),
    Rule("§10.2.1", "A leader sends entries while it writes them."),
    Rule("§10.2.2", "Requests follow each other without waiting, and gather what is not urgent."),
))  # fmt: skip

GROUPS = (FIGURE_3_1, FIGURE_5_3, DURABILITY, EMBEDDER, SECTIONS)
RULES = tuple(rule for group in GROUPS for rule in group.rules)
