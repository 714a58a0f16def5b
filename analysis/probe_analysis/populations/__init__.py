"""What many probes together say of one target in one network, where single runs had to leave it open: pure.

Start with `judge_population.py`. `population_evidence.py` is what is held against each other, `comparison.py` says
which networks can be compared, `population_bases.py` what an accusation can rest on, `population_rules.py` is the
table.
"""
