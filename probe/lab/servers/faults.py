"""The table of what can go wrong with the world itself, and how a server finds the fault that concerns it.

A fault is not censorship unless it carries a block type (a lying resolver does). Faults of the layers `router`
and `laboratory` are listed here so that a scenario can be checked against one table; others act on them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from probe.lab.types import Fault, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One row of the table: where the fault acts, which parameters it takes, and what it means."""

    kind: str
    layer: str
    """listen, tls, http, resolver, zone, place, router, or laboratory."""
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
    ("tls_reset", "tls", "probability", "the server resets the connection after the ClientHello"),
    ("tls_close", "tls", "probability", "the server closes the connection after the ClientHello"),
    ("tls_alert", "tls", "probability description", "the server answers the ClientHello with a fatal alert"),
    ("tls_junk", "tls", "probability", "the server answers the ClientHello with bytes that are not TLS"),
    ("tls_silence", "tls", "probability", "the server reads the ClientHello and never answers"),
    ("status", "http", "status headers body only_client",
     "every answer has this status, these `Name: value` headers and this body; only_client: for the client alone"),
    ("http_endless", "http", "", "the body never ends"),
    ("http_gzip_bomb", "http", "", "a gzip body of one gibibyte in a megabyte"),
    ("http_redirect_loop", "http", "", "a hundred redirects in a row, to itself"),
    ("http_redirect_to", "http", "location status", "every answer redirects (302) to this location"),
    ("http_huge_headers", "http", "", "a megabyte of header lines"),
    ("http_binary_headers", "http", "", "header lines of arbitrary bytes"),
    ("resolver_dead", "resolver", "refuse",
     "the network's resolver never answers; refuse: nothing listens there, so ICMP says so"),
    ("resolver_servfail", "resolver", "", "the network's resolver answers SERVFAIL"),
    ("resolver_refused", "resolver", "", "the network's resolver answers REFUSED"),
    ("resolver_nxdomain", "resolver", "", "the network's resolver says that the name does not exist"),
    ("resolver_empty", "resolver", "", "the network's resolver answers NOERROR without any record"),
    ("resolver_lie", "resolver", "address", "the network's resolver answers this address (the sinkhole)"),
    ("resolver_garbage", "resolver", "", "the network's resolver answers random bytes"),
    ("resolver_truncated", "resolver", "", "the network's resolver answers a message cut short, without TC"),
    ("resolver_wrong_question", "resolver", "", "the network's resolver answers another question"),
    ("resolver_loop", "resolver", "", "the network's resolver answers a name whose compression points at itself"),
    ("dns_ede", "resolver", "code text", "the network's resolver adds an Extended DNS Error (RFC 8914)"),
    ("nonexistent", "zone", "", "the name is absent everywhere"),
    ("cdn_split", "zone", "", "the network's resolver and all others give different, equally good addresses"),
    ("portal", "place", "", "captive portal: every name leads to the portal, which redirects to its login page"),
    ("mitm", "place", "", "the intercepting proxy terminates TLS to these names with a foreign certificate"),
    ("host_off", "router", "", "the host's addresses are unassigned: ICMP host unreachable"),
    ("host_silent", "router", "", "packets to the host's addresses vanish, for everyone"),
    ("ipv6_dropped", "router", "", "all IPv6 packets of the client vanish"),
    ("blackhole", "router", "", "all packets of the client vanish"),
    ("helper_down", "laboratory", "", "the configured test helpers do not run"),
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
        wanted = {name.lower().rstrip(".") for name in names if name}
        return tuple(
            fault
            for fault in self._by_layer.get(layer, ())
            if not fault.match or wanted & {match.lower() for match in fault.match}
        )

    def all(self, layer: str) -> tuple[Fault, ...]:
        """Every fault of a layer, whomever it concerns."""
        return tuple(self._by_layer.get(layer, ()))

    def happens(self, fault: Fault) -> bool:
        """Throw the dice for a fault with a `probability` (1 where it names none)."""
        return self._rng.random() < number(fault.params, "probability", 1.0)


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
