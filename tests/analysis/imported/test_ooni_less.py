"""What a file does not say makes a verdict weaker, never wrong: whatever is taken out of measurements."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ooni_data import ADDRESS, HOST, RESET, TIMEOUT, connect, lookups_of, measurement, query, request, shake, told, web
from ooni_messengers import messenger, signal, sni, telegram, whatsapp
from probe_analysis.imported.grouping import group_into_runs
from probe_analysis.imported.imported_measurement import ImportedMeasurement
from probe_analysis.imported.measurement_stream import read_measurement

PLAIN = f"http://{HOST}/"
PAGE = request(PLAIN, 200, "<title>Bonjour</title>", address=f"{ADDRESS}:80")
DOH = query(HOST, ADDRESS, engine="doh", resolver="https://dns.google/dns-query")
LONG: Final = 40_000
"""A page of this length is another one than ours, whether or not both titles are there."""
DENIED: Final = "dns_nxdomain_error"
CASES: dict[str, list[dict[str, Any]]] = {
    "reset": [measurement(keys=web(tls_handshakes=[shake(failure=RESET)], requests=[request(failure=RESET)]))],
    "silent": [measurement(keys=web(tcp_connect=[connect(failure=TIMEOUT)], tls_handshakes=[], requests=[]))],
    "denied": [measurement(keys=web(queries=lookups_of(DENIED, DENIED, DENIED), tcp_connect=[], tls_handshakes=[],
                                    requests=[]))],
    "null": [measurement(keys=web(queries=[query(HOST, "0.0.0.0")], tcp_connect=[], tls_handshakes=[], requests=[]))],
    "private": [measurement(keys=web(queries=[query(HOST, "10.1.2.3")], tcp_connect=[], tls_handshakes=[],
                                     requests=[]))],
    "resigned": [measurement(keys=web(tls_handshakes=[shake(failure="ssl_unknown_authority")], requests=[]))],
    "another page": [measurement(input=PLAIN, keys=web(
        tcp_connect=[connect(port=80)], tls_handshakes=[], requests=[PAGE],
        control=told(ADDRESS, port=80, body_length=LONG)))],
    "silent once encrypted": [measurement(keys=web(
        requests=[request(failure=TIMEOUT)], queries=[query(HOST, ADDRESS), DOH]))],
    "led abroad": [measurement(input=PLAIN, keys=web(
        tcp_connect=[connect(port=80)], tls_handshakes=[], control=told(ADDRESS, port=80),
        requests=[request(PLAIN, 302, "", address=f"{ADDRESS}:80", headers={"Location": "app://other.example/"})]))],
    "no control": [measurement(input=PLAIN, keys=web(
        tcp_connect=[connect(port=80)], tls_handshakes=[], requests=[PAGE], control=None, control_failure=TIMEOUT))],
    "signal": [signal("0.2.5", "ssl_unknown_authority")],
    "sni": [sni(RESET)],
    "messenger": [messenger(64500)],
    "whatsapp": [whatsapp(tried=2, asn=64500, tls_handshakes=[], requests=[])],
    "telegram": [telegram(requests=[], tls_handshakes=[])],
}
"""Nothing of these is blocked, nor shown to be well, however often it is seen in an hour."""
TIMES = 5
WELL = [measurement(), telegram(), whatsapp(tried=2), messenger(32934), signal("0.2.5", None)]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def without(one: dict[str, Any], paths: list[tuple[Any, ...]]) -> dict[str, Any]:
    """A measurement from which some places are taken out."""
    made: dict[str, Any] = copy.deepcopy(one)
    for path in paths:
        holder: Any = made
        try:
            for key in path[:-1]:
                holder = holder[key]
            del holder[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue
    return made


def outcomes(many: list[dict[str, Any]]) -> set[str]:
    again = [{**one, "measurement_uid": f"uid{n}{at}", "measurement_start_time": f"2026-08-01 05:{9 * at + 3:02}:00"}
             for n, one in enumerate(many) for at in range(TIMES)]
    found = [read_measurement(n, json.dumps(one).encode()) for n, one in enumerate(again)]
    runs = group_into_runs([one for one in found if isinstance(one, ImportedMeasurement)])
    return {v.outcome for result in runs for v in result.verdicts}


@st.composite
def less(draw: st.DrawFn, many: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same taken out of all of them: a program that does not write it, or a field that is scrubbed."""
    paths = places(many[0])
    taken = draw(st.lists(st.sampled_from(paths), min_size=1, max_size=5))
    return [without(one, taken) for one in many]


def test_the_cases_are_what_they_are_called() -> None:
    for name, many in CASES.items():
        assert not outcomes(many) & {"ok", "blocked"}, name


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_taken_out_neither_accuses_nor_acquits(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(CASES)))
    many = data.draw(less(CASES[name]))
    assert not outcomes(many) & {"ok", "blocked"}


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_taken_out_of_what_is_well_never_accuses(data: st.DataObject) -> None:
    many = data.draw(less([data.draw(st.sampled_from(WELL))]))
    assert "blocked" not in outcomes(many)
