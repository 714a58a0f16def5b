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
from probe.core.tables.words import read_word
from probe.judge.common.rule import Rule

INNOCENTS: Mapping[BlockTypeId, tuple[str, ...]] = MappingProxyType({
    "app.drop": ("udp-blocked",),
    "app.mute": ("app-refuses-us", "app-silent", "app-silent-here", "app-web-changed", "app-web-refuses-us"),
    "app.reset": (
        "app-far-guard", "app-refuses-us", "app-resets-here", "app-silent", "app-web-changed", "app-web-refuses-us",
    ),
    "dns.empty": ("dns-old-zone", "geo-dns-empty"),
    "dns.forged": (
        "cache-left-behind", "captive-portal", "carrier-cache-inside", "cdn-dead-edge", "cdn-split", "dns-stale",
        "edge-dead", "edge-expired", "edge-other-customer", "family-dns", "family-safesearch", "geo-dns-address",
        "nxdomain-wildcard", "pihole", "port53-intercepted", "retired-services", "router-family", "router-page",
        "security-dns-ede", "stale-and-banned", "stale-dead-two", "stale-two",
    ),
    "dns.hijack": ("captive-portal", "port53-intercepted"),
    "dns.injection": ("captive-portal", "port53-intercepted"),
    "dns.nxdomain": (
        "control-failed-blocked", "dns-local-root", "dns-negative-cache", "family-dns", "nx-one-view", "nx-real",
        "nxdomain-wildcard", "retired-services", "router-family", "security-dns-ede", "service-closed",
    ),
    "dns.refused": ("dns-refusal-passed-on", "zone-refuses"),
    "dns.servfail": ("dns-lame", "resolver-servfail", "signatures-stale", "zone-host-fails", "zone-lame"),
    "dns.timeout": ("dns-https-dropped", "dns-late", "resolver-dead", "resolver-dies", "zone-host-silent"),
    "flow.cut": ("cut-late",),
    "flow.freeze": (
        "mtu-blackhole", "mtu-large-hello", "mtu-to-service", "mtu-told", "quota", "server-cap", "slow-request-dropped",
        "stops-after-packets", "stops-here", "transfer-cap",
    ),
    "flow.throttle": (
        "helper-busy", "slow-after-requests", "slow-here", "slow-line", "slow-server", "tarpit", "throttled-network",
    ),
    "http.blockpage": (
        "challenge-403", "challenge-clear", "challenge-page", "challenge-tls", "forbidden-clear", "forbidden-for-all",
        "forbidden-tls", "geo-fence", "geo-page", "legal-451", "legal-clear", "maintenance", "page-by-country",
        "rate-limited", "service-changed",
    ),
    "http.close": ("http-host-close",),
    "http.mute": ("http-host-mute", "late-page"),
    "http.redirect": ("captive-portal", "geo-redirect"),
    "http.reset": ("http-host-reset",),
    "ip.blackhole": (
        "ban-connections", "carrier-blackhole", "cdn-dead-edge", "company-proxy-only", "control-failed-blocked",
        "dead-edge", "edge-dead", "fail2ban", "fence-silent", "helper-blocked-address", "helper-loaded", "host-silent",
        "ipv6-only-outage", "messaging-pass", "nat-limit", "nat-table-full", "national-only", "neighbour-quic",
        "operator-geo-drop", "outage-midway", "outage-short", "proxy-443-page", "resolver-dies", "retired-services",
        "shutdown", "source-drop", "source-mute", "stale-and-banned", "transit-down", "udp-down", "way-abroad-cut",
    ),
    "ip.reset": (
        "dot-block", "fail2ban", "family-refused", "fence-silent", "front-bans", "limit-reset", "neighbour-again",
        "neighbour-residual", "operator-rst-syn", "operator-rst-syn-quiet", "quic-off", "server-down", "source-reset",
    ),
    "ip.unreachable": ("fence-silent", "host-off", "operator-icmp-reject", "routing-loop", "source-prohibit"),
    "quic.drop": ("quic-hangs", "quic-limit", "quic-name-drop", "quic-off"),
    "tcp.degrade": ("lossy-peering", "operator-udp-drop", "peering-loss", "stun-one-in-ten", "udp-policed"),
    "tcp.drop": ("control-failed-blocked", "doh-block", "firewall-443", "nx-one-view"),
    "tls.alert": ("server-alert", "server-alert-country", "server-picky", "server-picky-country", "tls-name-alert"),
    "tls.close": ("lb-close", "server-picky", "server-picky-country", "tls-name-close"),
    "tls.drop": (
        "all-names-drop", "control-failed-blocked", "doh-block", "front-drops", "helper-blocked-address", "large-hello",
        "nx-one-view", "tls-name-drop",
    ),
    "tls.mitm": (
        "antivirus", "captive-portal", "cert-expired", "cert-new-root", "cert-self-signed", "cert-wrong-name",
        "company-proxy", "edge-expired", "edge-other-customer", "front-certificate", "front-default-certificate",
        "front-other-customer", "helper-lies-keys", "proxy-443-page", "root-installed-intercepting", "satellite",
        "signal-new-root",
    ),
    "tls.mute": (
        "helper-lies-well", "late-handshake", "mtu-blackhole", "mtu-large-hello", "mtu-to-service", "mtu-told",
        "quic-hangs", "server-hangs", "server-picky", "server-picky-country", "shape-mute", "tls-name-mute",
    ),
    "tls.reset": (
        "balancer-third", "ban-after-innocent", "ban-then-silence", "browsers-far-guard", "browsers-reset",
        "browsers-reset-name", "company-reset", "edge-flaky", "family-refused", "front-bans", "front-far-guard",
        "helper-busy", "lb-other-box", "lb-other-box-here", "lb-reset", "neighbour-again", "neighbour-residual",
        "reset-all", "server-picky", "server-picky-country", "server-picky-name", "server-refuses-name", "shape-reset",
        "tls-name-reset",
    ),
    "udp": ("udp-down",),
    "udp.degrade": ("lossy-peering", "operator-udp-drop", "peering-loss", "stun-one-in-ten", "udp-policed"),
})
"""Layer and action -> classes of innocents that look like it and were tried without an accusation."""
_ACTIONS: Mapping[BlockTypeId, BlockTypeId] = MappingProxyType({"dns": "dns.forged"})
"""What a cause that names no action looks like."""


def find_action(block_type: str) -> str:
    """Layer and action of a cause: what it looks like, whatever sets it off."""
    return ".".join(_ACTIONS.get(read_word(block_type, _ACTIONS), block_type).split(".")[:2])


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
