"""Servers and logs are values: compared, hashed, kept, sent, and never changed."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from huffleraft.core import Entry, Follower, Limits, Log, Vote, recover
from huffleraft.core.types import replace
from tests.core.building import at, entries, leader


def test_a_server_is_a_value() -> None:
    one, other = leader("1:1", "2:1", term=1), leader("1:1", "2:1", term=1)

    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one


def test_replacing_fields_of_a_value_is_what_dataclasses_do() -> None:
    server = leader("1:1", "2:1", term=1)

    ours = replace(server, role=Follower("n2"), commit_index=1)

    assert ours == dataclasses.replace(server, role=Follower("n2"), commit_index=1)
    assert server == leader("1:1", "2:1", term=1)
    assert hash(ours) == hash(pickle.loads(pickle.dumps(ours)))


def test_a_branch_of_a_log_disturbs_no_other() -> None:
    log = Log(entries=entries("1:1", "2:1"))

    one, other = log.append(entries("3:1")), log.append(entries("3:2"))

    assert (one.term_at(3), other.term_at(3), log.last_index) == (1, 2, 2)
    assert one.truncated(3) == log == other.truncated(3)


def test_logs_that_end_alike_are_equal_only_if_all_their_entries_are() -> None:
    one, other = (
        Log(entries=entries("1:1", "2:1", "3:2")),
        Log(entries=entries("1:1", "2:2", "3:2")),
    )

    assert one != other, "an explorer would merge states just where Log Matching is broken"
    assert hash(one) == hash(other), "the hash is O(1), over what Log Matching says is enough"
    assert one != one.truncated(3)


def test_a_log_carries_no_more_than_it_holds() -> None:
    log = Log(entries=entries("1:1", "2:1", "3:2"))

    again = pickle.loads(pickle.dumps(log.truncated(3)))

    assert (again, len(again)) == (log.truncated(3), 2)
    assert again.append(entries("3:1")).term_at(3) == 1
    assert len(pickle.dumps(log.truncated(2))) < len(pickle.dumps(log))


def test_a_log_is_extended_in_place_at_its_tip_and_copied_elsewhere() -> None:
    log = Log(entries=entries("1:1", "2:1"))

    tip = log.append(entries("3:1"))
    branch = log.append(entries("3:2"))

    assert tip._entries is log._entries
    assert branch._entries is not log._entries


def test_recover_refuses_a_disk_that_contradicts_itself() -> None:
    with pytest.raises(ValueError, match="after the stored term"):
        recover("n1", 1, Limits(), Vote(1), None, at("0:0"), entries("1:1", "2:2"), 0)
    with pytest.raises(ValueError, match="has applied up to 5"):
        recover("n1", 1, Limits(), Vote(1), None, at("0:0"), entries("1:1"), 5)
    with pytest.raises(ValueError, match="does not follow"):
        recover("n1", 1, Limits(), Vote(1), None, at("0:0"), (Entry(1, 3, None),), 0)
    with pytest.raises(ValueError, match="at least 1"):
        Limits(appends_in_flight=0)
    with pytest.raises(ValueError, match="the largest command never fits"):
        Limits(uncommitted_bytes=5, command_bytes=6)
