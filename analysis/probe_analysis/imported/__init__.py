"""Other projects' formats: what their files say becomes observations, controls and verdicts of ours.

Start with `measurement_stream.py` (reading), `grouping.py` (measurements
become runs), `judging.py` (our rules on them) and `ooni/written_tables.py` (writing). `given_sources.py` and
`outage_reports.py` read what others say beside measurements.
"""
