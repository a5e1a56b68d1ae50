"""What a leader makes of a wish about the members, and when it will not."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from huffleraft.codec.fields import MEMBERS_MAX
from huffleraft.core import ConfigurationRequested, Server
from huffleraft.errors import (
    FrameInvalid,
    HuffleraftError,
    MemberRefused,
    MemberRemoved,
    NoSuchMember,
    QuorumAtRisk,
)
from huffleraft.runtime.changes import Admit, Changes, Remove, Wish, decode_wish, encode_wish
from tests.core.building import entries, take
from tests.core.test_membership import acked, ask_for, ready, restarted, with_learner

Asked = ConfigurationRequested | HuffleraftError

EVERYBODY = ("n2", "n3", "n4")


def asked_for(
    wish: Wish,
    server: Server | None = None,
    *,
    left: Collection[str] = (),
    connected: Collection[str] = EVERYBODY,
) -> Asked:
    """What n1 asks its core for; n1, n2 and n3 vote."""
    changes = Changes(
        lambda: server or ready(), has_left=left.__contains__, reaches=connected.__contains__
    )
    return changes.event_for(7, encode_wish(wish))


def voters(asked: Asked) -> dict[str, str]:
    assert isinstance(asked, ConfigurationRequested), asked
    return dict(asked.voters)


def learners(asked: Asked) -> dict[str, str]:
    assert isinstance(asked, ConfigurationRequested), asked
    return dict(asked.learners)


@pytest.mark.parametrize("empty", [True, False])
def test_an_unknown_node_becomes_a_learner_first_whatever_its_log_holds(empty: bool) -> None:
    asked = asked_for(Admit("n4", "n4:1", learner=False, empty=empty))

    assert list(voters(asked)) == ["n1", "n2", "n3"]
    assert learners(asked) == {"n4": "n4:1"}


def test_a_learner_that_holds_something_is_to_vote_unless_it_wants_to_stay_one() -> None:
    server = with_learner()

    asked = asked_for(Admit("n4", "n4:1", learner=False, empty=False), server)
    assert "n4" in voters(asked)
    assert not learners(asked)
    for stays in (Admit("n4", "n4:1", True, False), Admit("n4", "n4:1", False, True)):
        assert learners(asked_for(stays, server)) == {"n4": "n4:1"}


def test_a_voter_stays_one_and_gets_the_address_that_it_has_now() -> None:
    asked = asked_for(Admit("n2", "elsewhere:9", learner=True, empty=False))

    assert voters(asked) == {"n1": "n1:1", "n2": "elsewhere:9", "n3": "n3:1"}


def test_a_node_that_does_not_lead_leaves_it_to_the_core_to_say_so() -> None:
    follower = restarted(*entries("1:1", "2:2"))

    asked = asked_for(Remove("n9", force=False), follower, left=["n9"])

    assert list(voters(asked)) == ["n1", "n2", "n3"]


@pytest.mark.parametrize(
    "wish, left, refusal, words",
    [
        (Admit("n4", "n4:1", False, True), ["n4"], MemberRemoved, "n4 was removed"),
        (Admit("n2", "n2:1", False, True), [], MemberRefused, "its disk is gone"),
        (Admit("n4", "n2:1", False, True), [], MemberRefused, "n2:1 is the address of n2"),
        (Remove("n9", force=True), [], NoSuchMember, "n9 is not a member"),
    ],
)
def test_some_wishes_are_refused_by_name(
    wish: Wish, left: list[str], refusal: type[HuffleraftError], words: str
) -> None:
    refused = asked_for(wish, left=left)

    assert isinstance(refused, refusal)
    assert words in str(refused)


def test_a_cluster_has_so_many_members_and_no_more() -> None:
    many = " ".join(f"l{number}" for number in range(MEMBERS_MAX - 3))
    server, _ = take(ready(), ask_for(1, "n1 n2 n3", many))
    server, _ = acked(server, 3, "n2", "n3")

    refused = asked_for(Admit("n4", "n4:1", False, True), server)

    assert isinstance(refused, MemberRefused)
    assert f"there are {MEMBERS_MAX} members already" in str(refused)


def test_who_was_removed_may_be_removed_again() -> None:
    assert list(voters(asked_for(Remove("n9", force=False), left=["n9"]))) == ["n1", "n2", "n3"]


def test_a_vote_that_is_needed_is_not_taken_away_unless_by_force() -> None:
    n3_is_down = ("n2",)

    assert isinstance(asked_for(Remove("n2", force=False), connected=n3_is_down), QuorumAtRisk)
    assert "n2" not in voters(asked_for(Remove("n2", force=True), connected=n3_is_down))
    assert "n3" not in voters(asked_for(Remove("n3", force=False), connected=n3_is_down))
    newcomer = Admit("n4", "n4:1", learner=False, empty=True)
    assert "n4" in learners(asked_for(newcomer, connected=()))  # no vote changes


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x93\xa5admit\xa2n4\xa4n4:1", b"\x91" * 5000])
def test_bytes_that_are_no_wish_are_refused(payload: bytes) -> None:
    with pytest.raises(FrameInvalid, match="this is no change of members"):
        decode_wish(payload)
    changes = Changes(ready, has_left=lambda _: False, reaches=lambda _: True)
    assert isinstance(changes.event_for(1, payload), MemberRefused)
