"""The causes a verdict can name: dotted paths, and for each the one test that tells it from its nearest neighbour.

Every prefix of a path is valid: a verdict claims the deepest node that the evidence supports, and no deeper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from probe.core.tables.outcomes import Decided
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


def _table(*rows: tuple[BlockTypeId, Decided, str, BlockTypeId, str]) -> dict[BlockTypeId, BlockType]:
    return {row[0]: BlockType(*row) for row in rows}


_B: Final = "blocked"
_D: Final = "down"
_N: Final = "network"
_L: Final = "local"
_I: Final = "inconclusive"

BLOCK_TYPES: dict[BlockTypeId, BlockType] = _table(
    # names
    ("dns", _B, "the name is not resolved as it should be", "ip", "the right addresses, learned elsewhere, answer"),
    ("dns.injection", _B, "a forged answer is injected on the way", "dns.forged",
     "a second, different reply follows, or an address that runs no resolver answers"),
    ("dns.forged", _B, "the resolver itself gives a false address", "dns.injection",
     "only one reply comes, and other resolvers on the same path answer truly"),
    ("dns.forged.redirect", _B, "the resolver gives a genuine address of something else", "dns.forged",
     "the address serves a valid certificate, but for another service"),
    ("dns.nxdomain", _B, "the resolver denies that the name exists", "server.nonexistent",
     "independent resolvers know the name, and its addresses answer"),
    ("dns.empty", _B, "the resolver answers without addresses", "dns.nxdomain", "the response code is NOERROR"),
    ("dns.refused", _B, "the resolver refuses this name", "local.resolver",
     "the resolver answers questions for other names"),
    ("dns.servfail", _B, "the resolver fails for this name", "local.resolver",
     "the resolver answers questions for other names"),
    ("dns.timeout", _B, "questions for this name go unanswered", "local.resolver",
     "questions for other names are answered"),
    ("dns.hijack", _B, "questions to other resolvers are intercepted", "dns.injection",
     "the genuine reply never comes, and an address that runs no resolver answers for innocent names too"),
    ("dns.encrypted", _B, "encrypted DNS is blocked", "dns", "plain DNS to the same operator works"),
    # addresses and ports
    ("ip", _B, "the address cannot be reached", "tcp", "no port of the address answers"),
    ("ip.blackhole", _B, "packets to the address vanish", "server.unreachable",
     "the same address answers from elsewhere in the same minutes"),
    ("ip.unreachable", _B, "a router rejects packets to the address (ICMP)", "ip.blackhole", "an ICMP error arrives"),
    ("ip.reset", _B, "connection attempts are reset", "server.refused", "the same port accepts from elsewhere"),
    ("tcp", _B, "the port cannot be used", "tls", "the connection is not established"),
    ("tcp.drop", _B, "connection attempts vanish", "ip.blackhole", "another port of the address answers"),
    ("tcp.drop.port", _B, "one port is blocked on an address that lives", "ip.blackhole",
     "another port of the same address answers"),
    ("tcp.degrade", _B, "connections to the service lose many of their packets", "network.degraded",
     "connections to other organisations' services, made alternately, lose few packets"),
    ("tcp.degrade.sni", _B, "connections that name this service lose many of their packets", "tcp.degrade.address",
     "connections that name another service at the same address do not"),
    ("tcp.degrade.address", _B, "connections to this address lose many of their packets, whatever they say",
     "tcp.degrade.sni", "connections that say nothing lose packets as well"),
    # TLS
    ("tls", _B, "TLS is interfered with", "tcp", "the connection is established first"),
    ("tls.reset", _B, "the TLS handshake is reset", "tls.close", "a reset arrives, not an orderly end"),
    ("tls.reset.sni", _B, "a TLS handshake that names this service is reset", "tls.reset",
     "another name on the same address is answered"),
    ("tls.reset.fingerprint", _B, "handshakes of this shape are reset", "tls.reset.sni",
     "the same name passes in a differently built ClientHello"),
    ("tls.close", _B, "the connection is closed in the handshake", "tls.reset", "an orderly end (FIN) arrives"),
    ("tls.close.sni", _B, "a handshake that names this service is closed", "tls.close",
     "another name on the same address is answered"),
    ("tls.close.fingerprint", _B, "handshakes of this shape are closed", "tls.close.sni",
     "the same name passes in a differently built ClientHello"),
    ("tls.alert", _B, "a forged TLS alert ends the handshake", "tls.close", "a TLS alert is read"),
    ("tls.alert.sni", _B, "a handshake that names this service gets a forged alert", "tls.alert",
     "another name on the same address is answered"),
    ("tls.drop", _B, "the ClientHello vanishes", "tls.mute", "the peer's TCP never acknowledges it"),
    ("tls.drop.sni", _B, "a ClientHello that names this service vanishes", "tls.drop.address",
     "another name on the same address is answered"),
    ("tls.drop.address", _B, "every ClientHello to this address vanishes", "tls.drop.sni",
     "another name on the same address vanishes as well"),
    ("tls.drop.fingerprint", _B, "a ClientHello of this shape vanishes", "local.mtu",
     "a differently built one passes with the same name, and the one that fails fits any link"),
    ("tls.mute", _B, "the ClientHello arrives, then silence", "tls.drop", "the peer's TCP acknowledges it"),
    ("tls.mute.sni", _B, "a ClientHello that names this service is met with silence", "tls.mute",
     "another name on the same address is answered"),
    ("tls.mute.fingerprint", _B, "a ClientHello of this shape is met with silence", "local.mtu",
     "a differently built one with the same name is answered, by full segments"),
    ("tls.mitm", _B, "somebody else's certificate is presented for the service", "server.certificate",
     "elsewhere the same address presents another, valid key"),
    # HTTP
    ("http", _B, "HTTP is interfered with", "tcp", "the connection is established first"),
    ("http.reset", _B, "the request is reset", "http.close", "a reset arrives"),
    ("http.reset.host", _B, "a request that names this host is reset", "http.reset",
     "another Host on the same address is answered"),
    ("http.drop", _B, "the request vanishes", "http.mute", "the peer's TCP never acknowledges it"),
    ("http.drop.host", _B, "a request that names this host vanishes", "http.drop",
     "another Host on the same address is answered"),
    ("http.mute", _B, "the request arrives, then silence", "http.drop", "the peer's TCP acknowledges it"),
    ("http.mute.host", _B, "a request that names this host is met with silence", "http.mute",
     "another Host on the same address is answered"),
    ("http.close", _B, "the connection is closed instead of an answer", "http.reset", "an orderly end arrives"),
    ("http.close.host", _B, "a request that names this host is closed", "http.close",
     "another Host on the same address is answered"),
    ("http.blockpage", _B, "a foreign page is served in the service's place", "http.redirect",
     "the page comes in the first answer"),
    ("http.redirect", _B, "the request is redirected to a foreign place", "http.blockpage",
     "the answer is a redirect that the genuine server does not give"),
    # flows, QUIC, UDP, messengers
    ("flow", _B, "the connection is slowed or frozen once it works", "tls", "the handshake is completed"),
    ("flow.throttle", _B, "transfers are slowed", "network.degraded",
     "a transfer from another server at the same time is not slowed"),
    ("flow.throttle.sni", _B, "transfers that name this service are slowed", "flow.throttle.address",
     "another name on the same address is fast"),
    ("flow.throttle.address", _B, "transfers from this address are slowed", "flow.throttle.sni",
     "another name on the same address is slow as well"),
    ("flow.cut", _B, "connections are ended some time after they work", "flow.freeze", "a reset or an end arrives"),
    ("flow.freeze", _B, "transfers stop silently", "flow.throttle", "no byte follows"),
    ("flow.freeze.bytes", _B, "transfers stop after a number of bytes", "flow.freeze.packets",
     "small chunks stop at the same byte count"),
    ("flow.freeze.packets", _B, "transfers stop after a number of packets", "flow.freeze.bytes",
     "small chunks stop at the same packet count"),
    ("quic", _B, "QUIC is interfered with", "udp", "other UDP to the address passes"),
    ("quic.drop", _B, "QUIC packets vanish", "udp", "other UDP to the address passes"),
    ("quic.drop.sni", _B, "QUIC that names this service vanishes", "quic.drop.version", "another name passes"),
    ("quic.drop.version", _B, "QUIC of this version vanishes", "quic.drop.sni", "an unknown version is answered"),
    ("udp", _B, "UDP to the service is interfered with", "quic", "no UDP protocol passes"),
    ("udp.degrade", _B, "UDP to the service loses most packets", "udp", "some packets pass"),
    ("app", _B, "the messenger's own protocol is interfered with", "tcp", "other protocols to the address pass"),
    ("app.reset", _B, "the messenger's own protocol is reset", "app.drop", "a reset arrives"),
    ("app.drop", _B, "the messenger's own protocol vanishes", "app.mute", "the peer's TCP never acknowledges it"),
    ("app.mute", _B, "the messenger's own protocol is met with silence", "app.drop", "the peer's TCP acknowledges it"),
    ("app.reset.protocol", _B, "connections that speak the messenger's own protocol are reset", "app.drop.protocol",
     "harmless bytes on the same address and port are answered"),
    ("app.drop.protocol", _B, "bytes of the messenger's own protocol vanish", "app.mute.protocol",
     "harmless bytes on the same address and port are acknowledged"),
    ("app.mute.protocol", _B, "connections that speak the messenger's own protocol are met with silence",
     "app.drop.protocol",
     "harmless bytes on the same address and port are answered, and controls elsewhere reach the genuine service"),
    # the service itself
    ("server", _D, "the service itself fails", "ip", "controls elsewhere see the same"),
    ("server.refused", _D, "the service refuses connections", "ip.reset", "controls in two networks are refused too"),
    ("server.unreachable", _D, "the service's host is off or unreachable", "ip.blackhole",
     "controls in two networks cannot reach it either"),
    ("server.certificate", _D, "the service presents a bad certificate", "tls.mitm",
     "controls see the same key, or the chain is the service's own and merely expired"),
    ("server.error", _D, "the service answers with an error of its own", "http.blockpage",
     "the answer came over a validated TLS connection, or controls see it too"),
    ("server.restricted", _D, "the service refuses this place or client by its own choice", "server.forbidden",
     "a control elsewhere is served, or the operator is known to refuse the country"),
    ("server.forbidden", _D, "the service refuses everybody who asks as the probe does", "server.restricted",
     "controls elsewhere are refused as well"),
    ("server.rate_limited", _D, "the service asks for patience (429)", "server.restricted",
     "the answer came over a validated TLS connection"),
    ("server.limit", _D, "the service ends transfers at a size of its own", "flow.freeze",
     "the connection ends in good order, for everybody"),
    ("server.nonexistent", _D, "the name does not exist", "dns.nxdomain", "independent resolvers deny it too"),
    ("server.retired", _D, "the service was closed by its operator", "server.nonexistent", "the catalogue dates it"),
    ("server.delisted", _D, "the app was removed from the store", "server.nonexistent", "the store itself says so"),
    # the whole network
    ("network", _N, "the whole network is affected", "local", "the gateway or domestic controls answer"),
    ("network.shutdown", _N, "nothing beyond the access network answers", "local.offline", "the gateway answers"),
    ("network.national_only", _N, "only domestic addresses answer", "network.shutdown", "domestic controls answer"),
    ("network.allowlist", _N, "only listed places can be reached", "network.national_only",
     "some services abroad answer, and unrelated services abroad do not"),
    ("network.allowlist.address", _N, "packets to all but listed addresses vanish", "network.national_only",
     "neighbours of what cannot be reached answer"),
    ("network.allowlist.name", _N, "all but listed names are cut off, or vanish", "network.allowlist.data",
     "at an address whose own name is answered, another name is not"),
    ("network.allowlist.data", _N, "connections open everywhere, and data pass to listed addresses alone",
     "network.national_only", "distant servers accept connections, each after its own round trip"),
    ("network.degraded", _N, "everything is slow or lossy", "flow.throttle", "every name and address is slow or lossy"),
    # the volunteer's own side
    ("local", _L, "the volunteer's own side is the cause", "network", "nothing beyond it was reached"),
    ("local.offline", _L, "there is no network", "network.shutdown", "no route, or the gateway does not answer"),
    ("local.captive_portal", _L, "a captive portal answers for everybody", "http.redirect",
     "control bodies of two operators are altered alike"),
    ("local.resolver", _L, "the network's resolver is out of order", "dns.timeout", "it fails for every name"),
    ("local.filter", _L, "a household or company DNS filter answers", "dns.forged",
     "a resolver at a private address answers 0.0.0.0 or says that it filters"),
    ("local.ipv6", _L, "IPv6 is broken here", "ip.blackhole", "no IPv6 address answers, IPv4 ones do"),
    ("local.clock", _L, "the device's clock is wrong", "server.certificate",
     "servers' Date headers agree with each other and not with the device"),
    ("local.interception", _L, "a proxy or antivirus on this side re-signs everything", "tls.mitm",
     "innocent names are re-signed as well"),
    ("local.mtu", _L, "large packets do not pass", "flow.freeze", "every name stalls at its first full segment"),
    ("local.firewall", _L, "a firewall treats every name alike", "tls.reset",
     "innocent names and addresses fail alike"),
    # no decision
    ("inconclusive.no_control", _I, "no control was available", "inconclusive.control_failed",
     "no control is configured"),
    ("inconclusive.control_failed", _I, "controls were asked and gave no answer", "inconclusive.no_control",
     "a control is configured and did not answer"),
    ("inconclusive.control_doubtful", _I, "measurements elsewhere do not decide the cause", "inconclusive.disagreeing",
     "too few controls, or a refusal of foreigners is possible"),
    ("inconclusive.unconfirmed", _I, "too few attempts failed: this does not show a block", "inconclusive.unexplained",
     "some attempts succeeded, or time ran out"),
    ("inconclusive.unexplained", _I, "no rule explains what was seen", "inconclusive.unconfirmed",
     "attempts and control are complete"),
    ("inconclusive.disagreeing", _I, "measurements elsewhere contradict each other", "inconclusive.control_doubtful",
     "two measurements elsewhere answered, and their answers differ"),
    ("inconclusive.tainted", _I, "an earlier failure on the address may have caused this failure",
     "inconclusive.unconfirmed", "every failing attempt followed a neighbour's failure"),
    ("inconclusive.vantage", _I, "a VPN, or a change of network during the run, decides what is seen",
     "inconclusive.unexplained", "a tunnel carries the traffic, or the way out was another at the end"),
    ("inconclusive.instrument", _I, "the catalogue or the probe is out of date", "server.error",
     "the genuine service answered, but not as expected"),
    ("inconclusive.not_attempted", _I, "nothing was tried", "inconclusive.unconfirmed", "there is no observation"),
    ("inconclusive.unplaced", _I, "a block on the way, and a refusal by the service's own front, look alike",
     "inconclusive.control_doubtful", "the failure repeats, and no packets, place, time, content or company show "
     "that the service itself did not cause it"),
)
"""`outcome` of each row is the only outcome under which the path may be written."""


def is_ancestor(path: str, of: str) -> bool:
    """True when `path` equals `of` or is one of its ancestors."""
    return of == path or of.startswith(path + ".")
