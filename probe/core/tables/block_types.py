"""The causes a verdict can name: dotted paths, and for each the one test that tells it from its nearest neighbour.

Every prefix of a path is valid: a verdict claims the deepest node that the evidence supports, and no deeper.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from probe.core.tables.outcomes import Decided
from probe.core.tables.table_file import read_table
from probe.core.tables.words import Empty

BlockTypeId = Literal[
    "dns", "dns.injection", "dns.forged", "dns.forged.redirect", "dns.nxdomain", "dns.empty", "dns.refused",
    "dns.servfail", "dns.timeout", "dns.hijack", "dns.encrypted", "ip", "ip.blackhole", "ip.unreachable", "ip.reset",
    "tcp", "tcp.drop", "tcp.drop.port", "tcp.degrade", "tcp.degrade.sni", "tcp.degrade.address", "tls",
    "tls.reset", "tls.reset.sni", "tls.reset.fingerprint", "tls.close", "tls.close.sni", "tls.close.fingerprint",
    "tls.alert", "tls.alert.sni", "tls.drop", "tls.drop.sni", "tls.drop.address", "tls.drop.fingerprint", "tls.mute",
    "tls.mute.sni", "tls.mute.fingerprint", "tls.mitm", "http", "http.reset", "http.reset.host", "http.drop",
    "http.drop.host", "http.mute", "http.mute.host", "http.close", "http.close.host", "http.blockpage",
    "http.redirect", "flow", "flow.throttle", "flow.throttle.sni", "flow.throttle.address", "flow.cut", "flow.freeze",
    "flow.freeze.bytes", "flow.freeze.packets", "quic", "quic.drop", "quic.drop.sni", "quic.drop.version", "udp",
    "udp.degrade", "app", "app.reset", "app.drop", "app.mute", "app.reset.protocol", "app.drop.protocol",
    "app.mute.protocol", "server", "server.refused", "server.unreachable", "server.certificate", "server.error",
    "server.restricted", "server.forbidden", "server.rate_limited", "server.limit", "server.nonexistent",
    "server.retired", "server.delisted", "network", "network.shutdown", "network.national_only", "network.allowlist",
    "network.allowlist.address", "network.allowlist.name", "network.allowlist.data", "network.degraded", "local",
    "local.offline", "local.captive_portal", "local.resolver", "local.filter", "local.ipv6", "local.clock",
    "local.interception", "local.mtu", "local.firewall", "inconclusive.no_control", "inconclusive.control_failed",
    "inconclusive.control_doubtful", "inconclusive.unconfirmed", "inconclusive.unexplained",
    "inconclusive.disagreeing", "inconclusive.tainted", "inconclusive.vantage", "inconclusive.instrument",
    "inconclusive.not_attempted", "inconclusive.unplaced",
]
"""Ids of `BLOCK_TYPES`."""
CauseId = BlockTypeId | Empty
"""Of a finding that may have no cause."""


@dataclass(frozen=True, slots=True)
class BlockType:
    """One cause: what it means, its nearest neighbour, and the test that separates the two."""

    id: BlockTypeId
    outcome: Decided
    meaning: str
    nearest: BlockTypeId
    test: str


BLOCK_TYPES: dict[BlockTypeId, BlockType] = {
    row.id: row for row in read_table(Path(__file__).with_name("block_types.csv"), BlockType)
}
"""`outcome` of each row is the only outcome under which the path may be written."""


def is_ancestor(path: str, of: str) -> bool:
    """True when `path` equals `of` or is one of its ancestors."""
    return of == path or of.startswith(path + ".")
