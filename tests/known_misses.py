"""What today's rules are known not to tell, so that a miss there is no news; a false accusation never is allowed.

One line for each scenario and the reason. A line whose scenario passes wants to be deleted: the test says so.
"""

from __future__ import annotations

from collections.abc import Mapping

_NO_TRANSFER = "needs transfers that are measured over time, and a ladder of sizes"
_NO_QUIC = "QUIC is not measured yet"
_NO_SCOPE = "how near the cause is is not told yet"
_HIJACK = "without helpers, questions that are led astray are taken for forged answers"
WITHOUT_HELPERS = " --no-helper"
"""Behind the name of a scenario: known of runs without helpers alone."""

KNOWN_MISSES: Mapping[str, str] = {
    "allowlist": "no control is left where helpers are beyond what the list lets through",
    "company-firewall": _NO_SCOPE,
    f"dns-hijack53{WITHOUT_HELPERS}": _HIJACK,
    "http-proxy403": "a proxy in the path that answers in the server's place leaves nothing to tell it by",
    f"id-dns53{WITHOUT_HELPERS}": _HIJACK,
    "india": "a forged address where nothing listens is taken for the service's own refusal",
    "ip-drop-s2c": "replies that vanish on the way are not told from a host that is silent to this client",
    "iran": "what is behind a forged answer is not looked for on every port",
    "mtu-blackhole": "a path that loses large packets is not told from one that loses all",
    "proto-wl": "messengers' own protocols are not spoken yet",
    "quic-sni": _NO_QUIC,
    "quic-sni-ru": _NO_QUIC,
    "quic-v1": _NO_QUIC,
    "school-firewall": _NO_SCOPE,
    "server-cap": "the size at which a server stops is not measured yet",
    "sni-tr-thr": _NO_TRANSFER,
    "sni-tspu3": _NO_TRANSFER,
    "stun-degrade": "UDP services are not measured yet",
    "throttled-network": "how fast a network is is not measured yet",
}
"""Scenario -> why a verdict in it may be another than expected."""
