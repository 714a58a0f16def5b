"""How probable each explanation of a target's row is: findings, what each weighs, their sum.

Start reading at `findings.py`, which says what was found in one word for each group of things that have one cause;
`weigh.py` adds up what the table (`probe.catalogue.likelihoods`) says of these words. Verdicts never depend on it.
"""
