"""Write `docs/rules.md`.  Run as `python -m tests.rules`."""

from __future__ import annotations

import sys

from tests.rules.mapping import rule_map
from tests.rules.page import PAGE, page


def main() -> int:
    """Write the page, and say what is missing; 1 if anything is."""
    found = rule_map()
    PAGE.write_text(page(found), "utf-8")
    missing = [gap for _, rules in found for one in rules for gap in one.gaps()]
    sys.stderr.writelines(f"{gap}\n" for gap in missing)
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
