"""How far the network reaches at all: evidence and rules. Start with `ladder_evidence.py`."""
