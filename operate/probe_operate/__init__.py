"""Services of those who run a fleet of volunteers: helpers, feeds, the inbox and what collects it, the issuer.

Imports `probe`, and nothing of `probe_analysis` or `probe_lab`. Start with `services/operator_steps.py` (what is set
up), `helper/helper_server.py`, `feeds/feed_learning.py` and `collect/collecting.py`.
"""

__version__ = "0.2.0"
