"""Each named check says true of a sound run and false of the one thing it is there for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jepsen_lite.cluster import Status, StatusSample
from jepsen_lite.history import Event, EventType
from jepsen_lite.jsonl import Lines
from jepsen_lite.proxy import PeerConnection, ProxyReport
from jepsen_lite.run import write_ending
from jepsen_lite.verdict import Verdict
from jepsen_lite.verdicts import Demands, Ending, Results, judge
from tests.jepsen_lite.report.runs import SECOND, event, make_run, stale_read

ENDING = Ending(
    seed=1,
    nodes=("n1", "n2"),
    election_timeout=0.8,
    faults_seconds=1.0,
    faults_begin_ns=0,
    healed_ns=7 * SECOND,
    settled_ns=SECOND,
    last_act="n1 voted for n2 and refused n3",
    second_vote=False,
    demands=None,
)


def once(told: EventType, found: str | None) -> list[Event]:
    """A write-once key whose client was *told* so, and what the last read *found*."""
    lines = [
        event(5, EventType.INVOKE, "write", "v", 1.0),
        event(5, told, "write", "v", 1.1),
        event(6, EventType.INVOKE, "read", None, 6.0),
        event(6, EventType.OK, "read", found, 6.1, final=True),
    ]
    return [_of_once(one) for one in lines]


def _of_once(line: Event) -> Event:
    return Event(
        process=line.process,
        type=line.type,
        f=line.f,
        key="once/5/1",
        value=line.value,
        time=line.time,
        extra=line.extra,
    )


def judged(folder: Path, events: list[Event], ending: Ending = ENDING, **status: object) -> Results:
    """The verdict on a run with *events*, and one more poll of n1 that says *status*."""
    make_run(folder, events)
    polls = Lines(folder / "statuses.jsonl")
    for node in ("n1", "n2"):
        said = {
            "id": node, "boot": 1, "role": "follower", "term": 3, "commit_index": 3,
            "last_applied": 3, "ready": True, "hash": "aa", "hash_index": 3,
            "configuration": {"voters": ["n1", "n2"]},
        } | (status if node == "n1" else {})  # fmt: skip
        at = 8 * SECOND
        sample = StatusSample(
            node=node, begin_ns=at, end_ns=at + 1, status=msgspec.convert(said, Status)
        )
        polls.append(sample)
    polls.close()
    connect(folder, seen=5001, made=5001)
    write_ending(folder, ending)
    return judge(folder)


def connect(folder: Path, *, seen: int, made: int) -> None:
    """n1 says that it hears n2 from the port *seen*; the proxy's end has the port *made*."""
    log = folder / "nodes" / "n1" / "log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as lines:
        lines.write(f"2026-01-01T12:00:00.000Z INFO n1 hears n2 in its boot 4 from port {seen}\n")
    connection = PeerConnection(source="n2", boot=4, target="n1", port=made)
    report = ProxyReport(links=(), peer_connections=(connection,), strangers=0)
    (folder / "proxy.json").write_bytes(msgspec.json.encode(report))


def verdicts(results: Results) -> dict[str, Verdict]:
    """What each check said."""
    return {check.name: check.valid for check in results.checks}


SOUND = [*stale_read(seen="new"), *once(EventType.OK, "v")]


def test_a_sound_run_is_true_by_every_check(tmp_path: Path) -> None:
    results = judged(tmp_path / "run", SOUND)

    assert set(verdicts(results).values()) == {Verdict.TRUE}, results.checks


def test_a_stale_read_is_not_linearizable(tmp_path: Path) -> None:
    results = judged(tmp_path / "run", [*stale_read(seen="old"), *once(EventType.OK, "v")])

    assert verdicts(results)["linearizable"] is Verdict.FALSE


@pytest.mark.parametrize(
    "at,on",
    [
        (3.5, "Faults that were on then: isolate-leader of n1."),
        (4.0, "Faults that were on then: isolate-leader of n1; pause-one of n1."),
        (5.0, "Faults that were on then: pause-one of n1."),
        (6.9, "No fault was on then."),
    ],
)
def test_a_violation_names_the_faults_that_were_on(tmp_path: Path, at: float, on: str) -> None:
    *before, begun, ended = stale_read(seen="old")
    read = [replace(begun, time=int(at * SECOND)), replace(ended, time=int(at * SECOND) + 1)]

    results = judged(tmp_path / "run", [*before, *read])

    assert results.check("linearizable").message.endswith(f"before that read began. {on}")


@pytest.mark.parametrize(
    "told,found,valid",
    [
        (EventType.OK, None, Verdict.FALSE),
        (EventType.FAIL, "v", Verdict.FALSE),
        (EventType.OK, "else", Verdict.FALSE),
        (EventType.INFO, None, Verdict.UNKNOWN),
    ],
)
def test_once_compares_what_was_told_with_what_is_there(
    tmp_path: Path, told: EventType, found: str | None, valid: Verdict
) -> None:
    assert verdicts(judged(tmp_path / "run", once(told, found)))["once"] is valid


@pytest.mark.parametrize(
    "status",
    [
        {"role": "leader", "term": 3},
        {"term": 1},
        {"commit_index": 2, "last_applied": 2},
        {"boot": 2, "term": 1},
    ],
    ids=[
        "two leaders of one term",
        "a term that falls",
        "a commit index that falls",
        "a led term that a crash took away",
    ],
)
def test_leaders_sees_what_must_not_be(tmp_path: Path, status: dict[str, Any]) -> None:
    assert verdicts(judged(tmp_path / "run", SOUND, **status))["leaders"] is Verdict.FALSE


def test_leaders_accuses_nobody_of_a_term_that_was_only_heard_of(tmp_path: Path) -> None:
    lost = judged(tmp_path / "run", SOUND, boot=2, term=2)  # n1 led term 2, and then followed in 3

    assert verdicts(lost)["leaders"] is Verdict.TRUE


def test_leaders_reads_in_logs_who_led(tmp_path: Path) -> None:
    for run, line in (("two of one term", "n1 n1 t3 LEADER log"), ("falls", "n1 n1 t1 LEADER log")):
        log = tmp_path / run / "nodes" / "n1" / "log"
        log.parent.mkdir(parents=True)
        log.write_text(f"12:00:00 INFO n1 n1 t2 LEADER log 1:1\n12:00:01 INFO {line} 1:1\n")

        assert verdicts(judged(tmp_path / run, SOUND))["leaders"] is Verdict.FALSE


def test_leaders_hears_of_a_second_vote(tmp_path: Path) -> None:
    ending = msgspec.structs.replace(ENDING, second_vote=True)

    assert verdicts(judged(tmp_path / "run", SOUND, ending))["leaders"] is Verdict.FALSE


def test_alive_hears_of_an_end_that_nobody_ordered_and_of_a_traceback(tmp_path: Path) -> None:
    ending = msgspec.structs.replace(ENDING, unexpected_ends=("n1 exited 1",))
    assert verdicts(judged(tmp_path / "one", SOUND, ending))["alive"] is Verdict.FALSE

    log = tmp_path / "two" / "nodes" / "n1" / "log"
    log.parent.mkdir(parents=True)
    log.write_text("Traceback (most recent call last):\n")
    assert verdicts(judged(tmp_path / "two", SOUND))["alive"] is Verdict.FALSE


@pytest.mark.parametrize("settled_ns", [None, 9 * SECOND])
def test_progress_gives_a_healed_cluster_ten_election_timeouts(
    tmp_path: Path, settled_ns: int | None
) -> None:
    ending = msgspec.structs.replace(ENDING, settled_ns=settled_ns)

    assert verdicts(judged(tmp_path / "run", SOUND, ending))["progress"] is Verdict.FALSE


def test_agreement_compares_hashes_at_one_index(tmp_path: Path) -> None:
    differs = judged(tmp_path / "one", SOUND, hash="bb")
    assert verdicts(differs)["agreement"] is Verdict.FALSE

    elsewhere = judged(tmp_path / "two", SOUND, hash_index=2)
    assert verdicts(elsewhere)["agreement"] is Verdict.UNKNOWN


def test_a_whole_run_without_load_or_bite_proves_nothing(tmp_path: Path) -> None:
    ending = msgspec.structs.replace(ENDING, demands=Demands(), unbitten=("kill-all",))

    results = judged(tmp_path / "run", SOUND, ending)

    assert verdicts(results)["load"] is Verdict.UNKNOWN
    assert results.valid is Verdict.UNKNOWN


def test_a_run_in_which_a_node_was_heard_past_the_proxy_is_void(tmp_path: Path) -> None:
    run = tmp_path / "run"
    judged(run, SOUND)
    connect(run, seen=6002, made=5001)

    check = judge(run).check("proxied")

    assert check.valid is Verdict.UNKNOWN
    assert check.message == ("void: n1 heard n2 (boot 4) from port 6002, which was not the proxy's")


def test_a_run_without_a_word_of_the_proxy_or_of_peers_is_void(tmp_path: Path) -> None:
    run = tmp_path / "run"
    judged(run, SOUND)

    (run / "nodes" / "n1" / "log").write_text("")
    assert judge(run).check("proxied").message == "void: no node says that it heard a peer"
    (run / "proxy.json").unlink()
    assert judge(run).check("proxied").message == "void: the proxy left no report"
    assert judge(run).check("proxied").valid is Verdict.UNKNOWN


def test_progress_tells_how_many_snapshots_each_node_installed(tmp_path: Path) -> None:
    check = judged(tmp_path / "run", SOUND, installs=2).check("progress")
    assert check.details["installs"] == {"n1": 2, "n2": 0}
    assert check.message.endswith("snapshots installed: n1 2")


def test_progress_accuses_a_healed_cluster_that_cannot_change_its_members(tmp_path: Path) -> None:
    ending = msgspec.structs.replace(ENDING, unfinished="after 30 s n1, n2 vote")

    results = judged(tmp_path / "run", SOUND, ending)

    assert verdicts(results)["progress"] is Verdict.FALSE
    assert verdicts(results)["members"] is Verdict.FALSE
