"""Do the encrypted ways to ask for names work? A finding of the network: no service needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probe.core.observations import Observation
from probe.core.tables.evidence_words import EncryptedState
from probe.core.tables.failures import Failure, FailureKind, is_timeout, kind_of
from probe.core.tables.resolvers import PUBLIC_RESOLVERS

USUAL_PORTS = (0, 53, 80, 443, 853)
"""Ports that guest networks leave open where they close all others; another one must work to show that one is closed
for what it is."""
TRIES = 2
OPERATORS = 2
_HOSTS = frozenset(o.doh_host for o in PUBLIC_RESOLVERS if o.doh_host)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedDns:
    """Words: ok (one operator answers), blocked, failing (not shown to be for what it is), unasked."""

    dot: EncryptedState = "unasked"
    doh: EncryptedState = "unasked"

    @property
    def blocked(self) -> bool:
        return self.dot == "blocked" or self.doh == "blocked"


def gather_encrypted_dns(seen: Sequence[Observation], *, well: bool) -> EncryptedDns:
    """From all of a run. `well`: the network carries us to its controls; else nothing is called blocked.

    DoT is blocked where several operators' port 853 fails again and again and alike while port 443 of an operator
    and some unusual port of anybody accept connections. DoH is blocked where no handshake with any of several
    operators succeeds, each of which accepts the connection, while other servers' handshakes do.
    """
    dot: dict[str, list[Observation]] = {
        o.dns.resolver: [x for x in seen if x.dns.engine == "dot" and x.dns.resolver == o.dns.resolver]
        for o in seen if o.dns.engine == "dot" and not o.reason}
    connects = [o for o in seen if o.operation == "connect" and not o.failure]
    other_port = any(o.port not in USUAL_PORTS for o in connects)
    operator_lives = any(o.hostname in _HOSTS and o.port == 443 for o in connects)
    shakes = [o for o in seen if o.operation == "tls_handshake"]
    others = {o.address for o in shakes if o.tls.trust == "valid" and o.hostname not in _HOSTS}
    doh = {name: [o for o in shakes if o.hostname == name and o.purpose == "ladder"]
           for name in {o.hostname for o in shakes} & _HOSTS}
    names = {o.doh_host: o.name for o in PUBLIC_RESOLVERS}
    for host, tries in doh.items():
        tries += [o for o in seen if o.dns.engine == "doh" and o.dns.resolver == names[host] and not o.reason]
    return EncryptedDns(dot=_word(dot, well and other_port and operator_lives),
                        doh=_word(doh, well and len(others) >= 2))


def _word(tries: Mapping[str, Sequence[Observation]], decided: bool) -> EncryptedState:
    if not tries:
        return "unasked"
    if any(_has_worked(o) for found in tries.values() for o in found):
        return "ok"
    often = len(tries) >= OPERATORS and all(len(found) >= TRIES for found in tries.values())
    alike = len({_kind(o.failure) for found in tries.values() for o in found}) == 1
    return "blocked" if often and alike and decided else "failing"


def _has_worked(seen: Observation) -> bool:
    """Any answer counts, also one that denies: the channel carried it."""
    return not seen.failure or bool(seen.dns.rcode)


def _kind(failure: Failure) -> FailureKind:
    return "timeout" if is_timeout(failure) else kind_of(failure)
