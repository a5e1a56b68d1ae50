"""The rule map: each rule, who keeps it, who tests it, which story shows it, what breaks it.

`python -m tests.rules` writes `docs/rules.md`; `tests/test_rules.py` fails while a rule has no
function that cites it or no test that is named by it, and while that page is out of date.
"""
