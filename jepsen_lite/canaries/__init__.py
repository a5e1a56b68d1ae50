"""Canaries: six known bugs, each of which must be caught, and a control that must not be accused.

    python -m jepsen_lite.canaries [--only NAME] [--seed N]

A canary is a run with a short schedule of its own, made so that its bug shows every time.  The
verdict that is named beside the plant must be false; caught by another check is not caught.  The
plant `none` goes through all the schedules and must come out true.

Reading order: `stage` (who plays), `schedules` (what they play), `sing` (one canary, judged).
"""

from jepsen_lite.canaries.schedules import SCHEDULES
from jepsen_lite.canaries.sing import fault_of, sing

__all__ = ["SCHEDULES", "fault_of", "sing"]
