"""How a command ends: the verdict as an exit code, or one sentence and a code of its own.

0 true, 1 false, 2 unknown, as `Verdict.exit_code` has them; 254 what was asked or given cannot be
worked with (usage, an unreadable file, a malformed history); 255 a fault of jepsen-lite itself;
130 interrupted. 254 and 255 are far from the verdicts on purpose: a script that tests for 1 must
not take a mistyped option for a broken cluster.
"""

from typing import Final

USAGE: Final = 254
INTERNAL: Final = 255
INTERRUPTED: Final = 130


class UsageFault(Exception):  # noqa: N818  # the caller's, not the program's
    """What was asked or given cannot be worked with: told in one sentence, exit code 254."""
