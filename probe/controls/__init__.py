"""Other vantages: helpers that are asked, and feeds that were measured before.

May import everything up to `session`. Start with `asking/helper_client.py` and `feeds/feed_board.py`. `reaching/` is
how a helper reaches a target, with the sockets of a run; its server is `probe_operate.helper`.
"""
