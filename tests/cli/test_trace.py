"""A trace is one JSON object a step, complete, and without a client's bytes."""

import io
import json
import logging
from pathlib import Path

import pytest

from huffleraft.cli.trace import Trace, tracing
from huffleraft.core import (
    ORIGIN,
    ClientRequested,
    Configuration,
    Entry,
    Event,
    Limits,
    Persisted,
    Server,
    Timer,
    TimerExpired,
    Vote,
    recover,
    step,
)
from huffleraft.errors import ConfigurationInvalid

EVENTS: list[Event] = [
    TimerExpired(Timer.STICKINESS),
    TimerExpired(Timer.ELECTION),
    Persisted(1),
    ClientRequested(((7, b"the client's own words"),)),
    Persisted(2),
]


def alone() -> Server:
    only = Configuration.of({"n1": "a:1"})
    server, _ = recover(
        id="n1",
        boot=4,
        limits=Limits(),
        vote=Vote(1),
        snapshot=None,
        base=ORIGIN,
        entries=(Entry(1, 1, only),),
        last_applied=0,
    )
    return server


def run(trace: Trace) -> Server:
    server = alone()
    for event in EVENTS:
        before = server
        server, effects = step(before, event)
        trace.observe(before, event, server, effects)
    return server


def test_each_step_is_a_line_with_its_event_its_effects_and_the_server_after() -> None:
    stream = io.StringIO()

    last = run(Trace(stream))

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(EVENTS) + 1))
    assert {(line["node"], line["boot"]) for line in lines} == {("n1", 4)}
    assert lines[1]["event"] == {"type": "TimerExpired", "timer": "election"}
    assert lines[-1]["server"]["commit_index"] == last.commit_index == 3
    assert lines[-1]["server"]["role"]["type"] == "Leader"
    assert lines[-1]["server"]["log"]["last"] == {"type": "EntryId", "term": 2, "index": 3}
    assert "Persist" in [effect["type"] for effect in lines[3]["effects"]]


def test_a_client_s_bytes_are_not_in_it() -> None:
    stream = io.StringIO()

    run(Trace(stream))

    assert "own words" not in stream.getvalue()
    assert '{"bytes":22}' in stream.getvalue()


def test_a_restarted_node_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for _ in range(2):
        with tracing(tmp_path / "trace") as trace:
            run(trace)

    assert len((tmp_path / "trace").read_text().splitlines()) == 2 * len(EVENTS)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="cannot be written"), tracing(tmp_path):
        pass


class Full(io.StringIO):
    """A file on a disk without space."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_trace_that_cannot_go_on_ends_and_the_node_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        run(Trace(Full()))

    assert [record.getMessage() for record in caplog.records] == [
        "the trace ends here: No space left on device"
    ]
