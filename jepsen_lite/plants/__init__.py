"""Plants: the product with one known bug in it, to see the checks fail.

`python -m jepsen_lite.plants NAME -- serve ...` runs the command line with plant NAME in it.
Each plant of `catalogue` names the check, and the anomaly, that must catch it.
"""
