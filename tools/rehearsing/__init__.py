"""Parts of `tools/rehearsal.py`."""
