"""The report of a run: one self-contained HTML file that a person can look at.

    write_report(run_folder)

It reads what the run left in its folder, and asks nobody: so a run can be drawn again when the
drawing gets better.  The page holds its own style and pictures (inline SVG), makes no request, and
has a light and a dark face.  First what happened, in words; then the same on one time axis: who
led in which term, what each client asked and was told, which faults were on, how long things took.
A violation is told as a story, with the window around it enlarged.

Reading order: `facts` (what is drawn), `markup` (elements as values), `axis`, `lanes`, `latency`,
`story`, `page`.
"""

from jepsen_lite.report.page import write_report

__all__ = ["write_report"]
