"""Events from a log: what is shown of a row, and that no row breaks the page."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from probe_analysis.cli.report import report
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.report.event_section import make_events_section, parse_events
from report_made import HOSTILE, START, fill, lay_out

REACH = {"asn": 64500, "onset_from": "2017-05-04T10:00:00Z", "onset_until": "2017-05-04T11:00:00Z",
         "end_from": "2017-05-11T12:00:00Z", "end_until": None, "blocked": 40, "decided": 45, "strength": 0.9,
         "witnesses": 7}
FULL = {
    "event_id": "20170504-ru-1", "change": "new", "kind": "service", "status": "confirmed", "place": "RU",
    "service": "wechat", "roles": ["chat", "web"], "endpoints": ["wechat.web.main"],
    "networks": [REACH, {**REACH, "asn": 64501}], "onset_from": "2017-05-04T10:00:00Z",
    "onset_until": "2017-05-04T11:00:00+00:00", "end_from": "2017-05-11T12:00:00Z", "end_until": None, "ongoing": False,
    "mechanism": "tls.reset.sni", "witnesses": 7, "probability": 0.987, "blocked": 80, "decided": 90,
    "daily_hours": None, "ruled_out": ["network"], "not_ruled_out": ["one_device"],
}
"""What of a row of the log a page needs."""

def words_of(*rows: object, language: str = "en") -> str:
    found = parse_events([row if isinstance(row, str) else json.dumps(row) for row in rows])
    return lay_out(make_events_section(found, {"wechat": "WeChat"}, ReportLanguage(language)), language).words


def test_an_event_is_told_whole() -> None:
    words = words_of(FULL)
    for part in ("WeChat chat, web", "wechat.web.main", "RU (AS64500, AS64501)",
                 "4 May 2017, 10:00 \u2013 4 May 2017, 11:00", "11 May 2017, 12:00 \u2013 nothing measured since",
                 "tls.reset.sni",
                 "a TLS handshake that names this service is reset", "confirmed", "ruled out: network",
                 "not ruled out: one device", "blocked of decided: 80 / 90", "probability: 0.99"):
        assert part in words
    assert "подтверждено" in words_of(FULL, language="ru")


def test_the_last_word_on_an_event_counts() -> None:
    assert "suspected" not in words_of({**FULL, "status": "suspected"}, FULL)
    words = words_of(FULL, {**FULL, "change": "withdrawn"})
    assert "WeChat" not in words
    assert "retracted: 1" in words


def test_what_is_not_known_is_said() -> None:
    words = words_of({**FULL, "kind": "network", "service": "", "roles": [], "onset_from": None, "ongoing": True,
                      "mechanism": "", "witnesses": None, "networks": [{**REACH, "witnesses": None}]})
    for part in ("the whole network", "(AS64500)", "before measuring began \u2013 4 May 2017, 11:00", "goes on",
                 "how", "not known", "witnesses: not known"):
        assert part in words


@pytest.mark.parametrize("field", ["event_id", *(name for name in FULL if name != "event_id")])
def test_a_row_without_what_a_page_needs_is_counted(field: str) -> None:
    words = words_of({name: value for name, value in FULL.items() if name != field})
    assert "read: 1" in words
    assert "WeChat" not in words


def test_lines_that_nobody_can_read_are_counted() -> None:
    words = words_of(FULL, "{", "[1]", "", "[" * 100_000)
    assert "read: 3" in words
    assert "names none" in words_of()


def test_the_log_that_analysis_writes_is_understood() -> None:
    pytest.importorskip("numpy")
    from probe_analysis.events.event import Event, NetworkReach
    from probe_analysis.events.event_json import event_to_row
    from probe_analysis.events.event_log import update_log

    at = [START + timedelta(hours=hour) for hour in range(6)]
    reach = NetworkReach(asn=64500, onset_from=at[0], onset=at[1], onset_until=at[2], end_from=at[3], end_until=at[4],
                         blocked=8, decided=9, strength=0.9, witnesses=3)
    event = Event(event_id="e", kind="service", status="confirmed", lab=True, place="RU", service="wechat",
                  roles=("chat",), endpoints=(), networks=(reach,), onset_from=at[0], onset=at[1], onset_until=at[2],
                  end_from=at[3], end_until=at[4], ongoing=False, daily_hours=None, strength=0.9, blocked=8, decided=9,
                  witnesses=3, mechanism="tls.reset", probability=0.9, ruled_out=("network",), not_ruled_out=())
    words = words_of(*(json.loads(json.dumps(row)) for row in update_log([], [event_to_row(event, {})], at[5])))
    for part in ("WeChat chat", "Laboratory: RU (AS64500)", "2 May 2017, 00:00 \u2013 2 May 2017, 02:00",
                 "2 May 2017, 03:00 \u2013 2 May 2017, 04:00", "tls.reset", "confirmed", "8 / 9", "0.90"):
        assert part in words


HELLOS: dict[str, object] = {
    "answer": "doubt", "new": ["t13_b_large"], "struck": ["t13_b_large"], "spared": ["t13_a_small"],
    "numbers": {"failed_of_new_hellos": 31, "of_new_hellos": 33, "failed_of_hellos_from_before": 1,
                "of_hellos_from_before": 32},
}


def test_shapes_of_hellos_are_told_where_they_matter() -> None:
    words = words_of({**FULL, "own_hello": HELLOS})
    for part in ("t13_b_large", "t13_a_small", "31 / 33", "1 / 32"):
        assert part in words
    assert "33" not in words_of({**FULL, "own_hello": {**HELLOS, "answer": "out"}})
    assert words_of({**FULL, "own_hello": None}) == words_of(FULL)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(HOSTILE),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
                    max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.dictionaries(
    st.sampled_from([*FULL, "own_hello", "forgers_needed"]), JSON, max_size=2).map(lambda odd: {**FULL, **odd}),
    max_size=3))
def test_no_event_breaks_the_page(rows: list[dict[str, object]]) -> None:
    found = parse_events(json.dumps(row) for row in rows)
    page = lay_out(make_events_section(found, {}, ReportLanguage("en")))
    assert not {"script", "img"} & {name for name, _ in page.elements}
    assert len(found.events) + found.withdrawn <= len(rows)


def test_the_command_shows_events_and_says_what_it_cannot_read(tmp_path: Path) -> None:
    fill(tmp_path / "results", lab=True, letters="oo")
    events = tmp_path / "events.jsonl"
    events.write_text(json.dumps(FULL) + "\n")
    out = tmp_path / "r.html"
    done = CliRunner().invoke(report, [str(tmp_path / "results"), "--out", str(out), "--events", str(events)])
    assert done.exit_code == 0, done.output
    text = out.read_text(encoding="utf-8")
    assert 'id="events"' in text
    assert 'href="#events"' in text
    done = CliRunner().invoke(report, [str(tmp_path / "results"), "--events", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert "no such file" in done.output
