"""How long connecting, handshakes and first bytes take, and whose handshakes a network slows. Start with
`slow_search.py`; `time_counts.py` counts times from result files."""
