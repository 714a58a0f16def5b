"""From many volunteers' verdicts to findings: cells, events, reports, registers, application stores.

May import everything up to `interop`. Start with `engines/engine.py` (files become cells), `events/event_detection.py`
(cells become events), `report/report_page.py` (results become a page) and `open_results.py` (for notebooks).
"""
