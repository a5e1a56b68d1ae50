"""The named checks of a run, and the verdict, which is the worst of them.

    results = judge(run_folder)

A run is judged from what it left in its folder and from nothing else, so it can be judged again.
A broken system has many ways to look sound, and each check closes one; false beats unknown, and
unknown beats true.  Lack of load, or of faults that bit, is unknown, and so is a run that is void:
they prove nothing.

Reading order: `evidence` (what is judged), `demands` (what a run must achieve), `check` (one
answer), then a file for each check.
"""

from jepsen_lite.verdicts.check import Check
from jepsen_lite.verdicts.demands import Demands
from jepsen_lite.verdicts.evidence import Ending, Evidence
from jepsen_lite.verdicts.judge import Results, judge

__all__ = ["Check", "Demands", "Ending", "Evidence", "Results", "judge"]
