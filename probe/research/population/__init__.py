"""Verdicts from a population: probe-hours, stretches of failure, and what is held against them.

Start with `population_files.py`. `probe_hours.py` reads the results, `stretches.py` finds where a target fails in a
network and counts all that it is held against, `evidence_rows.py` makes evidence of the counts.
"""
