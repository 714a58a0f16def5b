"""The tests of Telegram, WhatsApp, Signal and Facebook Messenger: several targets, judged one by one. Pure.

A test has a minute. What it had no time for it records as failed; here that is not attempted
(`probe_analysis.imported.ooni.operation_rows`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from probe.catalogue.endpoint_urls import parse_endpoint_url
from probe.core.tables.operations import LOOKUPS
from probe.core.typed_cache import keep_results
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe_analysis.imported.imported_measurement import MeasuredTarget, MeasurementEnvelope, ReadResult
from probe_analysis.imported.ooni.decode import read_keys, read_plain_keys
from probe_analysis.imported.ooni.ooni_verdicts import judge_target
from probe_analysis.imported.ooni.operation_rows import (
    RowSheet,
    add_connects,
    add_exchange,
    add_handshakes,
    add_queries,
    make_unasked,
)
from probe_analysis.imported.words.ooni_keys import TestKeys
from probe_analysis.imported.words.ooni_tests import PARTS, TestPart

NO_TIME = "no attempt to connect stands behind what the file says of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aimed:
    """Where the targets of a test are tried."""

    places: Mapping[tuple[str, int], tuple[str, str]]
    """(host, port) -> (target, input)."""
    hosts: Mapping[str, str]
    """Input -> its host."""


@cache
def _aim_at(test: str) -> Aimed:
    urls = {url: (part.target_id, parse_endpoint_url(url)) for part in PARTS[test] for url in part.inputs}
    return Aimed(places={(w.host, w.port): (target, url) for url, (target, w) in urls.items() if w.port},
                 hosts={url: w.host for url, (_, w) in urls.items()})


def read_messenger(envelope: MeasurementEnvelope) -> ReadResult:
    """The targets of one messenger's test, as far as it tried them. Raises Unreadable."""
    plain = read_plain_keys(envelope.envelope)
    keys, left_out = read_keys(plain)
    aimed = _aim_at(envelope.test)
    sheet = RowSheet(envelope=envelope, places=aimed.places)
    add_queries(sheet, keys.queries or ())
    add_connects(sheet, keys.tcp_connect or ())
    add_handshakes(sheet, keys.tls_handshakes or (), keys.tcp_connect or ())
    _add_requests(sheet, keys, aimed.places)
    tried, named = _list_tried(sheet, aimed), _list_named(sheet, keys)
    aims = []
    for part in PARTS[envelope.test]:
        inputs = [url for url in part.inputs if url in tried]
        if not inputs and named.isdisjoint(aimed.hosts[url] for url in part.inputs):
            continue  # a target of other versions
        sheet.rows += [make_unasked(part.target_id, url, NO_TIME) for url in (() if inputs else part.inputs[:1])]
        theirs = judge_target(envelope.test, plain, part.target_id)
        aims.append(_aim(part, tuple(inputs or part.inputs[:1]), theirs))
    return ReadResult(aims=aims, observations=sheet.rows, shown=sheet.shown, left_out=left_out)


@keep_results(1024)
def _aim(part: TestPart, inputs: tuple[str, ...], theirs: str) -> MeasuredTarget:
    return MeasuredTarget(target_id=part.target_id, service=part.service, role=part.role, inputs=inputs, theirs=theirs)


def _add_requests(sheet: RowSheet, keys: TestKeys, places: Mapping[tuple[str, int], tuple[str, str]]) -> None:
    """The first page of each target: what a redirect leads to is somebody else's."""
    for one in reversed(keys.requests or []):
        where = split_url_place(one.request.url if one.request and one.request.url else "")
        if (found := places.get(where)) and found[1].startswith("http"):
            add_exchange(sheet, one, url=found[1], place=where)


def _list_tried(sheet: RowSheet, aimed: Aimed) -> set[str]:
    """The inputs that something was tried of: a connection, or a lookup that failed."""
    seen = {o.input for o in sheet.rows if o.purpose in NETWORK_PURPOSES}
    unresolved = {o.hostname for o in sheet.rows if o.failure and o.operation in LOOKUPS}
    return {url for url, host in aimed.hosts.items() if (
        host in sheet.begun if url.startswith("dnslookup:") else url in seen or host in unresolved)}


def _list_named(sheet: RowSheet, keys: TestKeys) -> set[str]:
    """Hosts that this version means: some operation or request names them."""
    names = {o.hostname for o in sheet.rows} | {q.hostname for q in keys.queries or () if q.hostname}
    return names | {split_url_place(r.request.url)[0] for r in keys.requests or () if r.request and r.request.url}


@lru_cache(maxsize=1024)
def split_url_place(url: str) -> tuple[str, int]:
    """Host and port of a URL; nothing of what is none."""
    try:
        where = parse_endpoint_url(url)
    except ValueError:
        return "", 0
    return where.host, where.port
