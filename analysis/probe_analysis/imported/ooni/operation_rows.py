"""OONI's operations as observations: one row each. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import UNSET

from probe.core.addresses import family_of
from probe.core.observation_parts import DnsPart, TlsPart
from probe.core.observations import Observation
from probe.core.replies import DnsReply
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.failures import Failure
from probe.core.tables.operations import Operation
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import OperatorName
from probe.core.tables.trust import TrustFinding
from probe.core.tables.words import Empty
from probe.instruments.fingerprint_match import get_index
from probe.instruments.streams.tls_handshake import read_certificate_names
from probe.judge.common.url_places import parse_host
from probe_analysis.imported.imported_measurement import MeasurementEnvelope
from probe_analysis.imported.ooni.ooni_pages import read_page
from probe_analysis.imported.row_filling import make_builder
from probe_analysis.imported.words.ooni_keys import DnsQuery, HttpTransaction, TcpConnect, TlsHandshake
from probe_analysis.imported.words.ooni_tests import NETWORKS
from probe_analysis.imported.words.ooni_words import DOH_OPERATORS, ENGINES, INTERRUPTED, PUBLIC_RESOLVERS, TRUST
from probe_analysis.imported.words.translated_words import (
    clean_address,
    clean_host,
    first_time_s,
    parse_port,
    read_alert,
    split_place,
    translate_failure,
)

_BEFORE_REQUESTS: tuple[Operation, ...] = ("connect", "tls_handshake")
ASIDE: Final = "aside"
NOT_BEGUN_S = 0.05
"""A timeout that took no time is that of the whole test: nothing was sent."""
MINUTE_TESTS = frozenset(("whatsapp", "telegram", "signal", "facebook_messenger"))
MINUTE_S = 59.5
"""These tests have a minute for all their targets; what was not tried by then is recorded as a failure."""
_RANK: dict[AddressSource | Empty, int] = {"": 0, "public": 1, "trusted": 2, "network": 3}
_PURPOSES: dict[AddressSource | Empty, Purpose] = {"trusted": "trusted", "public": ASIDE}
_make_row, _make_dns, _make_tls = make_builder(Observation), make_builder(DnsPart), make_builder(TlsPart)


@dataclass(slots=True, kw_only=True)
class RowSheet:
    """The rows of one measurement as they are made, and what tells where each belongs."""

    envelope: MeasurementEnvelope
    places: Mapping[tuple[str, int], tuple[str, str]]
    """(host, port) that is measured -> (target, input)."""
    answers: dict[str, dict[str, AddressSource]] = field(default_factory=dict)
    """Address -> host -> where the answer came from."""
    rows: list[Observation] = field(default_factory=list)
    tried: dict[tuple[str, str, int, str], list[tuple[int, bool]]] = field(default_factory=dict)
    """(host, address, port, operation) -> (attempt, whether it succeeded) of each, in order."""
    shown: set[str] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    """Addresses in a network of the operator's, as far as the file tells networks."""
    begun: set[str] = field(default_factory=set)
    """Hosts that something was sent for: a lookup or a connection that was begun."""

    def knows(self, host: str, addresses: Iterable[str], source: AddressSource) -> None:
        """Addresses that may be tried for a host; the network's own answer counts before others'."""
        for address in addresses:
            hosts = self.answers.setdefault(address, {})
            if _RANK[source] > _RANK[hosts.get(host, "")]:
                hosts[host] = source

    def hosts_at(self, address: str, port: int) -> list[str]:
        """Whose names an address was tried for: at least one, which is empty where nothing tells."""
        if (address, port) in self.places:
            return [address]
        hosts = self.answers.get(address, {})
        return [h for h in hosts if (h, port) in self.places] or [next(iter(hosts), "")]

    def host_at(self, address: str, port: int) -> str:
        """The first of these names."""
        return self.hosts_at(address, port)[0]

    def base(self, host: str, address: str, port: int) -> dict[str, Any]:
        """The fields that say where a row belongs."""
        target, url = self.places.get((host, port), ("", ""))
        source: AddressSource | Empty = "literal" if host == address else self.answers.get(address, {}).get(host, "")
        purpose: Purpose = _PURPOSES.get(source, "target") if target else ("port" if host else ASIDE)
        return {"target_id": target, "input": url, "purpose": purpose, "hostname": host, "address": address,
                "address_source": source, "port": port, "family": family_of(address) if address else 0}

    def attempt(self, base: Mapping[str, Any], operation: Operation, ok: bool, *, after: Operation | Empty = "") -> int:
        """The attempt that an operation belongs to: the same one as the successful operation that it follows."""
        where = base["hostname"], base["address"], base["port"]
        mine = self.tried.setdefault((*where, operation), [])
        before = [n for n, worked in self.tried.get((*where, after), ()) if worked] if after else ()
        number = before[len(mine)] if len(mine) < len(before) else max(mine)[0] + 1 if mine else 1
        mine.append((number, ok))
        return number


def add_queries(sheet: RowSheet, queries: Sequence[DnsQuery], late: Sequence[DnsQuery] = ()) -> None:
    """Lookups; those of one question over UDP with replies that came after the first keep them together."""
    for query in queries:
        engine, host = ENGINES.get((query.engine or "").lower()), clean_host(query.hostname)
        if not engine or not host:
            continue
        operator: OperatorName | Empty = DOH_OPERATORS.get(_doh_host(query), "") if engine in ("doh", "dot") else ""
        resolver_address = clean_address(query.resolver_address) or split_place(query.resolver_address)[0]
        public = engine in ("udp", "tcp") and resolver_address in PUBLIC_RESOLVERS
        failure, addresses, cnames = translate_failure(query.failure), _addresses(query), _cnames(query)
        ours = bool(operator) or public or engine == "system"
        if query.failure is UNSET and not addresses:
            continue
        if not failure and not addresses and cnames:
            failure = "dns_no_answer"
        if failure in INTERRUPTED and not_begun(query.t0, query.t):
            continue
        sheet.begun.add(host)
        networks = NETWORKS.get(".".join(host.split(".")[-2:]), frozenset())
        theirs = {clean_address(a.ipv4 or a.ipv6) for a in (query.answers or ())[:100] if a.asn in networks}
        sheet.operators |= theirs
        is_target = ours and query.query_type in (None, "A", "AAAA", "ANY")
        match = get_index().of_answer(addresses, cnames)
        if is_target:
            sheet.knows(host, addresses, "trusted" if operator else "network" if engine == "system" else "public")
        if operator and not failure:
            sheet.shown.add(operator)
        sheet.rows.append(_make_row(
            operation="resolve" if engine == "system" else "dns_round_trip",
            purpose="target" if is_target else ASIDE, hostname=host, failure=failure,
            dns=_make_dns(
                engine=engine, resolver=operator or ("system" if engine == "system" else "public" if public else ""),
                resolver_address=sheet.envelope.resolver if engine == "system" else resolver_address,
                query_type=(query.query_type or "")[:16], answers=addresses, cnames=cnames,
                answer_ttl_s=_ttl(query), replies=_replies(query, late),
            ),
            attempt=_find_attempt(sheet, host, query), t0_s=first_time_s(query.t0, query.t), t_s=first_time_s(query.t),
            met_expectation="yes" if theirs.issuperset(addresses) and addresses else "",
            fingerprint=match.name, fingerprint_scope=match.scope,
        ))


def _find_attempt(sheet: RowSheet, host: str, query: DnsQuery) -> int:
    """The attempt of a lookup: A and AAAA of one question are one."""
    mine = sheet.tried.setdefault((host, query.engine or "", 0, query.query_type or ""), [])
    mine.append((len(mine) + 1, True))
    return len(mine)


def _doh_host(query: DnsQuery) -> str:
    for text in (query.resolver_address, query.resolver_hostname):
        if text and "://" in text:
            return parse_host(text)
        if text:
            return text.partition(":")[0].lower()
    return ""


def _addresses(query: DnsQuery) -> tuple[str, ...]:
    found = dict.fromkeys(clean_address(a.ipv4 or a.ipv6) for a in (query.answers or ())[:100])
    return tuple(a for a in found if a)


def _cnames(query: DnsQuery) -> tuple[str, ...]:
    return tuple(name for a in (query.answers or ())[:100]
                 if a.answer_type == "CNAME" and (name := clean_host(a.hostname)))


def _ttl(query: DnsQuery) -> int:
    ttls = [int(a.ttl) for a in (query.answers or ()) if a.ttl is not None and 0 <= a.ttl < 1 << 31]
    return min(ttls, default=-1)


def _replies(query: DnsQuery, late: Sequence[DnsQuery]) -> tuple[DnsReply, ...]:
    """Every reply to one question, where more than one came."""
    more = [q for q in late if q.transaction_id is not None and q.transaction_id == query.transaction_id
            and q.query_type == query.query_type and q.hostname == query.hostname][:8]
    if not more:
        return ()
    began = first_time_s(query.t0, query.t)
    return tuple(DnsReply(delay_ms=round(max(0.0, first_time_s(q.t) - began) * 1000, 1), rcode=_rcode(q),
                          answers=_addresses(q)) for q in (query, *more))


def _rcode(query: DnsQuery) -> str:
    words: dict[Failure, str] = {"": "NOERROR", "dns_no_answer": "NOERROR", "dns_nxdomain_error": "NXDOMAIN",
             "dns_servfail_error": "SERVFAIL", "dns_refused_error": "REFUSED"}
    return words.get(translate_failure(query.failure), "FORMERR")


def add_connects(sheet: RowSheet, connects: Sequence[TcpConnect]) -> None:
    """Attempts to connect; those that were not begun any more when the test's time was over are put aside."""
    for one, host in _share_out(sheet, connects):
        address, port = clean_address(one.ip), parse_port(one.port)
        status = one.status
        failure = translate_failure(status.failure) if status else ""
        if not failure and (status is None or status.success is False or (
                status.failure is UNSET and not status.success)):
            failure = "unknown_failure"
        base = sheet.base(host, address, port)
        if failure in INTERRUPTED and (not_begun(one.t0, one.t) or _is_cut_off(sheet.envelope, one.t)):
            base["purpose"] = ASIDE
        else:
            sheet.begun.add(base["hostname"])
        sheet.rows.append(_make_row(
            operation="connect", failure=failure, met_expectation="yes" if address in sheet.operators else "",
            attempt=sheet.attempt(base, "connect", not failure),
            t0_s=first_time_s(one.t0, one.t), t_s=first_time_s(one.t), **base))


def _share_out(sheet: RowSheet, connects: Sequence[TcpConnect]) -> Iterator[tuple[TcpConnect, str]]:
    """Each attempt with the name that it was made for. A connection carries no name: where several share an address,
    each has its turn, and where there are fewer attempts than names, one counts for several."""
    at: dict[tuple[str, int], list[TcpConnect]] = {}
    for one in connects:
        address, port = clean_address(one.ip), parse_port(one.port)
        if address and port:
            at.setdefault((address, port), []).append(one)
    for (address, port), mine in at.items():
        hosts = sheet.hosts_at(address, port)
        for number in range(max(len(mine), len(hosts))):
            yield mine[number % len(mine)], hosts[number % len(hosts)]


def find_handshake_place(one: TlsHandshake, connects: Sequence[TcpConnect]) -> tuple[str, int]:
    """Where a handshake was made; the first versions say so of its connection alone."""
    if one.address is not None:
        return split_place(one.address)
    mine = [c for c in connects if c.conn_id is not None and c.conn_id == one.conn_id] or connects
    places = {(clean_address(c.ip), parse_port(c.port)) for c in mine if c.status and c.status.success}
    return places.pop() if len(places) == 1 else ("", 0)


def add_handshakes(sheet: RowSheet, shakes: Sequence[TlsHandshake], connects: Sequence[TcpConnect] = (), *,
                   quic: bool = False) -> None:
    """TLS or QUIC handshakes, and the connections that they may have been made over."""
    for one in shakes:
        address, port = find_handshake_place(one, connects)
        name = clean_host(one.server_name)
        if not address:
            continue
        over_quic = quic or one.network == "udp"
        host = name if (name, port) in sheet.places else sheet.host_at(address, port) or name
        base = sheet.base(host, address, port)
        if base["purpose"] in ("target", "trusted") and name and host not in (name, address):
            base["purpose"] = ASIDE
        failure = translate_failure(one.failure)
        operation: Operation = "quic_handshake" if over_quic else "tls_handshake"
        judged = not one.no_tls_verify and one.failure is not UNSET
        trust: TrustFinding | Empty = TRUST.get(failure, "") if failure else "valid" if judged else ""
        if one.failure is UNSET or (failure in INTERRUPTED and not_begun(one.t0, one.t)):
            base["purpose"] = ASIDE
        elif one.echconfig:
            base["purpose"] = "shape"
        if trust == "valid" and name:
            sheet.shown.add(name)
        subject, issuer = _names(one) if trust not in ("", "valid") else ("", "")
        sheet.rows.append(_make_row(
            operation=operation, failure=failure,
            tls=_make_tls(
                sni=name, trust=trust, subject=subject, issuer=issuer, alpn=(one.negotiated_protocol or "")[:32],
                version=(one.tls_version or "")[:16], cipher=(one.cipher_suite or "")[:64],
                alert=read_alert(one.failure),
                server_hello=not failure or bool(trust), shape="ech" if one.echconfig else "",
            ),
            attempt=sheet.attempt(base, operation, not failure, after="" if over_quic else "connect"),
            t0_s=first_time_s(one.t0, one.t), t_s=first_time_s(one.t), **base,
        ))


def _names(shake: TlsHandshake) -> tuple[str, str]:
    try:
        return (read_certificate_names(base64.b64decode(shake.peer_certificates[0].data)) if shake.peer_certificates
                else ("", ""))
    except (binascii.Error, ValueError):
        return "", ""


def add_exchange(sheet: RowSheet, one: HttpTransaction, *, url: str, place: tuple[str, int]) -> None:
    """One request to a place. Where the file does not say at which address, it is the first that was reached."""
    secure = url.lower().startswith("https:")
    host, port = place
    failure, response = translate_failure(one.failure), one.response
    address, _ = split_place(one.address)
    address = address or _find_reached(sheet, host, port, "tls_handshake" if secure else "connect")
    if failure and not _got_there(sheet, host, address, port):
        return  # the connection's own row says how it failed, or nothing was begun
    shaken = (host, address, port, "tls_handshake") in sheet.tried
    proven = secure and not failure and (shaken or sheet.envelope.verifies)
    if not address or (not failure and not _has_answer(one, proven=proven)):
        return  # neither a failure nor an answer
    if address not in sheet.answers and host != address:
        sheet.knows(host, (address,), "network")
    base = sheet.base(host, address, port)
    base["input"] = url if base["target_id"] else ""
    if proven:
        sheet.shown.add(host)
    method = (one.request.method or "GET")[:16] if one.request else "GET"
    page = read_page(sheet.envelope, one, None if failure else response, url=url, method=method)
    sheet.rows.append(_make_row(
        operation="http_round_trip", failure=failure, http=page.http, bytes_read=page.http.body_bytes,
        fingerprint=page.match.name, fingerprint_scope=page.match.scope,
        attempt=sheet.attempt(base, "http_round_trip", not failure, after="tls_handshake" if shaken else "connect"),
        tls=_make_tls(trust="valid" if proven else "", sni=host if secure else ""),
        t0_s=first_time_s(one.t0, one.t), t_s=first_time_s(one.t), **base,
    ))


def _has_answer(one: HttpTransaction, *, proven: bool) -> bool:
    """Whether a page came. Tables may lack the status; then that nothing failed on a proven connection is enough."""
    if one.response is None:
        return False
    return bool(one.response.code) or (proven and one.response.code is None and one.failure is None)


def _find_reached(sheet: RowSheet, host: str, port: int, operation: Operation) -> str:
    """The first address at which an operation succeeded, else the first that was tried, else the one looked up."""
    tried = [(address, results) for (h, address, p, op), results in sheet.tried.items()
             if (h, p) == (host, port) and op in (operation, "connect")]
    for address, results in tried:
        if any(ok for _, ok in results):
            return address
    looked_up = [a for a, hosts in sheet.answers.items() if hosts.get(host) == "network"]
    return next((a for a, _ in tried), next(iter(looked_up), host if (host, port) in sheet.places and family_of(host)
                                            else ""))


def _got_there(sheet: RowSheet, host: str, address: str, port: int) -> bool:
    """Whether a request can have failed by itself: all that was recorded before it succeeded, or nothing was."""
    for operation in _BEFORE_REQUESTS:
        results = sheet.tried.get((host, address, port, operation), [])
        if results and not any(ok for _, ok in results):
            return False
    if sheet.envelope.test in MINUTE_TESTS and (host, address, port, "connect") not in sheet.tried:
        return False  # a failure without an attempt to connect behind it: its turn never came
    return host in sheet.begun or bool(family_of(host))


def make_unasked(target: str, url: str, reason: str) -> Observation:
    """An endpoint that belongs to a target and was never tried."""
    return Observation(operation="http_round_trip" if url.startswith("http") else "connect", purpose=ASIDE,
                       target_id=target, input=url, reason=reason)


def not_begun(t0: float | None, t: float | None) -> bool:
    """Whether a timeout took no time: it is the test's, and nothing was sent."""
    return t0 is not None and t is not None and t > 0 and 0 <= t - t0 < NOT_BEGUN_S


def _is_cut_off(envelope: MeasurementEnvelope, t: float | None) -> bool:
    """Whether a timeout came at the end of a test that has a minute for all its targets."""
    return envelope.test in MINUTE_TESTS and t is not None and t >= MINUTE_S
