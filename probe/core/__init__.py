"""What everything speaks of: endpoints, observations, verdicts, runs, and the tables of words.

Imports nothing of the probe. Nothing here does IO. Start with `observations.py` (what happened) and `verdicts.py`
(what it means), then `tables/`: each list of words stands once, in one file.
"""
