"""The tests of Telegram, WhatsApp, Signal and Facebook Messenger: several targets, judged one by one. Pure.

A test has a minute. What it had no time for it records as failed; here that is not attempted
(`probe.interop.ooni.operation_rows`).
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.endpoint_urls import parse_endpoint_url
from probe.core.tables.operations import LOOKUPS
from probe.inference.evidence.visit_outcomes import NETWORK_PURPOSES
from probe.interop.imported_measurement import MeasuredTarget, MeasurementEnvelope, ReadResult
from probe.interop.ooni.decode import read_keys, read_plain_keys
from probe.interop.ooni.ooni_verdicts import judge_target
from probe.interop.ooni.operation_rows import (
    RowSheet,
    add_connects,
    add_exchange,
    add_handshakes,
    add_queries,
    make_unasked,
)
from probe.interop.words.ooni_keys import TestKeys
from probe.interop.words.ooni_tests import PARTS, TestPart

NO_TIME = "no attempt to connect stands behind what the file says of it"


def read_messenger(envelope: MeasurementEnvelope) -> ReadResult:
    """The targets of one messenger's test, as far as it tried them. Raises Unreadable."""
    plain = read_plain_keys(envelope.envelope)
    keys, left_out = read_keys(plain)
    places = {(w.host, w.port): (part.target_id, url) for part in PARTS[envelope.test] for url in part.inputs
              if (w := parse_endpoint_url(url)).port}
    sheet = RowSheet(frame=envelope, places=places)
    add_queries(sheet, keys.queries or ())
    add_connects(sheet, keys.tcp_connect or ())
    add_handshakes(sheet, keys.tls_handshakes or (), keys.tcp_connect or ())
    _add_requests(sheet, keys, places)
    aims = []
    for part in PARTS[envelope.test]:
        tried = [url for url in part.inputs if _was_tried(sheet, url)]
        if not tried and not _is_named(sheet, keys, part.inputs):
            continue  # a target of other versions
        sheet.rows += [make_unasked(part.target_id, url, NO_TIME) for url in (() if tried else part.inputs[:1])]
        aims.append(_aim(envelope, plain, part, tried or part.inputs[:1]))
    return ReadResult(aims=aims, observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def _aim(envelope: MeasurementEnvelope, plain: dict[str, object], part: TestPart,
         inputs: Sequence[str]) -> MeasuredTarget:
    return MeasuredTarget(target_id=part.target_id, service=part.service, role=part.role, inputs=tuple(inputs),
                          theirs=judge_target(envelope.test, plain, part.target_id))


def _add_requests(sheet: RowSheet, keys: TestKeys, places: dict[tuple[str, int], tuple[str, str]]) -> None:
    """The first page of each target: what a redirect leads to is somebody else's."""
    for one in reversed(keys.requests or []):
        url = one.request.url if one.request and one.request.url else ""
        try:
            where = parse_endpoint_url(url)
        except ValueError:
            continue
        if (found := places.get((where.host, where.port))) and found[1].startswith("http"):
            add_exchange(sheet, one, url=found[1], place=(where.host, where.port))


def _was_tried(sheet: RowSheet, url: str) -> bool:
    where = parse_endpoint_url(url)
    if url.startswith("dnslookup:"):
        return where.host in sheet.begun
    here = any(o.input == url and o.purpose in NETWORK_PURPOSES for o in sheet.rows)
    asked = any(o.hostname == where.host and o.operation in LOOKUPS and o.failure
                for o in sheet.rows)
    return here or asked


def _is_named(sheet: RowSheet, keys: TestKeys, inputs: Sequence[str]) -> bool:
    """Whether this version means this target: some operation or request names it."""
    hosts = {parse_endpoint_url(url).host for url in inputs}
    names = {q.hostname for q in keys.queries or ()} | {o.hostname for o in sheet.rows}
    names |= {h for one in keys.requests or () if one.request and one.request.url
              for h in hosts if h in one.request.url}
    return bool(hosts & names)
