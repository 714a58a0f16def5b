"""The tests of Telegram, WhatsApp, Signal and Facebook Messenger: several targets, judged one by one. Pure.

A test has a minute. What it had no time for it records as failed; here that is not attempted
(`probe.interop.ooni.operation_rows`).
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.endpoint_urls import place
from probe.core.tables.operations import LOOKUPS
from probe.inference.evidence.visit_outcomes import NETWORK_PURPOSES
from probe.interop.imported_measurement import Aim, Found, Frame
from probe.interop.ooni.decode import keys_of, plain_keys
from probe.interop.ooni.ooni_verdicts import word_of
from probe.interop.ooni.operation_rows import (
    Sheet,
    add_connects,
    add_exchange,
    add_handshakes,
    add_queries,
    unasked,
)
from probe.interop.words.ooni_keys import Keys
from probe.interop.words.ooni_tests import PARTS, Part

NO_TIME = "no attempt to connect stands behind what the file says of it"


def read_messenger(frame: Frame) -> Found:
    """The targets of one messenger's test, as far as it tried them. Raises Unreadable."""
    plain = plain_keys(frame.envelope)
    keys, left_out = keys_of(plain)
    places = {(w.host, w.port): (part.target_id, url) for part in PARTS[frame.test] for url in part.inputs
              if (w := place(url)).port}
    sheet = Sheet(frame=frame, places=places)
    add_queries(sheet, keys.queries or ())
    add_connects(sheet, keys.tcp_connect or ())
    add_handshakes(sheet, keys.tls_handshakes or (), keys.tcp_connect or ())
    _add_requests(sheet, keys, places)
    aims = []
    for part in PARTS[frame.test]:
        tried = [url for url in part.inputs if _was_tried(sheet, url)]
        if not tried and not _is_named(sheet, keys, part.inputs):
            continue  # a target of other versions
        sheet.rows += [unasked(part.target_id, url, NO_TIME) for url in (() if tried else part.inputs[:1])]
        aims.append(_aim(frame, plain, part, tried or part.inputs[:1]))
    return Found(aims=aims, observations=sheet.rows, shown=sheet.shown, left_out=left_out)


def _aim(frame: Frame, plain: dict[str, object], part: Part, inputs: Sequence[str]) -> Aim:
    return Aim(target_id=part.target_id, service=part.service, role=part.role, inputs=tuple(inputs),
               theirs=word_of(frame.test, plain, part.target_id))


def _add_requests(sheet: Sheet, keys: Keys, places: dict[tuple[str, int], tuple[str, str]]) -> None:
    """The first page of each target: what a redirect leads to is somebody else's."""
    for one in reversed(keys.requests or []):
        url = one.request.url if one.request and one.request.url else ""
        try:
            where = place(url)
        except ValueError:
            continue
        if (found := places.get((where.host, where.port))) and found[1].startswith("http"):
            add_exchange(sheet, one, url=found[1], place=(where.host, where.port))


def _was_tried(sheet: Sheet, url: str) -> bool:
    where = place(url)
    if url.startswith("dnslookup:"):
        return where.host in sheet.begun
    here = any(o.input == url and o.purpose in NETWORK_PURPOSES for o in sheet.rows)
    asked = any(o.hostname == where.host and o.operation in LOOKUPS and o.failure
                for o in sheet.rows)
    return here or asked


def _is_named(sheet: Sheet, keys: Keys, inputs: Sequence[str]) -> bool:
    """Whether this version means this target: some operation or request names it."""
    hosts = {place(url).host for url in inputs}
    names = {q.hostname for q in keys.queries or ()} | {o.hostname for o in sheet.rows}
    names |= {h for one in keys.requests or () if one.request and one.request.url
              for h in hosts if h in one.request.url}
    return bool(hosts & names)
