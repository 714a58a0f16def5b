"""Tests with one endpoint each, and series of the same: urlgetter, dnscheck, sniblocking, pings ... Pure."""

from __future__ import annotations

from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from msgspec import UNSET, structs

from probe.catalogue.endpoint_urls import BadUrlError, parse_endpoint_url, parse_literal_host
from probe.catalogue.test_lists import make_slug
from probe.core.addresses import bracket_host
from probe.core.observation_parts import DatagramPart, TlsPart, TracePart
from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.purposes import Purpose
from probe_analysis.imported.imported_measurement import MeasuredTarget, MeasurementEnvelope, ReadResult
from probe_analysis.imported.ooni.decode import (
    NotJudgedError,
    UnreadableError,
    convert_value,
    read_keys,
    read_plain_keys,
)
from probe_analysis.imported.ooni.ooni_verdicts import judge_target
from probe_analysis.imported.ooni.operation_rows import (
    ASIDE,
    RowSheet,
    add_connects,
    add_exchange,
    add_handshakes,
    add_queries,
    find_handshake_place,
)
from probe_analysis.imported.words.ooni_keys import HttpTransaction, TestKeys, TlsHandshake
from probe_analysis.imported.words.ooni_words import TRUST
from probe_analysis.imported.words.translated_words import clean_host, first_time_s, split_place, translate_failure

ROLE: Final = "web"
T = TypeVar("T")
MAX_TRACES = 40


def _aim(envelope: MeasurementEnvelope, url: str, plain: dict[str, Any]) -> MeasuredTarget:
    return MeasuredTarget(target_id=f"{envelope.test}.{ROLE}.{make_slug(url)}", service=envelope.test, role=ROLE,
                          inputs=(url,), theirs=judge_target(envelope.test, plain, ""))


def _sheet(envelope: MeasurementEnvelope, aim: MeasuredTarget) -> RowSheet:
    where = _require(aim.inputs[0])
    places = {(where[0], where[1]): (aim.target_id, aim.inputs[0])} if where[1] else {}
    return RowSheet(envelope=envelope, places=places)


def _require(url: str) -> tuple[str, int]:
    try:
        where = parse_endpoint_url(url)
    except BadUrlError as error:
        raise UnreadableError(f"input: {error}") from None
    return where.host, where.port


def _add(sheet: RowSheet, keys: TestKeys) -> None:
    add_queries(sheet, keys.queries or ())
    add_connects(sheet, keys.tcp_connect or ())
    add_handshakes(sheet, keys.tls_handshakes or (), keys.tcp_connect or ())
    add_handshakes(sheet, keys.quic_handshakes or (), quic=True)


def read_urlgetter(envelope: MeasurementEnvelope) -> ReadResult:
    """One URL of any of urlgetter's schemes."""
    plain = read_plain_keys(envelope.envelope)
    aim = _aim(envelope, envelope.url, plain)
    sheet = _sheet(envelope, aim)
    keys, left_out = read_keys(plain)
    _add(sheet, keys)
    if envelope.url.startswith("http"):
        _add_first_page(sheet, keys.requests or [], envelope.url)
    return ReadResult(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def _add_first_page(sheet: RowSheet, requests: list[HttpTransaction], url: str) -> None:
    """The first request alone: where redirects lead is another endpoint, which this test does not compare."""
    for one in requests[-1:]:
        if one.request and one.request.x_transport in (None, "tcp"):
            add_exchange(sheet, one, url=url, place=_require(url))


def read_dnscheck(envelope: MeasurementEnvelope) -> ReadResult:
    """A resolver of encrypted DNS: whether a handshake with it is done. One that speaks in the clear proves nothing."""
    plain = read_plain_keys(envelope.envelope)
    parts = _split_url(envelope.url)
    default = {"https": 443, "dot": 853}.get(parts[0], 0)
    if not default:
        raise NotJudgedError(f"a resolver at {parts[0] or 'no'}:// is not judged, only https:// and dot:// are")
    aim = _aim(envelope, f"tlshandshake://{bracket_host(parts[1])}:{parts[2] or default}", plain)
    sheet, left_out = _sheet(envelope, aim), 0
    lookups = plain.get("lookups")
    groups = [plain.get("bootstrap"), *(lookups.values() if isinstance(lookups, dict) else ())]
    for group in groups[:200]:
        keys, missed = read_keys(group if isinstance(group, dict) else {})
        left_out += missed
        _add(sheet, keys)
    return ReadResult(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def _split_url(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or 0
    except ValueError:
        raise UnreadableError("input: not a URL") from None


def read_sniblocking(envelope: MeasurementEnvelope) -> ReadResult:
    """The name under test and an innocent one, at the same server: what is asked for is a ServerHello, not a proof."""
    plain = read_plain_keys(envelope.envelope)
    mine, control = (_side(plain.get(name), fallback) for name, fallback in (("target", envelope.url), ("control", "")))
    at = next((where for _, where, _ in (*mine, *control) if where[0]), ("", 0))
    if not at[0]:
        raise UnreadableError("no handshake at any address")
    url = f"tlshandshake://{bracket_host(at[0])}:{at[1]}"
    name = next((name for name, _, _ in mine if name), clean_host(_asked_name(envelope.url)))
    aim = MeasuredTarget(target_id=f"{envelope.test}.{ROLE}.{make_slug(f'https://{name}/')}", service=envelope.test,
                         role=ROLE, inputs=(url,), theirs=judge_target(envelope.test, plain, ""))
    sheet = _sheet(envelope, aim)
    purposes: tuple[Purpose, ...] = ("innocent", "target")
    for purpose, side in zip(purposes, (control, mine), strict=True):
        for sni, where, shake in side:
            sheet.rows += _hello(sheet, shake, sni, purpose, at) if where == at else []
    return ReadResult(aims=[aim], observations=sheet.rows, shown=sheet.shown)


def _asked_name(text: str) -> str:
    return _split_url(text)[1] if "://" in text else text


def _side(part: object, fallback: str) -> list[tuple[str, tuple[str, int], TlsHandshake]]:
    """The handshakes under one name: which name, where."""
    if not isinstance(part, dict):
        return []
    keys, sni = read_keys(part)[0], part.get("sni")
    named = clean_host(sni if isinstance(sni, str) else _asked_name(fallback))
    return [(clean_host(s.server_name) or named, find_handshake_place(s, keys.tcp_connect or ()), s)
            for s in keys.tls_handshakes or ()]


def _hello(sheet: RowSheet, shake: TlsHandshake, sni: str, purpose: Purpose, at: tuple[str, int]) -> list[Observation]:
    """A handshake that may end once the server has answered: that it has no certificate for the name is no failure."""
    if shake.failure is UNSET:
        return []
    word = translate_failure(shake.failure)
    base = sheet.base(at[0], *at) | {"purpose": purpose}
    answered = not word or word == "ssl_invalid_hostname"
    return [Observation(
        operation="tls_handshake", failure="" if answered else word,
        tls=TlsPart(sni=sni, server_hello=answered or word in TRUST),
        attempt=sheet.attempt(base | {"hostname": purpose}, "tls_handshake", True),
        t0_s=first_time_s(shake.t0, shake.t), t_s=first_time_s(shake.t), **base,
    )]


def read_tlsmiddlebox(envelope: MeasurementEnvelope) -> ReadResult:
    """Handshakes whose packets run out on the way tell where, which no rule of ours reads in this form; they are kept
    aside. The ones that went all the way are judged."""
    plain = read_plain_keys(envelope.envelope)
    host, port = _split_url(envelope.url)[1:]
    aim = _aim(envelope, f"tlshandshake://{bracket_host(host)}:{port or 443}", plain)
    sheet = _sheet(envelope, aim)
    keys, left_out = read_keys(plain)
    _add(sheet, keys)
    traces = plain.get("iterative_trace")
    for trace in (traces[:MAX_TRACES] if isinstance(traces, list) else ()):
        for side in ("control_trace", "target_trace"):
            _add_trace(sheet, trace.get(side) if isinstance(trace, dict) else None)
    return ReadResult(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def _add_trace(sheet: RowSheet, trace: object) -> None:
    iterations = trace.get("iterations") if isinstance(trace, dict) else None
    for one in (iterations[:64] if isinstance(iterations, list) else ()):
        shake = convert_value(one.get("handshake"), TlsHandshake) if isinstance(one, dict) else None
        ttl = one.get("ttl") if isinstance(one, dict) else None
        if shake is None:
            continue
        address, port = split_place(shake.address)
        sheet.rows.append(Observation(
            operation="tls_handshake", purpose=ASIDE, hostname=clean_host(shake.server_name), address=address,
            port=port,
            family=0 if not address else 6 if ":" in address else 4, tls=TlsPart(sni=clean_host(shake.server_name)),
            failure=translate_failure(shake.failure),
            trace=TracePart(lines=(TraceLine(ttl=ttl),) if isinstance(ttl, int) else ()),
            t0_s=first_time_s(shake.t0, shake.t), t_s=first_time_s(shake.t),
        ))


def read_echcheck(envelope: MeasurementEnvelope) -> ReadResult:
    """One server three times: without ECH, with a greased one, and in earnest. The plain one is judged."""
    plain = read_plain_keys(envelope.envelope)
    host, port = _split_url(envelope.url or "https://cloudflare-ech.com/cdn-cgi/trace")[1:]
    aim = _aim(envelope, f"tlshandshake://{bracket_host(host)}:{port or 443}", plain)
    sheet = _sheet(envelope, aim)
    keys, left_out = read_keys(plain)
    for name, config in (("control", ""), ("target", "GREASE")):  # until 0.2.0 one of each
        single = convert_value(plain.get(name), TlsHandshake) if isinstance(plain.get(name), dict) else None
        if single is not None and single.address:
            keys.tls_handshakes = [*(keys.tls_handshakes or ()), structs.replace(single, echconfig=config)]
    keys.control = None
    _add(sheet, keys)
    return ReadResult(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def read_stun(envelope: MeasurementEnvelope) -> ReadResult:
    """A STUN binding. Where the file names no address, it is the first that the name has."""
    plain = read_plain_keys(envelope.envelope)
    endpoint = envelope.url or str(plain.get("endpoint"))
    aim = _aim(envelope, endpoint if "://" in endpoint else f"stun://{endpoint}", plain)
    sheet = _sheet(envelope, aim)
    keys, left_out = read_keys(plain)
    add_queries(sheet, keys.queries or ())
    host, port = _require(aim.inputs[0])
    connected = [split_place(e.address)[0] for e in keys.network_events or () if e.operation == "connect"]
    address = next((a for a in (*connected, *sheet.answers) if a), "")
    failure = translate_failure(plain.get("failure") if isinstance(plain.get("failure"), str) else None)
    if address and "failure" in plain and not failure.startswith("dns_"):
        sheet.knows(host, (address,), "network")
        sheet.rows.append(Observation(
            operation="stun_binding", failure=failure, datagrams=DatagramPart(requests=1, responses=int(not failure)),
            **sheet.base(host, address, port),
        ))
    return ReadResult(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def _several(value: T | list[T] | None) -> list[T]:
    return value if isinstance(value, list) else [] if value is None else [value]


def read_pings(envelope: MeasurementEnvelope) -> ReadResult:
    """A series: of handshakes over QUIC or TLS, of connections, or of lookups. Each is an attempt of its own."""
    plain = read_plain_keys(envelope.envelope)
    keys, left_out = read_keys(plain)
    pings = keys.pings or []
    scheme, host, port = _split_url(envelope.url)
    wanted = {"simplequicping": "quichandshake", "tlsping": "tlshandshake", "tcpping": "tcpconnect"}.get(envelope.test)
    if wanted is None or not port:
        raise NotJudgedError(f"a series at {scheme or 'no'}:// without a port is not judged")
    aim = _aim(envelope, f"{wanted}://{bracket_host(host)}:{port}", plain)
    sheet = _sheet(envelope, aim)
    add_queries(sheet, keys.queries or ())
    shakes = [s for p in pings for s in _several(p.quic_handshake or p.tls_handshake)]
    for shake in shakes:
        if split_place(shake.address)[0] and not parse_literal_host(host):
            sheet.knows(host, (split_place(shake.address)[0],), "network")
    add_connects(sheet, [c for p in pings for c in _several(p.tcp_connect)])
    add_handshakes(sheet, shakes, quic=envelope.test == "simplequicping")
    return ReadResult(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)
