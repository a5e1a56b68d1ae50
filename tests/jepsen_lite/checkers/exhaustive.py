"""The claim of `make checker`: the search agrees with brute force.

    python -m tests.jepsen_lite.checkers.exhaustive [--length 4] [--random 100000] [--seed 1]

On every history of up to four calls over two values, any of them indefinite, and on 100,000 random
ones. Prints what was compared, and exits 1 on any disagreement.
"""

import argparse
import sys
import time
from random import Random

from tests.jepsen_lite.checkers.agreement import Tally, compare
from tests.jepsen_lite.checkers.small_histories import every_history, random_history


def main() -> int:
    """Compare, print, and say by the exit code whether the claim holds."""
    parser = argparse.ArgumentParser(description="Compare the search with brute force.")
    parser.add_argument("--length", type=int, default=4, help="calls in the longest history")
    parser.add_argument("--random", type=int, default=100_000, help="random histories besides")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the random ones")
    arguments = parser.parse_args()
    began = time.process_time()
    tallies = []
    for length in range(1, arguments.length + 1):
        tallies.append(compare(every_history(length)))
        _tell(f"every history of {length} calls: {tallies[-1]}")
    dice = Random(arguments.seed)
    tallies.append(compare(random_history(dice) for _ in range(arguments.random)))
    _tell(f"random histories of seed {arguments.seed}: {tallies[-1]}")
    for tally in tallies:
        for told in tally.told:
            _tell(f"disagreement: {told}")
    total = Tally(
        sum(tally.histories for tally in tallies),
        sum(tally.impossible for tally in tallies),
        sum(tally.disagreements for tally in tallies),
    )
    _tell(f"in all: {total}, {time.process_time() - began:.0f} s of CPU")
    return 1 if total.disagreements else 0


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
