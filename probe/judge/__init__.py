"""From observations to verdicts: pure, the same on any machine and in any year.

May import `core`, `catalogue` and `config`; does no IO. Each protocol has a folder with its evidence (what observations
show when held against each other and against controls) and its rules (an ordered table of which the first that holds
decides): `dns/`, `tcp/`, `tls/`, `http/`, `app/`, `udp/`, `flow/`, `program/`, and `network/` for the line as a whole.
`common/`, `packets/` and `hops/` stand below them, `path/` joins what they show of one address and the order of their
rules, and `verdicts/classify.py` leads from everything that a run saw to one verdict a target.
"""
