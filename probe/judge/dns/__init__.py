"""A name's resolution: evidence and rules. Start with `dns_evidence.py`."""
