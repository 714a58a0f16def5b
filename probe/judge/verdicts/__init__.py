"""Verdicts of targets, roles and services, from evidence by rules.

`classify.py` judges a run: `site_case.py` is what it is given, `site_evidence.py` gathers the evidence on names and
paths, `rule_verdict.py` makes verdicts of the rules that held. `combine.py` makes one verdict of those on an endpoint's
paths and on a target's endpoints (`judged_endpoint.py`), `role_verdicts.py` counts a role's endpoints,
`service_sentences.py` says it in one line.
"""
