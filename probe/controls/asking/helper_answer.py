"""Reading a helper's answer: whatever is valid counts, whatever is missing or malformed stays unknown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

from msgspec import Raw

from probe.catalogue.programs import PROGRAM_HELLOS
from probe.controls.helper_protocol import (
    LOOKUP_FAILED,
    MAX_ADDRESSES,
    OLD_WORDS,
    DnsResult,
    HttpFirst,
    TcpResult,
    TlsResult,
    XResult,
    XVolume,
    split_address,
)
from probe.core.addresses import parse_address
from probe.core.endpoints import Endpoint
from probe.core.json_decoders import decode_json
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.tables.control_sources import BUSY, AppWord
from probe.core.tables.failures import NO_ANSWER, Failure, open_failure, scrub_addresses
from probe.core.tables.handshakes import PROOFS
from probe.instruments.address_echoes import remove_addresses
from probe.instruments.streams.http_parts import MAX_TITLE

MAX_PAIRS = 128
MAX_HEADER_NAMES = 40
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_PHRASE = re.compile(r"(?:unknown_failure|ssl_error): ", re.ASCII)
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_JA4 = re.compile(r"t[0-9]{2}[di][0-9]{4}[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}", re.ASCII)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,64}", re.ASCII)

T = TypeVar("T")
Fields = Mapping[str, Raw]


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What was read so far, by place."""

    tcp: dict[Place, Failure] = field(default_factory=dict)
    tls: dict[Place, Failure] = field(default_factory=dict)
    udp: dict[Place, Failure] = field(default_factory=dict)
    leaf_keys: dict[Place, str] = field(default_factory=dict)
    ja4s: dict[Place, str] = field(default_factory=dict)
    app: dict[Place, AppWord] = field(default_factory=dict)
    shapes: dict[Place, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def parse_answer(body: bytes, *, blank: ControlAnswer, endpoint: Endpoint) -> ControlAnswer:
    """Fill `blank` from the JSON text that a helper sent about `endpoint`. Raises nothing, whatever the bytes.

    `state` becomes answered when anything at all is known, with `busy` for a reason when the helper left something out
    for its load; refused when it declined everything; else failed.
    """
    fields = _decode(body, dict[str, Raw])
    if fields is None:
        return replace(blank, state="failed", reason="garbage")
    seen = _Seen()
    entries = [entry for entry in _list(fields, "x_endpoints") if entry.host == endpoint.host.lower()]
    _read_ooni(fields, endpoint, seen)
    _read_entries(entries, endpoint, seen)
    answer = replace(
        _with_volume(_with_dns(_with_http(blank, fields, seen), fields, entries, endpoint), fields),
        tcp=tuple(islice(seen.tcp.items(), MAX_PAIRS)),
        tls=tuple(islice(seen.tls.items(), MAX_PAIRS)),
        udp=tuple(islice(seen.udp.items(), MAX_PAIRS)),
        leaf_keys=tuple(islice(seen.leaf_keys.items(), MAX_PAIRS)),
        ja4s=tuple(islice(seen.ja4s.items(), MAX_PAIRS)),
        app=tuple(islice(seen.app.items(), MAX_PAIRS)),
        shapes=tuple(islice(seen.shapes.items(), MAX_PAIRS)),
    )
    if answer != blank:
        return replace(answer, state="answered", reason=BUSY if BUSY in seen.reasons else "")
    if seen.reasons:
        return replace(blank, state="refused", reason=seen.reasons[0])
    return replace(blank, state="failed", reason="garbage")


def _read_ooni(fields: Fields, endpoint: Endpoint, seen: _Seen) -> None:
    """OONI's maps; a result without failure that claims no success is a contradiction and counts as unknown."""
    for key, tcp in _map(fields, "tcp_connect", TcpResult):
        if tcp.status == (not tcp.failure):
            seen.tcp[key] = _word(tcp.failure)
    for key, tls in _map(fields, "tls_handshake", TlsResult):
        if tls.status == (not tls.failure) and tls.server_name in ("", endpoint.sni):
            seen.tls[key] = _word(tls.failure)


def _read_entries(entries: list[XResult], endpoint: Endpoint, seen: _Seen) -> None:
    for entry in entries:
        if entry.reason:
            seen.reasons.append(_word(entry.reason))
        elif entry.port == endpoint.port and (address := parse_address(entry.address)) is not None:
            _read_entry(entry, Place(str(address), entry.port), seen)


def _read_entry(entry: XResult, key: Place, seen: _Seen) -> None:
    if entry.shape:
        _read_shape(entry, key, seen)
    elif entry.operation == "connect":
        seen.tcp[key] = _word(entry.failure)
    elif entry.operation == "app_round_trip":
        seen.tcp[key] = ""
        proof = next((word for word in PROOFS if word == entry.proof), None)
        seen.app[key] = _word(entry.failure) or proof or "unknown"
        if entry.sni:
            seen.tls[key] = ""
    elif entry.operation == "tls_handshake":
        seen.tcp[key], seen.tls[key] = "", _word(entry.failure)
    elif entry.operation in ("quic_handshake", "stun_binding"):
        seen.udp[key] = _word(entry.failure)
    if entry.operation != "connect" and _KEY.fullmatch(entry.leaf_key_sha256):
        seen.leaf_keys[key] = entry.leaf_key_sha256
    if entry.operation != "connect" and not entry.shape and _JA4.fullmatch(entry.ja4):
        seen.ja4s[key] = entry.ja4


def _read_shape(entry: XResult, key: Place, seen: _Seen) -> None:
    """What a hello of a program's shape met; that no connection came about is no word on shapes."""
    if entry.shape in PROGRAM_HELLOS and entry.operation == "tls_handshake":
        seen.shapes[key] = f"{entry.shape} {_word(entry.failure) or 'answered'}"


def _with_dns(blank: ControlAnswer, fields: Fields, entries: list[XResult], endpoint: Endpoint) -> ControlAnswer:
    """Our own entry says more than OONI's field: why there is no address, and whether anybody could be asked."""
    if parse_address(endpoint.host) is not None:
        return blank
    for entry in entries:
        if entry.proto == "dns":
            if entry.reason:
                return blank
            return _add_name_answer(blank, _word(entry.failure), entry.addresses)
    known = _get(fields, "dns", DnsResult)
    return _add_name_answer(blank, _word(known.failure), known.addrs) if known else blank


def _add_name_answer(blank: ControlAnswer, failure: Failure, texts: list[str]) -> ControlAnswer:
    addresses = tuple(dict.fromkeys(str(a) for text in texts[:MAX_ADDRESSES] if (a := parse_address(text)) is not None))
    if addresses:
        return replace(blank, addresses=addresses)
    return replace(blank, dns_failure=failure or NO_ANSWER)


def _with_http(blank: ControlAnswer, fields: Fields, seen: _Seen) -> ControlAnswer:
    """The first response where the helper tells it, for a probe looks at each hop by itself; else the final one."""
    page = _get(fields, "http_request", dict[str, Raw])
    if page is None:
        return blank
    if first := _get(page, "x_first", HttpFirst):
        return _page(blank, status=first.status_code, title=first.title, length=first.body_length,
                     names=first.header_names, location=first.location)
    if refused := _get(page, "x_refused", str):
        seen.reasons.append(_word(refused))
        return blank
    failure = _get(page, "x_failure", str) or _get(page, "failure", str)
    if failure == LOOKUP_FAILED:  # the helper's own lookup, which may have been too slow: it never saw the site
        return blank
    if failure:
        return replace(blank, http_failure=_word(failure))
    return _page(
        blank,
        status=_get(page, "status_code", int) or 0,
        title=_get(page, "title", str) or "",
        length=_get(page, "body_length", int) or 0,
        names=list(_get(page, "headers", dict[str, Raw]) or ()),
        location="",
    )


def _with_volume(blank: ControlAnswer, fields: Fields) -> ControlAnswer:
    """A transfer whose numbers make sense."""
    volume = _get(fields, "x_volume", XVolume)
    if volume is None or not (0 <= volume.bytes_read < 1 << 30 and 0 <= volume.flow_s < 3600):
        return blank
    return replace(blank, volume_failure=_word(volume.failure), volume_bytes=volume.bytes_read, volume_s=volume.flow_s)


def _page(
    blank: ControlAnswer, *, status: int, title: str, length: int, names: list[str], location: str
) -> ControlAnswer:
    if not 100 <= status <= 599:
        return blank
    lower = sorted({name.lower() for name in names[:1000]})
    return replace(
        blank,
        http_failure="",
        http_status=status,
        http_title=_title(title),
        http_body_bytes=length if 0 <= length < 1 << 40 else 0,
        http_header_names=tuple(name for name in lower if _HEADER.fullmatch(name))[:MAX_HEADER_NAMES],
        http_location=_line(location, 500),
    )


def _title(text: str) -> str:
    """A page's title as we keep our own: a page that names its visitor's address, or its own, has one title here and
    there."""
    return remove_addresses(_line(text, MAX_TITLE), cut=len(text.encode(errors="replace")) >= MAX_TITLE)


def _word(text: str | None) -> Failure:
    """A helper's failure word as df-007 has it; what is no word at all is quoted as unknown, without addresses."""
    if not text:
        return ""
    if known := OLD_WORDS.get(text):
        return open_failure(known)
    if _WORD.fullmatch(text):
        return open_failure(text)
    line = scrub_addresses(_line(text, 200))
    return open_failure(line if _PHRASE.match(line) else f"unknown_failure: {line}"[:200])


def _line(text: str, size: int) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:size])


def _decode(data: bytes | Raw, kind: type[T]) -> T | None:
    try:
        return decode_json(data, kind)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors; so is bad UTF-8
        return None


def _get(fields: Fields, name: str, kind: type[T]) -> T | None:
    return _decode(fields[name], kind) if name in fields else None


def _list(fields: Fields, name: str) -> Iterator[XResult]:
    for raw in islice(_get(fields, name, list[Raw]) or (), MAX_PAIRS):
        if (entry := _decode(raw, XResult)) is not None:
            yield entry


def _map(fields: Fields, name: str, kind: type[T]) -> Iterator[tuple[Place, T]]:
    """The valid entries of a map by `ip:port`."""
    for key, raw in islice((_get(fields, name, dict[str, Raw]) or {}).items(), MAX_PAIRS):
        value = _decode(raw, kind)
        try:
            address, port = split_address(key)
        except ValueError:
            continue
        if value is not None:
            yield Place(address, port), value
