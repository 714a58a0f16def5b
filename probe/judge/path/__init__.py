"""One address of one endpoint: all that protocols show of it, and the order in which their rules are tried.

Start with `path_evidence.py` and `path_rules.py`.
"""
