"""Other projects' formats: what their files say becomes observations, controls and verdicts of ours, and back.

May import everything up to `operation`. Start with `measurement_stream.py` (reading), `grouping.py` (measurements
become runs), `judging.py` (our rules on them), `ooni/exported_by_us.py` (writing) and `submit/` (handing on).
"""
