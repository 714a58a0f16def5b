"""Other vantages: helpers that are asked, and feeds that were measured before.

May import everything up to `session`. Start with `asking/helper_client.py` and `feeds/feed_board.py`. `reaching/` is
how they and other servers are called; the helper's own side is `probe_operate.helper`.
"""
