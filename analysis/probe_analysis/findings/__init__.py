"""What report, look and site tell: findings as values, and the rows of the log of events read into them.

Start with `finding_values.py`; `logged_findings.py` reads the log.
"""
