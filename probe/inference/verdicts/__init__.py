"""Verdicts of targets, roles and services, from evidence by rules.

`classify.py` judges a run, `combine.py` makes one verdict of the findings on an endpoint's paths, `role_verdicts.py`
counts a role's endpoints, `service_sentences.py` says it in one line.
"""
