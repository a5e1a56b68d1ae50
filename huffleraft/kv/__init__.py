"""The replicated state machine: keys, versions and sessions, as pure functions over rows.

To be read in this order: `limits` and `format`, then `commands`, `results` and `queries` (what
is said), `sessions` and `machine` (what it means), `cache`, `overlay` and `replica` (where one
node keeps it).
"""
