"""`python -m jepsen_lite.plants NAME -- serve ...`: the command line with plant NAME in it."""

from __future__ import annotations

import sys
from typing import NoReturn

from jepsen_lite.plants.catalogue import PLANTS
from jepsen_lite.plants.patching import PlantRefused, install

USAGE = 254


def main() -> None:
    """Install the plant, then run the product's own command line with the rest of the words."""
    match sys.argv[1:]:
        case [name, "--", *arguments] if name in PLANTS:
            plant = PLANTS[name]
        case _:
            known = ", ".join(PLANTS)
            _refuse(
                f"expected: python -m jepsen_lite.plants NAME -- ARGUMENTS, NAME one of {known}"
            )
    try:
        install(plant.name, plant.patches)
        from huffleraft.cli import main as huffleraft  # noqa: PLC0415 - the plant comes first

        sys.argv = ["huffleraft", *arguments]
        huffleraft()
    except PlantRefused as refused:
        _refuse(f"plant {plant.name}: {refused}")


def _refuse(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(USAGE)


if __name__ == "__main__":
    main()
