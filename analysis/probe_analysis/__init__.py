"""From many volunteers' verdicts to findings: cells, populations, events, pages, alerts, imports, plug-ins.

Imports `probe`, and nothing of `probe_operate` or `probe_lab`. Start with `engines/engine.py` (files become cells),
`events/event_detection.py` (cells become events), `report/report_page.py` (results become a page) and
`open_results.py` (for notebooks).
"""

__version__ = "0.2.0"
