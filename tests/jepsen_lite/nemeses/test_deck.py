"""The deck, as the seed shuffles it, for every size of cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.core.quorum import majority
from jepsen_lite.nemeses import (
    ALL_KINDS,
    Change,
    Cut,
    Kill,
    Kind,
    Pace,
    Pause,
    Replace,
    Track,
    deal,
    describe_deck,
)
from jepsen_lite.nemeses.deck import Hand
from jepsen_lite.nemeses.faults import cut_by, nodes_of
from jepsen_lite.nemeses.kinds import View, fits, may_overlap, spare

SEEDS = st.integers(0, 2**32)
SIZES = st.integers(1, 9)
PACE = Pace.of(0.8)


@given(SEEDS, SIZES, st.sampled_from(Track))
def test_every_deck_of_a_track_holds_each_of_its_kinds_once(
    seed: int, size: int, track: Track
) -> None:
    kinds = [kind for kind in ALL_KINDS if kind.track is track and fits(kind, size)]
    if not kinds:
        return
    for deck in islice(deal(track, seed, ALL_KINDS, size, PACE), 3):
        assert sorted(card.kind.name for card in deck) == sorted(kind.name for kind in kinds)


def test_five_nodes_meet_every_kind() -> None:
    assert all(fits(kind, 5) for kind in ALL_KINDS)
    assert {kind.name for kind in ALL_KINDS if kind.unseats} == {
        "isolate-leader",
        "kill-leader",
        "pause-leader",
        "remove-leader",
    }


@given(SEEDS, SIZES, st.sampled_from(Track))
def test_the_same_seed_deals_the_same_cards(seed: int, size: int, track: Track) -> None:
    def cards() -> object:
        return list(islice(deal(track, seed, ALL_KINDS[:], size, PACE), 2))

    if any(kind.track is track and fits(kind, size) for kind in ALL_KINDS):
        assert cards() == cards()


@given(SEEDS)
def test_a_fault_outlasts_four_elections_unless_nobody_can_be_elected(seed: int) -> None:
    for track in Track:
        for card in next(deal(track, seed, ALL_KINDS, 5, PACE)):
            assert 1 <= card.calm <= 2 or (track is Track.MEMBERS and 3 <= card.calm <= 5)
            if card.kind.name in {"kill-majority", "kill-all"}:
                assert 2 <= card.seconds <= 2.5
            else:
                assert 4 * 0.8 <= card.seconds <= 4


@given(SEEDS)
def test_a_whole_deck_of_each_track_is_dealt_within_45_seconds(seed: int) -> None:
    for track in Track:
        deck = next(deal(track, seed, ALL_KINDS, 5, PACE))
        assert sum(card.seconds + card.calm for card in deck) - deck[-1].calm <= 45


def test_the_deck_is_told_beside_the_seed() -> None:
    told = describe_deck(7, ALL_KINDS, 5, PACE)
    assert told == describe_deck(7, ALL_KINDS, 5, PACE)
    assert told != describe_deck(8, ALL_KINDS, 5, PACE)
    assert all(told.count(f"{kind.name} ") == 1 for kind in ALL_KINDS)


@given(SEEDS)
def test_a_card_that_was_put_back_comes_again_before_the_next_deck(seed: int) -> None:
    hand = Hand(deal(Track.NETWORK, seed, ALL_KINDS, 5, PACE))
    taken = []
    for turn in range(8):
        hand.keep_only(lambda _: True)
        card = hand.take(lambda _: True)
        assert card is not None
        taken.append(card)
        if turn == 0:
            hand.put_back(card)
    assert taken[0] == taken[-1]
    assert len({card.kind.name for card in taken}) == 7


@given(SEEDS, st.sampled_from([kind for kind in ALL_KINDS if kind.track is Track.NETWORK]))
def test_only_what_is_wanted_is_left_in_the_hand(seed: int, wanted: Kind) -> None:
    hand = Hand(deal(Track.NETWORK, seed, ALL_KINDS, 5, PACE))
    for _ in range(2):
        hand.keep_only(lambda card: card.kind is wanted)
        card = hand.take(lambda _: True)
        assert card is not None
        assert card.kind is wanted
        assert hand.take(lambda _: True) is None


def test_a_card_that_may_not_be_dealt_lets_the_next_go_first() -> None:
    hand = Hand(deal(Track.PROCESSES, 1, ALL_KINDS, 5, PACE))
    hand.keep_only(lambda _: True)
    first = hand.take(lambda _: True)
    second = hand.take(lambda card: card.kind.name == "kill-all")
    assert first is not None
    assert second is not None
    assert second.kind.name == "kill-all"
    assert hand.take(lambda _: False) is None


@given(SIZES, st.sampled_from(ALL_KINDS), st.sampled_from(ALL_KINDS))
def test_a_leader_is_unseated_only_where_the_rest_can_elect_another(
    size: int, one: Kind, other: Kind
) -> None:
    if not fits(one, size) or not (one.unseats and may_overlap(one, other, size)):
        return
    assert size - one.takes(size) - other.takes(size) >= majority(size)


@given(SIZES, st.sampled_from(ALL_KINDS), st.sampled_from(ALL_KINDS))
def test_whether_two_kinds_may_overlap_does_not_depend_on_their_order(
    size: int, one: Kind, other: Kind
) -> None:
    assert may_overlap(one, other, size) == may_overlap(other, one, size)


def test_a_leader_is_unseated_by_one_fault_at_a_time() -> None:
    unseating = [kind for kind in ALL_KINDS if kind.unseats]
    assert len(unseating) == 4
    assert not any(may_overlap(one, other, 9) for one in unseating for other in unseating)


@pytest.mark.parametrize("one,other", tuple(combinations(Track, 2)))
def test_two_tracks_of_five_nodes_overlap_for_most_pairs(one: Track, other: Track) -> None:
    pairs = [
        may_overlap(kind, beside, 5)
        for kind in ALL_KINDS
        for beside in ALL_KINDS
        if (kind.track, beside.track) == (one, other)
    ]
    assert sum(pairs) / len(pairs) > 0.7


@given(SIZES, st.sampled_from(ALL_KINDS), st.sampled_from(ALL_KINDS))
def test_two_that_wait_for_progress_leave_a_quorum_that_makes_it(
    size: int, one: Kind, other: Kind
) -> None:
    if one.patient and other.patient and may_overlap(one, other, size):
        assert size - one.takes(size) - other.takes(size) >= majority(size)


@given(SEEDS)
def test_a_member_joins_before_the_leader_is_removed_so_that_the_size_is_as_it_was(
    seed: int,
) -> None:
    (deck,) = islice(deal(Track.MEMBERS, seed, ALL_KINDS, 5, PACE), 1)
    names = [card.kind.name for card in deck]
    assert names.index("join") < names.index("remove-leader")


# Aims.


def view_of(size: int, down: set[int], at: int) -> View:
    nodes = tuple(f"n{number}" for number in range(1, size + 1))
    running = tuple(node for place, node in enumerate(nodes) if place not in down)
    leader = running[at] if at < len(running) else None
    return View(nodes, running, leader, voters=nodes)


VIEWS = st.builds(
    view_of,
    SIZES,
    st.sets(st.integers(0, 8)),
    st.integers(0, 8),
)


def _struck(kinds: Sequence[Kind], view: View, roll: int) -> list[tuple[Kind, tuple[str, ...]]]:
    aimed = [(kind, kind.aim(view, Random(roll))) for kind in kinds]
    return [
        (kind, shot.target if isinstance(shot.fault, Change) else nodes_of(shot.fault))
        for kind, shot in aimed
        if shot is not None
    ]


@given(VIEWS, SEEDS)
def test_only_processes_that_run_are_struck(view: View, roll: int) -> None:
    for _, nodes in _struck(ALL_KINDS, view, roll):
        assert set(nodes) <= set(view.running)


@given(VIEWS, SEEDS)
def test_no_kind_takes_more_nodes_than_it_says(view: View, roll: int) -> None:
    for kind, nodes in _struck(ALL_KINDS, view, roll):
        assert len(nodes) <= kind.takes(len(view.nodes))


@given(VIEWS, SEEDS)
def test_a_kind_that_is_aimed_at_the_leader_strikes_it_or_nobody(view: View, roll: int) -> None:
    for kind in ALL_KINDS:
        if kind.unseats:
            aimed = kind.aim(view, Random(roll))
            assert (aimed is None) == (view.leader is None)
            assert aimed is None or aimed.target == (view.leader,)


@given(SEEDS)
def test_with_all_running_each_kind_strikes_as_many_as_its_name_says(roll: int) -> None:
    view = view_of(5, set(), 2)
    struck = {kind.name: len(nodes) for kind, nodes in _struck(ALL_KINDS, view, roll)}
    assert struck["kill-one"] == struck["kill-leader"] == struck["pause-one"] == 1
    assert (struck["kill-minority"], struck["kill-majority"], struck["kill-all"]) == (2, 3, 5)


@given(SEEDS)
def test_halves_leave_a_majority_on_one_side(roll: int) -> None:
    (halves,) = [kind for kind in ALL_KINDS if kind.name == "halves"]
    view = view_of(5, set(), 0)
    aimed = halves.aim(view, Random(roll))
    assert aimed is not None
    assert isinstance(aimed.fault, Cut)
    assert len(aimed.target) == spare(5)
    assert len(cut_by(aimed.fault)) == 12


@given(VIEWS, SEEDS)
def test_the_same_dice_take_the_same_aim(view: View, roll: int) -> None:
    for kind in ALL_KINDS:
        assert kind.aim(view, Random(roll)) == kind.aim(view, Random(roll))


def test_pauses_pause_and_kills_kill() -> None:
    view = view_of(5, set(), 0)
    for kind in ALL_KINDS:
        aimed = kind.aim(view, Random(1))
        assert aimed is not None, kind.name
        assert isinstance(aimed.fault, Pause) == kind.name.startswith("pause-")
        assert isinstance(aimed.fault, Kill) == kind.name.startswith("kill-")


@given(VIEWS, SEEDS)
def test_who_falls_behind_has_installed_no_snapshot_and_leads_only_as_the_last_one(
    view: View, roll: int
) -> None:
    (fall_behind,) = [kind for kind in ALL_KINDS if kind.name == "fall-behind"]
    done = frozenset(view.nodes[:3])
    view = replace(view, installed=done)
    aimed = fall_behind.aim(view, Random(roll))
    lacking = [node for node in view.running if node not in done]
    if aimed is None:
        assert set(view.running) <= {view.leader}
        assert not lacking
        return
    (node,) = aimed.target
    assert node in lacking or not lacking
    if node == view.leader:
        assert lacking == [node]


@given(VIEWS, SEEDS)
def test_a_follower_that_votes_is_replaced_and_nobody_else(view: View, roll: int) -> None:
    (kind,) = [kind for kind in ALL_KINDS if kind.name == "replace-member"]
    view = replace(view, voters=view.nodes[1:])
    aimed = kind.aim(view, Random(roll))
    if aimed is not None:
        assert isinstance(aimed.fault, Replace)
        assert aimed.fault.node in set(view.running) & set(view.voters) - {view.leader}


@given(SEEDS)
def test_who_is_replaced_is_under_no_other_fault_and_has_installed_a_snapshot_if_any_has(
    roll: int,
) -> None:
    (kind,) = [kind for kind in ALL_KINDS if kind.name == "replace-member"]
    view = replace(view_of(5, set(), 0), struck=frozenset({"n2"}))
    for installed, chosen in (
        ({"n2", "n3"}, {"n3"}),
        ({"n1", "n2"}, {"n3", "n4", "n5"}),
    ):
        aimed = kind.aim(replace(view, installed=frozenset(installed)), Random(roll))
        assert aimed is not None
        assert set(aimed.target) <= chosen
