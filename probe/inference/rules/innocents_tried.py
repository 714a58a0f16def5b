"""How sure a rule that accuses may be: no surer than the innocents that look like it allow.

Whether an innocent situation that nobody has thought of would be accused can only be told from those that were tried.
Of m classes of innocents that show the client the same action, none was accused; then the next one will not be with a
probability of (m + 1) / (m + 2) (Laplace's rule of succession, Essai philosophique sur les probabilités, 1814). A rule
may be less sure than that, and never surer.

The table names the classes (`situation` of the laboratory's scenarios) for each layer and action. It is filled by hand
from a score (`probe lab score`, "Classes of innocents that look like an action of censors"): a class goes to every
action that it looks like if nobody is accused in it, and is taken out where anybody is, until the rules are better. A
test holds the table against the scenarios.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from probe.core.tables.block_types import BlockTypeId
from probe.inference.rules.rule import Rule

INNOCENTS: Mapping[BlockTypeId, tuple[str, ...]] = MappingProxyType({
    "app.drop": ("udp-blocked",),
    "app.mute": ("app-refuses-us", "app-silent", "app-web-changed", "app-web-refuses-us"),
    "app.reset": ("app-refuses-us", "app-silent", "app-web-changed", "app-web-refuses-us"),
    "dns.forged": (
        "captive-portal", "cdn-dead-edge", "cdn-split", "dns-stale", "family-dns", "family-safesearch",
        "nxdomain-wildcard", "pihole", "port53-intercepted", "retired-services", "router-family", "router-page",
        "security-dns-ede", "stale-and-banned", "stale-dead-two", "stale-two",
    ),
    "dns.hijack": ("captive-portal", "port53-intercepted"),
    "dns.injection": ("captive-portal", "port53-intercepted"),
    "dns.nxdomain": (
        "family-dns", "nx-real", "nxdomain-wildcard", "retired-services", "router-family", "security-dns-ede",
    ),
    "dns.servfail": ("dns-lame", "resolver-servfail"),
    "dns.timeout": ("dns-late", "resolver-dead", "resolver-dies"),
    "flow.freeze": ("mtu-blackhole", "mtu-to-service", "mtu-told", "quota", "server-cap"),
    "flow.throttle": ("slow-after-requests", "slow-line", "slow-server", "throttled-network"),
    "http.blockpage": (
        "challenge-403", "challenge-clear", "challenge-page", "geo-fence", "legal-451", "maintenance",
        "page-by-country", "rate-limited", "service-changed",
    ),
    "http.mute": ("late-page",),
    "http.redirect": ("captive-portal",),
    "ip.blackhole": (
        "cdn-dead-edge", "dead-edge", "fail2ban", "fence-silent", "host-silent", "ipv6-only-outage", "messaging-pass",
        "nat-limit", "nat-table-full", "national-only", "neighbour-quic", "operator-geo-drop", "outage-midway",
        "outage-short", "proxy-443-page", "resolver-dies", "retired-services", "shutdown", "stale-and-banned",
        "udp-down",
    ),
    "ip.reset": (
        "fail2ban", "fence-silent", "neighbour-again", "neighbour-residual", "operator-rst-syn",
        "operator-rst-syn-quiet", "quic-off", "server-down",
    ),
    "ip.unreachable": ("fence-silent", "host-off", "operator-icmp-reject"),
    "quic.drop": ("quic-hangs", "quic-limit", "quic-off"),
    "tcp.drop": ("firewall-443",),
    "tls.alert": ("server-alert", "server-alert-country", "server-picky", "server-picky-country"),
    "tls.close": ("lb-close", "server-picky", "server-picky-country"),
    "tls.mitm": (
        "antivirus", "cert-expired", "cert-new-root", "cert-self-signed", "cert-wrong-name", "company-proxy",
        "proxy-443-page", "root-installed-intercepting", "signal-new-root",
    ),
    "tls.mute": (
        "late-handshake", "mtu-blackhole", "mtu-to-service", "mtu-told", "quic-hangs", "server-hangs", "server-picky",
        "server-picky-country",
    ),
    "tls.reset": (
        "lb-other-box", "lb-other-box-here", "lb-reset", "neighbour-again", "neighbour-residual", "reset-all",
        "server-picky", "server-picky-country", "server-picky-name", "server-refuses-name",
    ),
    "udp.degrade": ("lossy-peering", "operator-udp-drop", "udp-policed"),
    "udp.drop": ("udp-down",),
})
"""Layer and action -> classes of innocents that look like it and were tried without an accusation."""
_ACTIONS: Mapping[str, BlockTypeId] = MappingProxyType({"dns": "dns.forged", "udp": "udp.drop"})
"""What a cause that names no action looks like."""


def find_action(block_type: str) -> str:
    """Layer and action of a cause: what it looks like, whatever sets it off."""
    return ".".join(_ACTIONS.get(block_type, block_type).split(".")[:2])


def count_innocents(rule: Rule[Any]) -> int:
    """m: of classes that look like what the rule names and were tried without an accusation."""
    return sum(len(names) for action, names in INNOCENTS.items() if action == find_action(rule.block_type))


def cap_by_innocents(rule: Rule[Any]) -> float:
    """The confidence that a verdict of this rule states, to two digits and never rounded up: its own, and where it
    accuses at most what the innocents allow."""
    if rule.outcome != "blocked":
        return rule.confidence
    classes = count_innocents(rule)
    return min(rule.confidence, math.floor(100 * (classes + 1) / (classes + 2)) / 100)
