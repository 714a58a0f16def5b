"""From observations to verdicts: pure, the same on any machine and in any year.

May import `core`, `catalogue` and `config`; does no IO. Start with `verdicts/classify.py`, which leads from everything
that a run saw to one verdict a target. `evidence/` says what observations show when held against each other and against
controls, `rules/` are ordered tables of which the first rule that holds decides.
"""
