"""A node's process is started, listened to and never left behind."""

import os
import signal
import sys
from collections.abc import Sequence

import anyio
import pytest

from huffleraft.cli.child import LAST_LINES, LINE_BYTES_MAX, Child, Ended, Happening, Ready, Wrote

pytestmark = pytest.mark.anyio


async def happenings_of(program: str) -> Sequence[Happening]:
    tell, hear = anyio.create_memory_object_stream[Happening](1000)
    with tell, hear, anyio.fail_after(30):
        await Child("n1", [sys.executable, "-c", program], tell).run()
        return [hear.receive_nowait() for _ in range(hear.statistics().current_buffer_used)]


async def test_its_announcement_its_lines_and_its_end_are_told() -> None:
    told = await happenings_of(
        "import sys; print('ready id=n1 boot=3'); print('hello', file=sys.stderr); sys.exit(11)"
    )

    assert [one for one in told if isinstance(one, Wrote)] == [Wrote("n1", "hello")]
    assert [one.words for one in told if isinstance(one, Ready)] == [{"id": "n1", "boot": "3"}]
    assert told[-1] == Ended("n1", 11, ("hello",))
    assert str(told[-1]) == "exit code 11"


async def test_one_that_is_killed_is_told_with_its_last_lines() -> None:
    told = await happenings_of(
        "import os, sys\n"
        "for number in range(100): print(number, file=sys.stderr, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )

    last = tuple(str(number) for number in range(100 - LAST_LINES, 100))
    assert told[-1] == Ended("n1", -signal.SIGKILL, last)
    assert str(told[-1]) == "killed by SIGKILL"


async def test_a_line_without_end_is_told_in_pieces() -> None:
    length = 3 * LINE_BYTES_MAX + 7

    told = await happenings_of(f"import sys; sys.stderr.write('x' * {length})")

    pieces = [one.line for one in told if isinstance(one, Wrote)]
    assert "".join(pieces) == "x" * length
    assert max(map(len, pieces)) <= LINE_BYTES_MAX


async def test_a_signal_that_comes_before_the_process_is_not_lost() -> None:
    tell, hear = anyio.create_memory_object_stream[Happening](1000)
    child = Child("n1", [sys.executable, "-c", "import signal; signal.pause()"], tell)
    child.terminate()

    with tell, hear, anyio.fail_after(30):
        await child.run()
        ended = hear.receive_nowait()

    assert ended == Ended("n1", -signal.SIGTERM, ())


async def test_it_is_killed_when_its_keeper_is_cancelled() -> None:
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(os.getpid(), file=sys.stderr, flush=True)\n"
        "signal.pause()"
    )
    tell, hear = anyio.create_memory_object_stream[Happening](1000)
    child = Child("n1", [sys.executable, "-c", program], tell)

    with tell, hear, anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child.run)
            told = await hear.receive()
            tasks.cancel_scope.cancel()

    assert isinstance(told, Wrote)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.line), 0)
