"""Verdicts from a population: probe-hours, stretches of failure, and what is held against them.

Start with `population_files.py`. `hour_making.py` reads the days whose files changed by the expressions of
`probe_hours.py` and `hour_rows.py`, and `hour_files.py` keeps what follows from each. `stretches.py` finds where a
target fails in a network and counts all that it is held against; `judged_stretches.py` judges those of which something
changed.
"""
