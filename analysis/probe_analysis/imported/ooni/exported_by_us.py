"""Our runs in OONI's data format: one measurement a target, with a test name of our own. Pure.

What df-002, df-005, df-006 and df-001 have a field for stands there; the rest of a row that may be published stands
beside it in `x_probe`. Texts that a network wrote, the network's own resolver, and whatever tells of the volunteer's
own line are in no measurement; `EXPORTED_FIELDS` names what is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from probe import __version__
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.runs import RunResult
from probe.core.tables.operations import LOOKUPS, TRACES, Operation
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.purposes import NOT_PUBLISHED
from probe.core.tables.resolvers import ENCRYPTED, NEUTRAL, DnsEngine
from probe.core.tables.words import Empty
from probe.core.verdicts import Verdict
from probe.judge.common.url_places import parse_host
from probe.store.flat_observation import DEFAULTS, flatten_observation
from probe.store.row_codec import record_from
from probe.store.text_forms import format_place
from probe_analysis.imported.ooni.messenger_keys import make_messenger_keys

TEST_NAME = "messenger_reachability"
TEST_VERSION = "0.1.0"
SOFTWARE = "reachability-probe"
FORMAT = "0.2.0"
EXTENSIONS = {"dnst": 0, "httpt": 0, "tcpconnect": 0, "tlshandshake": 0}

EXPORTED_FIELDS: tuple[str, ...] = (
    "target_id", "input", "purpose", "attempt", "planned", "operation", "failure", "t0_s", "t_s", "hostname", "address",
    "address_source", "port", "family", "dns_engine", "resolver", "resolver_address", "query_type", "rcode", "answers",
    "cnames", "answer_ttl_s", "authoritative", "sni", "alpn", "tls_version", "cipher", "tls_alert", "hello_bytes",
    "acked", "server_hello", "shape", "segments", "chain", "trust", "method", "host_header", "status", "header_names",
    "body_bytes", "body_sha256", "body_truncated", "met_expectation", "fingerprint", "fingerprint_scope", "requests",
    "responses", "protocol", "proof", "reply_bytes", "bytes_written", "bytes_read", "flow_s", "bins", "rounds",
    "min_rtt_ms", "end_ms", "retransmits", "segments_out", "delivered", "mean_rtt_ms", "out_of_order",
)
"""Fields of an observation that a measurement holds; the others are not published."""
ENGINES: dict[DnsEngine | Empty, str] = {"system": "getaddrinfo"}


def reduce_observation(seen: Observation) -> Observation:
    """The observation as far as a measurement holds it."""
    lost = {name: empty for name, empty in DEFAULTS.items() if name not in EXPORTED_FIELDS}
    if not (seen.dns.resolver in NEUTRAL or seen.dns.engine in ENCRYPTED):
        lost["resolver_address"] = ""
        if seen.operation in LOOKUPS:
            lost["address"] = ""
    if seen.tls.trust != "valid":
        lost["chain"] = ()  # a proxy or antivirus on the person's side makes keys that nobody else has
    return record_from(flatten_observation(seen) | lost, Observation)


def export_measurements(result: RunResult) -> list[dict[str, Any]]:
    """A measurement for each target of a service that a run attempted."""
    shared = [reduce_observation(o) for o in result.observations if _is_told(o)]
    return [_measurement(result, verdict, [o for o in shared if _bears_on(o, verdict, shared)])
            for verdict in result.verdicts if verdict.outcome != NOT_ATTEMPTED and verdict.role != "control"]


def _is_told(seen: Observation) -> bool:
    return seen.purpose not in NOT_PUBLISHED and seen.operation not in TRACES


def _bears_on(seen: Observation, verdict: Verdict, shared: Sequence[Observation]) -> bool:
    """Its own rows, the lookups of its names, and what was tried at its addresses for comparison."""
    if seen.target_id:
        return seen.target_id == verdict.target_id
    mine = [o for o in shared if o.target_id == verdict.target_id]
    names = {o.hostname for o in mine} | {parse_host(verdict.input)}
    addresses = {o.address for o in mine if o.address}
    return seen.hostname in names or seen.address in addresses


def _measurement(result: RunResult, verdict: Verdict, rows: Sequence[Observation]) -> dict[str, Any]:
    run, vantage = result.run, result.run.vantage
    start = run.measurement_start_time.replace("T", " ").removesuffix("Z")[:19]
    notes = {"engine_name": SOFTWARE, "engine_version": run.software_version or __version__,
             "platform": vantage.platform, "network_type": vantage.network_type, "catalogue": run.catalogue_version}
    if vantage.lab:
        notes["lab"] = "true"
    return {
        "annotations": {name: value for name, value in notes.items() if value}, "data_format_version": FORMAT,
        "extensions": EXTENSIONS, "input": verdict.input, "measurement_start_time": start, "options": [],
        "probe_asn": f"AS{vantage.probe_asn}", "probe_cc": vantage.probe_cc, "probe_ip": "127.0.0.1",
        "probe_network_name": "", "report_id": "", "resolver_asn": "AS0", "resolver_ip": "127.0.0.2",
        "resolver_network_name": "", "software_name": SOFTWARE, "software_version": run.software_version or __version__,
        "test_helpers": {}, "test_keys": keys_of_rows(rows) | make_messenger_keys(result.services, verdict.service) | {
            "x_verdict": _verdict(verdict, run.rules_version),
            "x_controls": [_control(c) for c in result.controls if c.input == verdict.input]},
        "test_name": TEST_NAME, "test_runtime": run.runtime_s, "test_start_time": start, "test_version": TEST_VERSION,
    }


def _verdict(verdict: Verdict, rules_version: str) -> dict[str, Any]:
    return {
        "target_id": verdict.target_id, "service": verdict.service, "role": verdict.role, "outcome": verdict.outcome,
        "block_type": verdict.block_type, "also": list(verdict.also), "confidence": verdict.confidence,
        "confirmed": verdict.confirmed, "rule_id": verdict.rule_id, "attempts": verdict.attempts,
        "failed_attempts": verdict.failed_attempts, "control": verdict.control, "partial": verdict.partial,
        "rules_version": rules_version,
    }


def _control(answer: ControlAnswer) -> dict[str, Any]:
    """What a control said, in the words of a test helper's answer."""
    page = {} if answer.http_failure is None else {"http_request": {
        "body_length": answer.http_body_bytes, "failure": answer.http_failure or None, "title": "",
        "headers": dict.fromkeys(answer.http_header_names, ""), "status_code": answer.http_status or -1}}
    return {
        "x_control": {"asn": answer.asn, "cc": answer.cc, "state": answer.state},
        "dns": {"addrs": list(answer.addresses), "failure": answer.dns_failure or None},
        "tcp_connect": _places(answer.tcp), "tls_handshake": _places(answer.tls),
        "quic_handshake": _places(answer.udp), **page,
    }


def _places(pairs: Sequence[tuple[Place, str]]) -> dict[str, dict[str, Any]]:
    return {format_place(place): {"status": not failure, "failure": failure or None} for place, failure in pairs}


def keys_of_rows(rows: Sequence[Observation]) -> dict[str, Any]:
    """Rows as the lists of operations that the format has, in order; `transaction_id` tells where each stood."""
    keys: dict[str, list[dict[str, Any]]] = {key: [] for key in ("queries", "tcp_connect", "tls_handshakes", "requests",
                                                                  "quic_handshakes", "x_operations")}
    for number, row in enumerate(rows):
        flat = flatten_observation(row)
        key, write, covered = form_of(row)
        rest = {name: value for name in EXPORTED_FIELDS
                if name not in covered and (value := flat[name]) != DEFAULTS.get(name)}
        keys[key].append({**write(row), "transaction_id": number, "x_probe": rest})
    return keys


def form_of(row: Observation) -> tuple[str, Write, frozenset[str]]:
    """How a row is written: in its operation's form, where that holds it."""
    other = "x_operations", _other, OTHER
    form = FORMS.get(row.operation, other)
    return form if form[0] in ("queries", "x_operations") or row.address else other


def _common(row: Observation) -> dict[str, Any]:
    return {"failure": row.failure or None, "t0": row.t0_s, "t": row.t_s}


def _query(row: Observation) -> dict[str, Any]:
    answers = [{"answer_type": "AAAA" if ":" in a else "A", "ipv6" if ":" in a else "ipv4": a, "ttl": None}
               for a in row.dns.answers]
    answers += [{"answer_type": "CNAME", "hostname": name, "ttl": None} for name in row.dns.cnames]
    return {**_common(row), "answers": answers, "engine": ENGINES.get(row.dns.engine, row.dns.engine),
            "hostname": row.hostname, "query_type": row.dns.query_type, "resolver_address": row.dns.resolver_address,
            "resolver_hostname": None, "resolver_port": None}


def _connect(row: Observation) -> dict[str, Any]:
    return {"ip": row.address, "port": row.port, "t0": row.t0_s, "t": row.t_s,
            "status": {"failure": row.failure or None, "success": not row.failure}}


def _shake(row: Observation) -> dict[str, Any]:
    return {**_common(row), "network": "udp" if row.operation == "quic_handshake" else "tcp",
            "address": format_place(Place(row.address, row.port)), "cipher_suite": row.tls.cipher,
            "negotiated_protocol": row.tls.alpn,
            "no_tls_verify": not (row.failure or row.tls.trust), "peer_certificates": [], "server_name": row.tls.sni,
            "tls_version": row.tls.version}


def _request(row: Observation) -> dict[str, Any]:
    return {**_common(row), "network": "tcp", "address": format_place(Place(row.address, row.port)),
            "alpn": row.tls.alpn,
            "request": {"method": row.http.method, "url": row.input, "headers": {}, "headers_list": [], "body": "",
                        "body_is_truncated": False, "tor": {"exit_ip": None, "exit_name": None, "is_tor": False},
                        "x_transport": "tcp"},
            "response": {"code": row.http.status, "headers": dict.fromkeys(row.http.header_names, ""), "body": "",
                         "headers_list": [[name, ""] for name in row.http.header_names],
                         "body_is_truncated": row.http.body_truncated}}


def _other(row: Observation) -> dict[str, Any]:
    return {**_common(row), "operation": row.operation}


Write = Callable[[Observation], dict[str, Any]]
_TIMES = ("t0_s", "t_s")
OTHER = frozenset(("operation", "failure", *_TIMES))
_SHAKEN = frozenset(("failure", *_TIMES, "address", "port", "cipher", "alpn", "sni", "tls_version"))
FORMS: Mapping[Operation, tuple[str, Write, frozenset[str]]] = {
    "resolve": ("queries", _query, frozenset(("failure", *_TIMES, "answers", "cnames", "dns_engine", "hostname",
                                              "query_type", "resolver_address"))),
    "dns_round_trip": ("queries", _query, frozenset(("failure", *_TIMES, "answers", "cnames", "dns_engine", "hostname",
                                                     "query_type", "resolver_address"))),
    "connect": ("tcp_connect", _connect, frozenset(("failure", *_TIMES, "address", "port"))),
    "tls_handshake": ("tls_handshakes", _shake, _SHAKEN),
    "quic_handshake": ("quic_handshakes", _shake, _SHAKEN),
    "http_round_trip": ("requests", _request, frozenset((
        "failure", *_TIMES, "address", "port", "alpn", "method", "input", "status", "header_names",
        "body_truncated"))),
}
"""Operation -> the key of the test keys, how it is written, and the fields that the format itself holds there."""
