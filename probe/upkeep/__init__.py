"""Runs over months: schedules, status, signed updates, uploads, and what commands share.

May import everything up to `store`. Start with `schedules/missing_runs.py`, `status/status_facts.py`,
`updates/catalogue_choice.py` and `upload/upload_send.py`; `commands/` are the parts that several commands are made of.
"""
