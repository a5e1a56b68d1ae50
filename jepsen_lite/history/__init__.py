"""Histories: what each client asked, what it was told, and in which order.

    with HistoryWriter(folder / "history.jsonl") as history:
        history.append(Event(process=0, type=EventType.INVOKE, f="write", key="x", value=1, time=0))
        history.append(Event(process=0, type=EventType.OK, f="write", key="x", value=1, time=9))
    read_history(folder / "history.jsonl", KV).operations

*The file.* One JSON object a line. `process` (integer or text), `type` (invoke, ok, fail, info),
`f` (read, write, cas, delete), `key` (kv only), `value`, `time` in nanoseconds, `error` (anything,
on fail and info). `value` is null for a delete and a read's invoke, what was read for a read's ok,
`[old, new]` for a cas, and else what is written; a completion repeats its invoke.

The order of lines is the order of real time. `time` is for drawing.

`fail` had no effect and observed nothing, except a cas with `error` "mismatch": it saw a value
other than `old`, exactly `observed` where that field stands. `info`, or no completion at all, may
take effect at any later time, once or never, and its process number is used up.

Fields of other names, and lines of the process "nemesis", are left alone.

Reading order: `event` (a line), `operation` (a pair of lines), `grammar` (which lines make a
history), `reader`, `writer`.
"""

from jepsen_lite.history.event import MISMATCH, NEMESIS, Event, EventType, Process
from jepsen_lite.history.grammar import MalformedHistory
from jepsen_lite.history.operation import Operation
from jepsen_lite.history.reader import History, read_history
from jepsen_lite.history.writer import HistoryWriter

__all__ = [
    "MISMATCH",
    "NEMESIS",
    "Event",
    "EventType",
    "History",
    "HistoryWriter",
    "MalformedHistory",
    "Operation",
    "Process",
    "read_history",
]
