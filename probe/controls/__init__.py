"""Other vantages: helpers that are asked, feeds that were measured before, and the helper itself.

May import everything up to `measurement`: a helper measures with the same sockets. Start with
`asking/helper_client.py` (the probe's side), `helper/helper_server.py` (the helper's) and `feeds/feed_board.py`.
"""
