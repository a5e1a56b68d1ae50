"""Explores small worlds to their end: `make worlds`.

    python -m tests.worlds [--world NAME] [--bound small|large] [--bug [NAME]] [--most N]

Without ``--bug`` the core is as it is, and every world must be exhausted with nothing broken.  With
it the core has the bug that the world is there for, or the one named; then something must break,
and the script that is printed must break it too.  Exit 0 if so, 1 if not, 2 if interrupted.
"""

from __future__ import annotations

import argparse
import sys

from jepsen_lite.plants.patching import install
from tests.properties.canary import BUGS as CANARIES
from tests.worlds.planted import THERE_FOR


def main() -> int:
    """Explore what was asked for, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.worlds", description=__doc__)
    parser.add_argument("--world", choices=[*THERE_FOR, "all"], default="all")
    parser.add_argument("--bound", choices=["small", "large"], default="large")
    parser.add_argument("--bug", nargs="?", const="", help="of the world, or by name")
    parser.add_argument("--most", type=int, help="states to look at")
    arguments = parser.parse_args()
    if arguments.bug is not None:
        return _planted(arguments, parser)
    from tests.worlds.running import run_all

    names = list(THERE_FOR) if arguments.world == "all" else [arguments.world]
    return run_all(names, arguments.bound, arguments.most)


def _planted(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if arguments.world == "all":
        parser.error("a bug is put into one world; name it with --world")
    bug = THERE_FOR[arguments.world]
    by_steps = bug.by_steps
    if arguments.bug in {"", bug.name}:
        name, patch = bug.name, bug.patch
    elif arguments.bug in CANARIES:
        name, patch = arguments.bug, CANARIES[arguments.bug]
    else:
        parser.error(f"no bug {arguments.bug!r}; known are {bug.name}, {', '.join(CANARIES)}")
    install(name, [patch])
    # Only now: the plant has to be in place before the core is.
    from tests.worlds.running import run_planted

    return run_planted(
        arguments.world, arguments.bound, name, by_steps=by_steps, most=arguments.most
    )


if __name__ == "__main__":
    sys.exit(main())
