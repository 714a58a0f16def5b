"""Measurements that we exported (`probe_analysis.imported.ooni.exported_by_us`), read again: what they hold comes back
as it was. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from probe.core.addresses import NEAR, PROVIDER, parse_address
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.operations import Operation
from probe.core.tables.purposes import PURPOSES
from probe.core.tables.roles import ROLES
from probe.core.tables.words import read_word
from probe.store.row_codec import record_from
from probe_analysis.imported.imported_measurement import MeasuredTarget, MeasurementEnvelope, ReadResult
from probe_analysis.imported.ooni.decode import MAX_OPERATIONS, UnreadableError, convert_value, read_plain_keys
from probe_analysis.imported.ooni.exported_by_us import ENGINES, EXPORTED_FIELDS, FORMS
from probe_analysis.imported.ooni.ooni_verdicts import NONE
from probe_analysis.imported.ooni.web_connectivity import read_controls
from probe_analysis.imported.words.ooni_keys import TestHelperAnswer

MAX_TEXT = 4000
_ENGINES = {theirs: ours for ours, theirs in ENGINES.items()}
_OPERATIONS: frozenset[Operation] = frozenset((*FORMS, "app_round_trip", "quic_version", "stun_binding", "transfer"))
Fields = dict[str, Any]


def read_own(envelope: MeasurementEnvelope) -> ReadResult:
    """One target of one run. Raises Unreadable."""
    plain = read_plain_keys(envelope.envelope)
    verdict = plain.get("x_verdict")
    names = [verdict.get(name) for name in ("target_id", "service", "role")] if isinstance(verdict, dict) else []
    if len(names) != 3 or not all(isinstance(name, str) and 0 < len(name) <= 200 for name in names):
        raise UnreadableError("x_verdict names no target")
    rows, left_out = _rows(plain)
    outcome = verdict.get("outcome") if isinstance(verdict, dict) else None
    target, service, role = (str(name) for name in names)
    inputs = dict.fromkeys([envelope.url, *(o.input for o in rows if o.target_id == target and o.input)])
    aim = MeasuredTarget(target_id=target, service=service, role=read_word(role, ROLES), inputs=tuple(inputs),
                         theirs=outcome if outcome in ("ok", "blocked", "down") else NONE)
    return ReadResult(aims=[aim], observations=rows, controls=_controls(plain, envelope.url), left_out=left_out,
                      shown={o.hostname for o in rows if o.tls.trust == "valid" and o.hostname})


def _rows(plain: Mapping[str, Any]) -> tuple[list[Observation], int]:
    found: list[tuple[int, Observation]] = []
    left_out = 0
    for key, item in _items(plain):
        row = _row(key, item)
        number = item.get("transaction_id")
        if row is None:
            left_out += 1
        else:
            found.append((number if isinstance(number, int) else 0, row))
    return [row for _, row in sorted(found, key=lambda pair: pair[0])], left_out


def _items(plain: Mapping[str, Any]) -> Iterator[tuple[str, Fields]]:
    for key in dict.fromkeys([*(key for key, _, _ in FORMS.values()), "x_operations"]):
        items = plain.get(key)
        for item in items[:MAX_OPERATIONS] if isinstance(items, list) else ():
            if isinstance(item, dict):
                yield key, item


def _row(key: str, item: Fields) -> Observation | None:
    """The observation that an operation holds, or None where it holds none of ours."""
    beside = item.get("x_probe")
    rest = {name: value for name, value in beside.items() if name in EXPORTED_FIELDS} if isinstance(beside,
                                                                                                    dict) else {}
    try:
        made = {**rest, **READ[key](item), "failure": item_failure(item), "t0_s": item.get("t0"), "t_s": item.get("t")}
        row = record_from({name: value for name, value in made.items() if value is not None}, Observation)
    except (msgspec.ValidationError, RecursionError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    good = row.operation in _OPERATIONS and row.purpose in PURPOSES and 0 < row.attempt < 1000 and _is_place(row)
    return row if good and max(map(len, (row.hostname, row.input, row.failure, row.tls.sni))) < MAX_TEXT else None


def item_failure(item: Fields) -> str:
    """The failure of an operation, as it stands."""
    status = item.get("status")
    word = status.get("failure") if isinstance(status, dict) else item.get("failure")
    return word if isinstance(word, str) else ""


def _is_place(row: Observation) -> bool:
    return row.address in ("", NEAR, PROVIDER) or parse_address(row.address) is not None


def _query(item: Fields) -> Fields:
    answers = [a for a in item["answers"] if isinstance(a, dict)]
    engine = item["engine"]
    return {"answers": [a.get("ipv4") or a.get("ipv6") for a in answers if a.get("answer_type") in ("A", "AAAA")],
            "cnames": [a.get("hostname") for a in answers if a.get("answer_type") == "CNAME"],
            "dns_engine": _ENGINES.get(engine, engine), "hostname": item["hostname"], "query_type": item["query_type"],
            "resolver_address": item["resolver_address"]}


def _place(item: Fields) -> Fields:
    host, _, port = item["address"].rpartition(":")
    return {"address": host.removeprefix("[").removesuffix("]"), "port": int(port)}


def _connect(item: Fields) -> Fields:
    return {"address": item["ip"], "port": item["port"], "operation": "connect"}


def _shake(item: Fields) -> Fields:
    return {**_place(item), "cipher": item["cipher_suite"], "alpn": item["negotiated_protocol"],
            "sni": item["server_name"], "tls_version": item["tls_version"],
            "operation": "quic_handshake" if item["network"] == "udp" else "tls_handshake"}


def _request(item: Fields) -> Fields:
    response = item["response"]
    return {**_place(item), "alpn": item["alpn"], "method": item["request"]["method"],
            "input": item["request"]["url"], "status": response["code"], "operation": "http_round_trip",
            "header_names": [pair[0] for pair in response["headers_list"]],
            "body_truncated": response["body_is_truncated"]}


def _other(item: Fields) -> Fields:
    return {"operation": item["operation"]}


READ: Mapping[str, Callable[[Fields], Fields]] = {
    "queries": _query, "tcp_connect": _connect, "tls_handshakes": _shake, "quic_handshakes": _shake,
    "requests": _request, "x_operations": _other,
}
"""Key -> how its operations are read: the other way round of `probe_analysis.imported.ooni.exported_by_us.FORMS`."""


def _controls(plain: Mapping[str, Any], url: str) -> list[ControlAnswer]:
    found: list[ControlAnswer] = []
    items = plain.get("x_controls")
    for number, item in enumerate(items[:16] if isinstance(items, list) else ()):
        reply = convert_value(item, TestHelperAnswer)
        about = item.get("x_control") if isinstance(item, dict) else None
        if reply is None or not isinstance(about, dict):
            continue
        asn, cc = about.get("asn"), about.get("cc")
        for answer in read_controls(reply, None, [url]):
            found.append(replace(answer, control_id=f"probe-{number}", asn=asn if isinstance(asn, int) else 0,
                                 cc=cc if isinstance(cc, str) and len(cc) == 2 else ""))
    return found
