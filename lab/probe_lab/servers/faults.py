"""The table of what can go wrong with the world itself, and how a server finds the fault that concerns it.

A fault is not censorship unless it carries a block type (a lying resolver does). Faults of the layers `router`,
`client` and `laboratory` are listed here so that a scenario can be checked against one table; others act on them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from probe_lab.lab_types import EVERYWHERE, Fault, Value, World


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One row of the table: where the fault acts, which parameters it takes, and what it means."""

    kind: str
    layer: str
    """listen, tls, http, app, store, datagram, resolver, zone, place, router, client, or laboratory."""
    parameters: tuple[str, ...]
    meaning: str


def _table(*rows: tuple[str, str, str, str]) -> Mapping[str, FaultKind]:
    return {
        kind: FaultKind(kind=kind, layer=layer, parameters=tuple(parameters.split()), meaning=meaning)
        for kind, layer, parameters, meaning in rows
    }


FAULTS: Mapping[str, FaultKind] = _table(
    ("closed", "listen", "port", "nothing listens on the host's addresses; with port, on that port alone"),
    ("cert_expired", "tls", "", "the host's own certificate ran out yesterday"),
    ("cert_self_signed", "tls", "", "the host presents a certificate that it signed itself"),
    ("cert_wrong_name", "tls", "", "the host presents a valid certificate for another name"),
    ("cert_new_root", "tls", "",
     "the host presents a certificate of a new root of its own organisation's, which nobody knows yet"),
    ("tls_reset", "tls", "probability", "the server resets the connection after the ClientHello"),
    ("tls_close", "tls", "probability", "the server closes the connection after the ClientHello"),
    ("tls_alert", "tls", "probability description only_client",
     "the server answers the ClientHello with a fatal alert; only_client: over TCP, and the client's alone"),
    ("tls_picky", "tls", "reply description only_client",
     "the server refuses a ClientHello without GREASE: alert (the default), reset, close or silence; only_client: "
     "the client's, and nobody else's"),
    ("quic_limit", "tls", "handshakes",
     "the server takes so many (1) QUIC handshakes of one address and is silent to its later ones, whatever the name; "
     "for everyone"),
    ("tls_junk", "tls", "probability", "the server answers the ClientHello with bytes that are not TLS"),
    ("tls_silence", "tls", "probability", "the server reads the ClientHello and never answers"),
    ("tls_late", "tls", "after_s", "over TCP the server answers the ClientHello after_s (8) late, for everyone"),
    ("tls_cut_late", "tls", "after_s",
     "the server resets a connection after_s (4) after its TLS handshake, whatever its name, for everyone"),
    ("status", "http", "status headers body only_client",
     "every answer has this status, these `Name: value` headers and this body; only_client: for the client alone"),
    ("http_endless", "http", "", "the body never ends"),
    ("http_gzip_bomb", "http", "", "a gzip body of one gibibyte in a megabyte"),
    ("http_redirect_loop", "http", "", "a hundred redirects in a row, to itself"),
    ("http_redirect_to", "http", "location status", "every answer redirects (302) to this location"),
    ("http_huge_headers", "http", "", "a megabyte of header lines"),
    ("http_binary_headers", "http", "", "header lines of arbitrary bytes"),
    ("small_cap", "http", "bytes",
     "the server closes the connection (FIN) after this many bytes of the body (16384), for everyone"),
    ("stun_misnumbered", "datagram", "",
     "STUN answers carry another transaction's number than the request, for everyone"),
    ("http_slow", "http", "bytes_per_s burst_bytes after_requests per_client",
     "each connection's answers leave at bytes_per_s (20000) once burst_bytes (0) are out; with after_requests, only "
     "from the request after so many on, of the connection or, per_client, of all by one address; for everyone"),
    ("http_slow_head", "http", "after_s reply",
     "the server ends a connection whose request is not whole after_s (1) after its first bytes: reply close (the "
     "default), reset, or a status, 408 or 400, and close; for everyone"),
    ("http_late", "http", "after_s", "each answer begins after_s (9) late, for everyone"),
    ("app_reply", "app", "style only_client",
     "a messenger's server answers its own protocol's first words with something else: style wrong (as if to another "
     "request), http (a page), echo, garbage, silence, close, reset, or tls_alert (as a TLS terminator does); "
     "only_client: to the client alone, as something in front of it would"),
    ("store_delisted", "store", "apps storefronts style",
     "application stores have these apps (all of them where none is named) in these storefronts (all) no more: the App "
     "Store leaves them out, Google Play answers 404 or, with style page, shows a page without a way to install"),
    ("store_strange", "store", "storefronts style",
     "in these storefronts (all) a store answers otherwise than stores do: style page (a page, the default), limited "
     "(429), consent (a redirect), and the App Store cut (half the answer), count (a wrong number of results) or "
     "elsewhere (another storefront's answer)"),
    ("resolver_dead", "resolver", "refuse",
     "the network's resolver never answers; refuse: nothing listens there, so ICMP says so"),
    ("resolver_servfail", "resolver", "", "the network's resolver answers SERVFAIL"),
    ("resolver_late", "resolver", "after_s style",
     "the network's resolver works at the name for after_s (10) and then answers, all that have asked meanwhile, with "
     "SERVFAIL or, style answer, the truth"),
    ("resolver_refused", "resolver", "passed_on",
     "the network's resolver answers REFUSED; passed_on: as a forwarder that says what the name's own servers did, who "
     "refuse all of the zone"),
    ("resolver_nxdomain", "resolver", "style",
     "the network's resolver says that the name does not exist, or all names of a top-level domain, and signs with the "
     "SOA of the name's zone (style zone, the default: its TTL never falls), with none (bare), its policy zone's "
     "beside (policy), another zone's (foreign), as if the zone were its own (own), the root's (root), or as a cache "
     "does whose TTL falls (cached)"),
    ("resolver_empty", "resolver", "style",
     "the network's resolver answers NOERROR without an address, signed as by resolver_nxdomain (bare, the default)"),
    ("resolver_lie", "resolver", "address cname",
     "the network's resolver answers this address (the sinkhole); with cname, of a name that it gives as an alias"),
    ("resolver_restricts", "resolver", "cname",
     "the network's resolver answers genuine addresses of the name, with cdn_split the near ones, by an alias `cname`"),
    ("resolver_garbage", "resolver", "", "the network's resolver answers random bytes"),
    ("resolver_truncated", "resolver", "", "the network's resolver answers a message cut short, without TC"),
    ("resolver_wrong_question", "resolver", "", "the network's resolver answers another question"),
    ("resolver_loop", "resolver", "", "the network's resolver answers a name whose compression points at itself"),
    ("resolver_filter", "resolver", "style address code text",
     "a filter that the user chose answers for these names: style zero (0.0.0.0 and ::, the default), nxdomain, or "
     "address (`address` or the sinkhole, AAAA none); with code, an Extended DNS Error (15 to 17) and its text"),
    ("https_stripped", "resolver", "style",
     "the network's resolver hands on no HTTPS records (RFC 9460): style empty (NOERROR without one, the default), "
     "refused (NOTIMP), silent, or keys (the record without its keys for Encrypted ClientHello)"),
    ("dns_ede", "resolver", "code text", "the network's resolver adds an Extended DNS Error (RFC 8914)"),
    ("nonexistent", "zone", "", "the name is absent everywhere"),
    ("cdn_split", "zone", "", "the network's resolver and all others give different, equally good addresses"),
    ("portal", "place", "", "captive portal: every name leads to the portal, which redirects to its login page"),
    ("mitm", "place", "page",
     "the intercepting proxy terminates TLS to these names with a foreign certificate; with page, it answers whatever "
     "is said to it, to whichever name and in whichever protocol, with this page of its own"),
    ("host_off", "router", "only_client",
     "the host's addresses are unassigned: ICMP host unreachable; only_client: for the client alone"),
    ("host_silent", "router", "only_client",
     "packets to the host's addresses vanish, for everyone or, with only_client, the client's alone"),
    ("host_bans", "router", "after reply cooldown_s",
     "the host itself refuses the client: after so many TCP connections (0: from the start) its SYN are dropped or, "
     "with reply = \"reset\", refused as by a kernel, with \"prohibit\" by ICMP, for cooldown_s (0: for ever); vantage "
     "points are served"),
    ("host_resets_syn", "router", "",
     "the host answers the client's SYN with one RST+ACK as its kernel would (TTL and DF of its other packets, IP ID "
     "and window 0); vantage points are served"),
    ("host_resets_data", "router", "ttl df only_client",
     "the host's load balancer, another box than answers its SYNs, ends a connection at its first data with one "
     "RST+ACK that has this ttl when it leaves (128), this df (false), a random IP ID and window 0; only_client: for "
     "the client alone"),
    ("routers_silent", "router", "", "no router says that a packet's TTL has run out"),
    ("host_far", "router", "rtt_ms", "round trips to the host take rtt_ms (200) longer, for everyone"),
    ("ipv6_dropped", "router", "", "all IPv6 packets of the client vanish"),
    ("blackhole", "router", "from_s until_s hop icmp",
     "all packets of the client vanish, on its own line or, with hop, beyond that router, there with a match those to "
     "the matched names, addresses and networks alone (`@t.owner`: a transit that leads to them fails, here only; "
     "`@t.routes`: their routes are withdrawn); with icmp, the router answers that it knows no way; from_s and until_s "
     "are seconds since the router started (until_s 0: to the end)"),
    ("address_changes", "router", "after_s",
     "the client's public IPv4 address is another from after_s (0) on, as after a reconnection: what was under way is "
     "lost, while its own address stays"),
    ("slow_line", "router", "rate_bps queue_ms",
     "the client's whole line is shaped to rate_bps (bits a second) in each direction, with a queue of queue_ms "
     "(1000) that drops what does not fit"),
    ("mtu", "router", "bytes hop icmp",
     "the link beyond a hop (1), to the matched addresses alone where there are any, takes packets of so many bytes "
     "(1400) at most; larger ones vanish, with icmp after an ICMP error (fragmentation needed, packet too big)"),
    ("nat_limit", "router", "syns window_s flows timeout_s",
     "the client's own router drops TCP connections beyond syns new ones in window_s (60), or beyond a table of "
     "flows that forgets one idle for timeout_s (120), to whomever they go"),
    ("quota", "router", "after_bytes reply",
     "once the line has carried after_bytes in both directions, everything is dropped or, with reply = \"portal\", "
     "plain HTTP redirects to the operator's page and the rest is dropped; DNS goes on"),
    ("nat64", "router", "",
     "an IPv6-only network: the client's IPv4 packets vanish, 64:ff9b::/96 is translated (RFC 7915) by the first "
     "router and the network's resolver, reached over IPv6, synthesises AAAA (RFC 6147) and ipv4only.arpa (RFC 7050)"),
    ("vpn", "client", "kind",
     "the client has a tunnel interface with an address and a default route through it, or with kind = \"split\" "
     "routes to a part of the world; its traffic arrives in the world as ever"),
    ("stub_resolver", "client", "",
     "the client's resolv.conf names 127.0.0.53, where a forwarder to the network's resolver listens"),
    ("proxy_environment", "client", "",
     "programs find proxy and CA bundle variables in their environment that lead to a dead place"),
    ("root_installed", "client", "",
     "the interceptor's root is in the system's trust store beside the others, not in certifi's"),
    ("no_timestamps", "client", "",
     "the client's TCP sends no timestamps (RFC 7323), as that of Windows: its headers are 20 bytes long"),
    ("helper_down", "laboratory", "", "the configured test helpers do not run"),
    ("helper_lies", "laboratory", "style",
     "the configured test helpers tell what is not so: style well (everything answers), down (nothing does) or "
     "keys (servers present other keys than they do; all else is the truth)"),
    ("helper_loaded", "laboratory", "after_s",
     "the configured test helpers have more to do than they can: they decline with 503 after after_s (0)"),
)


class Faults:
    """The faults of one scenario, asked for by kind or layer and by the name or address that they concern."""

    def __init__(self, faults: Iterable[Fault], *, seed: int) -> None:
        self._by_layer: dict[str, list[Fault]] = {}
        self._rng = random.Random(seed)
        for fault in faults:
            self._by_layer.setdefault(FAULTS[fault.kind].layer, []).append(fault)

    def of(self, layer: str, *names: str) -> tuple[Fault, ...]:
        """The faults of a layer that concern any of these names or addresses; those without a match concern all."""
        found = self._by_layer.get(layer)
        if not found:  # as most often; thousands of names are asked for before a laboratory is ready
            return ()
        wanted = {name.lower().rstrip(".") for name in names if name}
        return tuple(
            fault
            for fault in found
            if not fault.match or wanted & {match.lower() for match in fault.match}
        )

    def all(self, layer: str) -> tuple[Fault, ...]:
        """Every fault of a layer, whomever it concerns."""
        return tuple(self._by_layer.get(layer, ()))

    def happens(self, fault: Fault) -> bool:
        """Throw the dice for a fault with a `probability` (1 where it names none)."""
        return self._rng.random() < number(fault.params, "probability", 1.0)


COUNTRIES = "countries"
"""A parameter that `[[front]]` adds: whose clients meet the fault."""


def shows_to(peer: str, fault: Fault, world: World) -> bool:
    """Whether somebody meets a fault: with `only_client`, only the client does, with countries, their clients."""
    countries = texts(fault.params, COUNTRIES)
    if countries and not {EVERYWHERE, country_of(peer, world)} & {*countries}:
        return False
    return bool(countries) or peer in world.clients or not fault.params.get("only_client", False)


def certificate_fault(faults: Iterable[Fault], peer: str, world: World) -> str:
    """The kind of the first fault that changes the certificate which a visitor is shown; empty: none does."""
    return next((f.kind for f in faults if f.kind.startswith("cert_") and shows_to(peer, f, world)), "")


def country_of(peer: str, world: World) -> str:
    """Where a visitor of a server comes from: a vantage point's country, and the client's for everybody else."""
    return next((point.cc for point in world.vantages if peer in (point.ipv4, point.ipv6)), world.cc)


def number(params: Mapping[str, Value], key: str, default: float) -> float:
    """A numeric parameter; raises ValueError where the scenario gave something else."""
    value = params.get(key, default)
    if isinstance(value, tuple):
        raise ValueError(f"{key}: a number, not {value!r}")
    return float(value)


def text(params: Mapping[str, Value], key: str, default: str) -> str:
    """A textual parameter."""
    return str(params.get(key, default))


def texts(params: Mapping[str, Value], key: str) -> tuple[str, ...]:
    """A list parameter; one text counts as a list of one, absence as an empty list."""
    value = params.get(key, ())
    return value if isinstance(value, tuple) else (str(value),)
