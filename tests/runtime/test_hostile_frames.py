"""Nothing that can be said to a node's port ends a task of it, hangs one, or makes it grow.

The ordinary run is small; `make hostile` draws 100,000 frames, and tells what became of them.
"""

import json
import os
import secrets
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from huffleraft.cli.layout import lay_out
from huffleraft.errors import FrameInvalid
from huffleraft.runtime.handshake import decode_answer, decode_hello
from jepsen_lite.plants.patching import Patch
from tests.cli.nodes import FAST, ask, knows_a_leader, stop
from tests.cli.processes import Running
from tests.runtime.attack import GROWTH_MAX, Attack, Resources, Tally
from tests.runtime.hostile import Forge
from tests.runtime.judge import Judge

SEED = int(os.environ.get("HUFFLERAFT_SEED") or secrets.randbits(32))
FEW, MANY = 1_000, 100_000
CALLER = "n4"
"""A founder that was never started: nobody else calls under its name."""

few_and_many = pytest.mark.parametrize(
    "frames", [FEW, pytest.param(MANY, marks=[pytest.mark.deep, pytest.mark.timeout(1_200)])]
)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the figures are those of /proc")


@contextmanager
def told_how_to_repeat(frames: int) -> Iterator[None]:
    deep = "-m deep " if frames == MANY else ""
    try:
        yield
    except BaseException as error:
        error.add_note(
            f"again: HUFFLERAFT_SEED={SEED} .venv/bin/python -m pytest {deep}{Path(__file__).name}"
        )
        raise


# The decoders alone.


@few_and_many
def test_a_decoder_takes_what_it_is_given_or_raises_frame_invalid(
    frames: int, capsys: pytest.CaptureFixture[str]
) -> None:
    forge = Forge(SEED, caller=CALLER)
    outcomes: Counter[str] = Counter()
    tracemalloc.start()
    try:
        with told_how_to_repeat(frames):
            for _ in range(frames):
                drawn = forge.spoilt()
                _, refusal = Judge(CALLER).hear(drawn.sent)
                outcomes[refusal or "taken, or the rest awaited"] += 1
                outcomes["no hello, and no answer to one"] += not any_hello(drawn.sent[4:])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    tell(frames, capsys, f"{frames} spoilt frames, decoded; at most {peak >> 10} KiB held")
    tell(frames, capsys, *(f"  {count:7} {what}" for what, count in outcomes.most_common()))
    assert peak < GROWTH_MAX


def any_hello(body: bytes) -> bool:
    """Whether *body* is a first frame of either end."""
    for decode in (decode_hello, decode_answer):
        try:
            decode(body)
        except FrameInvalid:
            continue
        return True
    return False


def tell(frames: int, capsys: pytest.CaptureFixture[str], *lines: str) -> None:
    """Print *lines* of a deep run, whatever pytest does with output."""
    if frames == MANY:
        with capsys.disabled():
            print("", *lines, sep="\n")  # noqa: T201  # what the run is for


# A node among its peers.


@on_linux
@few_and_many
def test_a_node_bears_hostile_callers_and_serves_on(
    frames: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with told_how_to_repeat(frames), three_of_four(tmp_path) as nodes:
        attacked = nodes["n1"]
        attack = Attack(address_of(attacked), forge_for(address_of(attacked)))
        attack.run(FEW // 4)  # to get warm
        attack.tally = Tally()
        resources = Resources(attacked.process.pid)
        attack.run(frames)

        descriptors, threads = resources.left_behind()
        growth = resources.growth
        tell(
            frames,
            capsys,
            f"seed {SEED}: a node among its peers grew by {growth >> 10} KiB at most, and has "
            f"{descriptors:+} descriptors and {threads:+} threads",
            attack.tally.report(),
        )
        assert growth < GROWTH_MAX
        assert descriptors <= 4, "its own links may have come and gone; ours are all closed"
        for number, through in enumerate(nodes.values()):
            where = f"http://{address_of(through)}/v1/kv/after-{number}?leader=forward"
            assert ask("PUT", where, b"as before")[0] == 200
            for other in nodes.values():
                where = f"http://{address_of(other)}/v1/kv/after-{number}?leader=forward"
                assert ask("GET", where) == (200, b"as before")
        for running in nodes.values():
            stop(running)
        told = attacked.report()
        assert "a mistake of ours" not in told
        assert " ERROR " not in told, told


@contextmanager
def three_of_four(directory: Path) -> Iterator[dict[str, Running]]:
    """Three of four founders, under one leader; the fourth is away for good."""
    layout = lay_out(4, directory)
    with ExitStack() as stack:
        nodes = {
            node: stack.enter_context(
                Running(
                    *("serve", "--id", node, "--listen", address),
                    *("--data-dir", directory / node, "--bootstrap", layout.bootstrap),
                    *("--request-timeout", "60", *FAST),
                )
            )
            for node, address in layout.addresses.items()
            if node != CALLER
        }
        for running in nodes.values():
            running.line(knows_a_leader)
        yield nodes


def address_of(running: Running) -> str:
    return running.ready()["listen"]


def forge_for(address: str) -> Forge:
    status = json.loads(ask("GET", f"http://{address}/v1/status")[1])
    return Forge(SEED, caller=CALLER, cluster=status["cluster_id"])


# That the attack can fail.

PLANTS = {
    "an IndexError goes through": Patch(
        "huffleraft.runtime.frames",
        "    if not body.startswith(_OURS, 1):\n",
        "    planted() and body[body[0] & 15]\n    if not body.startswith(_OURS, 1):\n",
    ),
    "what a length announces is held": Patch(
        "huffleraft.runtime.frames",
        "        if length > self.limit:\n",
        "        if length > self.limit:\n"
        "            planted() and planted.acted < 4 and b'x' * min(length, 128 << 20)\n",
    ),
    "a bad frame leaves its task behind": Patch(
        "huffleraft.runtime.network",
        '            self._complain(f"a peer connection was closed: {error}")\n',
        "            await anyio.sleep(planted() and 3_600)\n",
    ),
}


@on_linux
@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_an_attack_on_a_node_that_is_wrong_fails(plant: Patch, tmp_path: Path) -> None:
    options = ("--id", "n1", "--bootstrap", "n1=127.0.0.1:7900", "--listen", "127.0.0.1:0", *FAST)
    program = (
        "from jepsen_lite.plants.patching import Patch, install\n"
        f"install('hostile', [{plant!r}])\n"
        "from huffleraft.cli import main\n"
        "main()\n"
    )
    with Running("serve", "--data-dir", tmp_path, *options, module=("-c", program)) as running:
        address = address_of(running)
        attack = Attack(address, forge_for(address), patience=2.0)
        with pytest.raises(AssertionError):
            attack_in_vain(attack, running)
        running.line("plant hostile acted")


def attack_in_vain(attack: Attack, running: Running) -> None:
    resources = Resources(running.process.pid)
    attack.run(FEW)
    assert "a mistake of ours" not in running.report()
    assert resources.growth < GROWTH_MAX
