"""Tests with one endpoint each, and series of the same: urlgetter, dnscheck, sniblocking, pings ... Pure."""

from __future__ import annotations

from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from msgspec import UNSET, structs

from probe.catalogue.endpoint_urls import BadUrl, literal, place
from probe.catalogue.test_lists import slug
from probe.core.observation_parts import DatagramPart, TlsPart, TracePart
from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.purposes import Purpose
from probe.interop.imported_measurement import Aim, Found, Frame
from probe.interop.ooni.decode import NotJudged, Unreadable, converted, keys_of, plain_keys
from probe.interop.ooni.ooni_verdicts import word_of
from probe.interop.ooni.operation_rows import (
    ASIDE,
    Sheet,
    add_connects,
    add_exchange,
    add_handshakes,
    add_queries,
    place_of,
)
from probe.interop.words.ooni_keys import Exchange, Handshake, Keys
from probe.interop.words.ooni_words import TRUST
from probe.interop.words.translated_words import failure_word, host_word, seconds, split_place

ROLE: Final = "web"
T = TypeVar("T")
MAX_TRACES = 40


def _aim(frame: Frame, url: str, plain: dict[str, Any]) -> Aim:
    return Aim(target_id=f"{frame.test}.{ROLE}.{slug(url)}", service=frame.test, role=ROLE, inputs=(url,),
               theirs=word_of(frame.test, plain, ""))


def _sheet(frame: Frame, aim: Aim) -> Sheet:
    where = _require(aim.inputs[0])
    return Sheet(frame=frame, places={(where[0], where[1]): (aim.target_id, aim.inputs[0])} if where[1] else {})


def _require(url: str) -> tuple[str, int]:
    try:
        where = place(url)
    except BadUrl as error:
        raise Unreadable(f"input: {error}") from None
    return where.host, where.port


def _add(sheet: Sheet, keys: Keys) -> None:
    add_queries(sheet, keys.queries or ())
    add_connects(sheet, keys.tcp_connect or ())
    add_handshakes(sheet, keys.tls_handshakes or (), keys.tcp_connect or ())
    add_handshakes(sheet, keys.quic_handshakes or (), quic=True)


def read_urlgetter(frame: Frame) -> Found:
    """One URL of any of urlgetter's schemes."""
    plain = plain_keys(frame.envelope)
    aim = _aim(frame, frame.url, plain)
    sheet = _sheet(frame, aim)
    keys, left_out = keys_of(plain)
    _add(sheet, keys)
    if frame.url.startswith("http"):
        _add_first_page(sheet, keys.requests or [], frame.url)
    return Found(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def _add_first_page(sheet: Sheet, requests: list[Exchange], url: str) -> None:
    """The first request alone: where redirects lead is another endpoint, which this test does not compare."""
    for one in requests[-1:]:
        if one.request and one.request.x_transport in (None, "tcp"):
            add_exchange(sheet, one, url=url, place=_require(url))


def read_dnscheck(frame: Frame) -> Found:
    """A resolver of encrypted DNS: whether a handshake with it is done. One that speaks in the clear proves nothing."""
    plain = plain_keys(frame.envelope)
    parts = _split(frame.url)
    default = {"https": 443, "dot": 853}.get(parts[0], 0)
    if not default:
        raise NotJudged(f"a resolver at {parts[0] or 'no'}:// is not judged, only https:// and dot:// are")
    aim = _aim(frame, f"tlshandshake://{_bracketed(parts[1])}:{parts[2] or default}", plain)
    sheet, left_out = _sheet(frame, aim), 0
    lookups = plain.get("lookups")
    groups = [plain.get("bootstrap"), *(lookups.values() if isinstance(lookups, dict) else ())]
    for group in groups[:200]:
        keys, missed = keys_of(group if isinstance(group, dict) else {})
        left_out += missed
        _add(sheet, keys)
    return Found(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def _split(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or 0
    except ValueError:
        raise Unreadable("input: not a URL") from None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def read_sniblocking(frame: Frame) -> Found:
    """The name under test and an innocent one, at the same server: what is asked for is a ServerHello, not a proof."""
    plain = plain_keys(frame.envelope)
    mine, control = (_side(plain.get(name), fallback) for name, fallback in (("target", frame.url), ("control", "")))
    at = next((where for _, where, _ in (*mine, *control) if where[0]), ("", 0))
    if not at[0]:
        raise Unreadable("no handshake at any address")
    url = f"tlshandshake://{_bracketed(at[0])}:{at[1]}"
    name = next((name for name, _, _ in mine if name), host_word(_asked_name(frame.url)))
    aim = Aim(target_id=f"{frame.test}.{ROLE}.{slug(f'https://{name}/')}", service=frame.test, role=ROLE, inputs=(url,),
              theirs=word_of(frame.test, plain, ""))
    sheet = _sheet(frame, aim)
    purposes: tuple[Purpose, ...] = ("innocent", "target")
    for purpose, side in zip(purposes, (control, mine), strict=True):
        for sni, where, shake in side:
            sheet.rows += _hello(sheet, shake, sni, purpose, at) if where == at else []
    return Found(aims=[aim], observations=sheet.rows, shown=sheet.shown)


def _asked_name(text: str) -> str:
    return _split(text)[1] if "://" in text else text


def _side(part: object, fallback: str) -> list[tuple[str, tuple[str, int], Handshake]]:
    """The handshakes under one name: which name, where."""
    if not isinstance(part, dict):
        return []
    keys, sni = keys_of(part)[0], part.get("sni")
    named = host_word(sni if isinstance(sni, str) else _asked_name(fallback))
    return [(host_word(s.server_name) or named, place_of(s, keys.tcp_connect or ()), s)
            for s in keys.tls_handshakes or ()]


def _hello(sheet: Sheet, shake: Handshake, sni: str, purpose: Purpose, at: tuple[str, int]) -> list[Observation]:
    """A handshake that may end once the server has answered: that it has no certificate for the name is no failure."""
    if shake.failure is UNSET:
        return []
    word = failure_word(shake.failure)
    base = sheet.base(at[0], *at) | {"purpose": purpose}
    answered = not word or word == "ssl_invalid_hostname"
    return [Observation(
        operation="tls_handshake", failure="" if answered else word,
        tls=TlsPart(sni=sni, server_hello=answered or word in TRUST),
        attempt=sheet.attempt(base | {"hostname": purpose}, "tls_handshake", True), t0_s=seconds(shake.t0, shake.t),
        t_s=seconds(shake.t), **base,
    )]


def read_tlsmiddlebox(frame: Frame) -> Found:
    """Handshakes whose packets run out on the way tell where, which no rule of ours reads in this form; they are kept
    aside. The ones that went all the way are judged."""
    plain = plain_keys(frame.envelope)
    host, port = _split(frame.url)[1:]
    aim = _aim(frame, f"tlshandshake://{_bracketed(host)}:{port or 443}", plain)
    sheet = _sheet(frame, aim)
    keys, left_out = keys_of(plain)
    _add(sheet, keys)
    traces = plain.get("iterative_trace")
    for trace in (traces[:MAX_TRACES] if isinstance(traces, list) else ()):
        for side in ("control_trace", "target_trace"):
            _add_trace(sheet, trace.get(side) if isinstance(trace, dict) else None)
    return Found(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def _add_trace(sheet: Sheet, trace: object) -> None:
    iterations = trace.get("iterations") if isinstance(trace, dict) else None
    for one in (iterations[:64] if isinstance(iterations, list) else ()):
        shake = converted(one.get("handshake"), Handshake) if isinstance(one, dict) else None
        ttl = one.get("ttl") if isinstance(one, dict) else None
        if shake is None:
            continue
        address, port = split_place(shake.address)
        sheet.rows.append(Observation(
            operation="tls_handshake", purpose=ASIDE, hostname=host_word(shake.server_name), address=address, port=port,
            family=0 if not address else 6 if ":" in address else 4, tls=TlsPart(sni=host_word(shake.server_name)),
            failure=failure_word(shake.failure),
            trace=TracePart(lines=(TraceLine(ttl=ttl),) if isinstance(ttl, int) else ()),
            t0_s=seconds(shake.t0, shake.t), t_s=seconds(shake.t),
        ))


def read_echcheck(frame: Frame) -> Found:
    """One server three times: without ECH, with a greased one, and in earnest. The plain one is judged."""
    plain = plain_keys(frame.envelope)
    host, port = _split(frame.url or "https://cloudflare-ech.com/cdn-cgi/trace")[1:]
    aim = _aim(frame, f"tlshandshake://{_bracketed(host)}:{port or 443}", plain)
    sheet = _sheet(frame, aim)
    keys, left_out = keys_of(plain)
    for name, config in (("control", ""), ("target", "GREASE")):  # until 0.2.0 one of each
        single = converted(plain.get(name), Handshake) if isinstance(plain.get(name), dict) else None
        if single is not None and single.address:
            keys.tls_handshakes = [*(keys.tls_handshakes or ()), structs.replace(single, echconfig=config)]
    keys.control = None
    _add(sheet, keys)
    return Found(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def read_stun(frame: Frame) -> Found:
    """A STUN binding. Where the file names no address, it is the first that the name has."""
    plain = plain_keys(frame.envelope)
    endpoint = frame.url or str(plain.get("endpoint"))
    aim = _aim(frame, endpoint if "://" in endpoint else f"stun://{endpoint}", plain)
    sheet = _sheet(frame, aim)
    keys, left_out = keys_of(plain)
    add_queries(sheet, keys.queries or ())
    host, port = _require(aim.inputs[0])
    told = [split_place(e.address)[0] for e in keys.network_events or () if e.operation == "connect"]
    address = next((a for a in (*told, *sheet.answers) if a), "")
    failure = failure_word(plain.get("failure") if isinstance(plain.get("failure"), str) else None)
    if address and "failure" in plain and not failure.startswith("dns_"):
        sheet.knows(host, (address,), "network")
        sheet.rows.append(Observation(
            operation="stun_binding", failure=failure, datagrams=DatagramPart(requests=1, responses=int(not failure)),
            **sheet.base(host, address, port),
        ))
    return Found(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def _several(value: T | list[T] | None) -> list[T]:
    return value if isinstance(value, list) else [] if value is None else [value]


def read_pings(frame: Frame) -> Found:
    """A series: of handshakes over QUIC or TLS, of connections, or of lookups. Each is an attempt of its own."""
    plain = plain_keys(frame.envelope)
    keys, left_out = keys_of(plain)
    pings = keys.pings or []
    scheme, host, port = _split(frame.url)
    wanted = {"simplequicping": "quichandshake", "tlsping": "tlshandshake", "tcpping": "tcpconnect"}.get(frame.test)
    if wanted is None or not port:
        raise NotJudged(f"a series at {scheme or 'no'}:// without a port is not judged")
    aim = _aim(frame, f"{wanted}://{_bracketed(host)}:{port}", plain)
    sheet = _sheet(frame, aim)
    add_queries(sheet, keys.queries or ())
    shakes = [s for p in pings for s in _several(p.quic_handshake or p.tls_handshake)]
    for shake in shakes:
        if split_place(shake.address)[0] and not literal(host):
            sheet.knows(host, (split_place(shake.address)[0],), "network")
    add_connects(sheet, [c for p in pings for c in _several(p.tcp_connect)])
    add_handshakes(sheet, shakes, quic=frame.test == "simplequicping")
    return Found(aims=[aim], observations=sheet.rows, shown=sheet.shown, left_out=left_out)
