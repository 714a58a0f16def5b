"""Networks whose addresses serve many sites at once: what lies there is not meant because a neighbour is listed."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_NETWORKS: dict[str, tuple[str, ...]] = {
    "Cloudflare": (
        "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "104.16.0.0/13", "104.24.0.0/14", "108.162.192.0/18",
        "131.0.72.0/22", "141.101.64.0/18", "162.158.0.0/15", "172.64.0.0/13", "173.245.48.0/20", "188.114.96.0/20",
        "190.93.240.0/20", "197.234.240.0/22", "198.41.128.0/17", "2400:cb00::/32", "2405:8100::/32", "2405:b500::/32",
        "2606:4700::/32", "2803:f800::/32", "2a06:98c0::/29", "2c0f:f248::/32",
    ),
    "Fastly": (
        "23.235.32.0/20", "43.249.72.0/22", "103.244.50.0/24", "103.245.222.0/23", "103.245.224.0/24",
        "104.156.80.0/20", "140.248.64.0/18", "140.248.128.0/17", "146.75.0.0/17", "151.101.0.0/16", "157.52.64.0/18",
        "167.82.0.0/17", "167.82.128.0/20", "167.82.160.0/20", "167.82.224.0/20", "172.111.64.0/18", "185.31.16.0/22",
        "199.27.72.0/21", "199.232.0.0/16", "2a04:4e40::/32", "2a04:4e42::/32",
    ),
}
"""As the operators publish them. Others (CloudFront, Akamai) are known by who else was seen at an address."""
_PARSED = tuple((name, ipaddress.ip_network(net)) for name, nets in _NETWORKS.items() for net in nets)


@lru_cache(maxsize=4096)
def find_shared_network(address: str) -> str:
    """The content network that an address belongs to; empty for none that is known here."""
    parsed = ipaddress.ip_address(address)
    return next((name for name, net in _PARSED if parsed.version == net.version and parsed in net), "")
