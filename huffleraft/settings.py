"""What a node may be told to do differently, in one place, with its defaults.

Settings shape one node: how patient it is, and how much it holds.  Nothing that decides what a
command *means* is a setting, or two nodes with different ones would diverge.  Durations are in
seconds; sizes are in bytes unless a name says otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from huffleraft.core.types import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """The durations and bounds of one node.

    - ``heartbeat < election_min <= election_max``, else leaders are deposed for no fault.
    - Stickiness lasts as long as the least election timeout, and must be the same on all nodes
      (obligation O5); so give every node of a cluster the same election bounds.

    Raises ValueError, in one sentence, for values that cannot work.
    """

    # Elections.

    heartbeat: float = 0.1
    """How often a leader speaks."""
    election_min: float = 0.6
    """The least wait before a campaign."""
    election_max: float = 1.2
    """The longest wait before a campaign; also how often a leader checks its quorum."""

    # The protocol's own bounds.

    limits: Limits = field(default_factory=Limits)

    # Requests.

    request_timeout: float = 5.0
    """How long a request may take if it names no time of its own."""
    requests_outstanding: int = 16_384
    """Requests of any kind that have no answer yet; beyond it they are refused (overloaded)."""
    bytes_waiting: int = 32 << 20
    """Bytes of commands that wait for the next turn; beyond it they are refused (overloaded)."""
    messages_waiting: int = 4_096
    """Messages from peers that wait for the next turn; beyond it they are lost."""
    sends_held: int = 16_384
    """Messages that wait for a write to be durable (O3); beyond it further ones are lost."""
    entries_unapplied: int = 65_536
    """Committed entries that wait to be applied; beyond it writes are refused (overloaded)."""

    # Storage.

    storage_retry: float = 0.25
    """The pause before a write that found the disk full is tried again."""
    flush_interval: float = 2.0
    """How long applied changes may stand in memory alone; a restart replays them from the log."""

    # Snapshots.

    snapshot_entries: int = 10_000
    """Entries applied since the last snapshot that call for another."""
    snapshot_bytes: int = 64 << 20
    """Bytes of commands applied since the last snapshot that call for another."""

    # Links to peers.

    dial_timeout: float = 2.0
    """For connecting and for each side's hello."""
    redial_min: float = 0.05
    redial_max: float = 0.5
    """The bounds of the pause before a lost link is dialled again; it doubles, with jitter."""
    link_idle: float = 5.0
    """After this long without a frame a link says that it still stands."""
    link_dead: float = 15.0
    """After this long without any bytes, or with a send that does not end, a link is closed."""
    frames_waiting: int = 4_096
    """Frames that wait to leave to one peer; beyond it further ones are lost."""
    frame_bytes_waiting: int = 32 << 20
    """Bytes of frames that wait to leave to one peer; beyond it further ones are lost."""
    newcomers_heard: int = 16
    """Callers heard at once that no configuration known here names; beyond it one is closed."""
    founding_patience: float = 1.0
    """How long a founder waits for the others to say whether they have met its id."""
    join_patience: float = 10.0
    """How long a newcomer tries to reach a member before it gives up."""

    # The end.

    stop_timeout: float = 5.0
    """A stop has finished or failed everything by then."""

    @property
    def stickiness(self) -> float:
        """How long whoever has heard a leader helps nobody depose it (O5)."""
        return self.election_min

    @property
    def check_quorum(self) -> float:
        """How often a leader asks itself whether a quorum still answers."""
        return self.election_max

    @property
    def transfer(self) -> float:
        """How long a leader waits for the one it hands its office to (§3.10)."""
        return self.election_min

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, int | float) and not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}; it must be a number above 0")
        if not self.heartbeat < self.election_min:
            raise ValueError(
                f"the heartbeat ({self.heartbeat:g} s) must be shorter than the least election "
                f"timeout ({self.election_min:g} s): make it a sixth of it"
            )
        if self.election_min > self.election_max:
            raise ValueError(
                f"the election timeout's bounds are {self.election_min:g} and "
                f"{self.election_max:g} s; give the lower one first"
            )
        if self.redial_min > self.redial_max:
            raise ValueError(
                f"the redial pause's bounds are {self.redial_min:g} and {self.redial_max:g} s; "
                "give the lower one first"
            )
        if 2 * self.link_idle > self.link_dead:
            raise ValueError(
                f"link_idle ({self.link_idle:g} s) must be at most half of link_dead "
                f"({self.link_dead:g} s), or quiet links are taken for dead ones"
            )
