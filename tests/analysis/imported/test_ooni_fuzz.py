"""Whatever stands in a line: the importer reads it or says why not, and never crashes, nor accuses without evidence."""

from __future__ import annotations

import copy
import gzip
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observations import HERE4, lookup, visit_to
from ooni_data import ADDRESS, RESET, connect, lines, measurement, query, request, shake, told, web
from ooni_messengers import messenger, signal, sni, telegram, whatsapp
from ooni_ours import exported
from probe_analysis.imported.grouping import group_into_runs
from probe_analysis.imported.imported_measurement import ImportedMeasurement
from probe_analysis.imported.measurement_lines import ReadTrouble, read_measurement_lines, unpack
from probe_analysis.imported.measurement_stream import read_measurement

SEEDS = [
    measurement(),
    measurement(keys=web(queries=[query("www.chat.example", "10.10.34.35")], tls_handshakes=[shake(failure=RESET)])),
    telegram(), whatsapp(tried=2), signal("0.2.5", None), messenger(32934), sni(RESET),
    measurement("dnscheck", {"bootstrap": {}, "lookups": {"https://dns.example/": {"tls_handshakes": [shake()]}}},
                input="https://dns.example/"),
    measurement("echcheck", {"tls_handshakes": [shake()], "queries": []}, input="https://a.example/"),
    measurement("stunreachability", {"failure": None, "queries": [query("a.example", ADDRESS)]},
                input="stun://a.example:3478"),
    measurement("simplequicping", {"pings": [{"quic_handshake": shake(network="udp")}]},
                input="quichandshake://www.chat.example:443"),
    measurement("tlsmiddlebox", {"iterative_trace": [{"target_trace": {"iterations": [{"ttl": 1, "handshake": shake()}]}
                                                      }]}, input="tlstrace://a.example"),
    exported(lookup(HERE4), *visit_to(HERE4)),
    measurement("urlgetter", {"queries": [], "tcp_connect": [connect()], "requests": [request()]}),
]
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), st.floats(allow_nan=False),
              st.text(max_size=20),
              st.sampled_from(["", "[scrubbed]", "::1", "0.0.0.0:443", "http://[", "https://a.example:99999/", "AS1e9",
                               "2026-13-01 00:00:00", "9999-12-31 23:59:59", "\u202e", "a" * 5000, "unknown_failure: x",
                               "ssl_unknown_authority", "generic_timeout_error", "127.0.0.1", ADDRESS])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


PLACES = [places(seed) for seed in SEEDS]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A measurement with one to four places changed for something else, or taken away."""
    index = draw(st.integers(0, len(SEEDS) - 1))
    made: dict[str, Any] = copy.deepcopy(SEEDS[index])
    for path in draw(st.lists(st.sampled_from(PLACES[index]), min_size=1, max_size=4)):
        holder: Any = made
        try:
            for key in path[:-1]:
                holder = holder[key]
            if draw(st.booleans()):
                holder[path[-1]] = draw(JUNK)
            else:
                del holder[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue
    return made


@settings(max_examples=150, deadline=None)
@given(st.lists(mutated(), min_size=1, max_size=3))
def test_mutated_measurements_are_read_or_explained(many: list[dict[str, Any]]) -> None:
    found = [read_measurement(n, json.dumps(one).encode()) for n, one in enumerate(many)]
    assert all(isinstance(one, ImportedMeasurement) or str(getattr(one, "reason", one)) for one in found)
    for result in group_into_runs([one for one in found if isinstance(one, ImportedMeasurement)]):
        assert {v.target_id for v in result.verdicts}
        assert all(o.observation_id for o in result.observations)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(SEEDS) - 1), st.data())
def test_lines_with_bytes_changed_are_read_or_explained(index: int, data: st.DataObject) -> None:
    line = bytearray(json.dumps(SEEDS[index]).encode())
    for at in data.draw(st.lists(st.integers(0, len(line) - 1), min_size=1, max_size=5)):
        line[at] = data.draw(st.integers(0, 255))
    found = [read_measurement(*item) for item in read_measurement_lines(io.BytesIO(bytes(line)))
             if not isinstance(item, ReadTrouble)]
    group_into_runs([one for one in found if isinstance(one, ImportedMeasurement)])


@given(st.binary(max_size=400))
def test_any_bytes_are_lines_or_trouble(data: bytes) -> None:
    for item in read_measurement_lines(io.BytesIO(data)):
        assert isinstance(item, ReadTrouble) or item[1]


@given(st.integers(0, 2000))
def test_a_packed_file_that_is_cut_off_gives_what_came_before(cut: int) -> None:
    packed = gzip.compress(lines(measurement(), measurement()), mtime=0)
    stream = unpack(io.BufferedReader(io.BytesIO(packed[: cut % len(packed)])))
    assert not isinstance(stream, ReadTrouble)
    items = list(read_measurement_lines(stream))
    assert all(isinstance(item, ReadTrouble) for item in items[2:])


def test_a_document_of_many_lines_and_a_list_are_read_too() -> None:
    one = json.dumps(measurement(), indent=2).encode()
    several = json.dumps([measurement(), measurement()]).encode()
    for text, count in ((one, 1), (several, 2), (json.dumps([measurement()] * 3, indent=1).encode(), 3)):
        items = list(read_measurement_lines(io.BytesIO(text)))
        assert len(items) == count
        assert all(isinstance(i, tuple) and isinstance(read_measurement(*i), ImportedMeasurement) for i in items)


def test_a_line_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_analysis.imported.measurement_lines.MAX_LINE_BYTES", 4096)
    text = b'{"test_name": 1}\n' + b"x" * 9000 + b"\n" + b'{"test_name": 2}\n'
    first, long, last = read_measurement_lines(io.BytesIO(text))
    assert isinstance(first, tuple)
    assert isinstance(long, ReadTrouble)
    assert long.line == 2
    assert last == (3, b'{"test_name": 2}')


def test_a_line_of_nothing_but_lists_is_refused_before_it_fills_the_memory() -> None:
    found = read_measurement(1, b'{"test_name": "ndt", "test_keys": [' + b"[]," * 600_000 + b"[]]}")
    assert isinstance(found, ReadTrouble)
    assert "objects and lists" in found.reason


def test_a_helper_that_says_nonsense_is_no_control() -> None:
    keys = web(control={**told(ADDRESS), "tcp_connect": {"x": 3, ADDRESS: {"status": "maybe"}}, "dns": 7})
    found = read_measurement(1, json.dumps(measurement(keys=keys)).encode())
    assert isinstance(found, ImportedMeasurement)
    assert found.left_out == 1
