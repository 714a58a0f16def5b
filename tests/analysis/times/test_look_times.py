"""Files of OONI's whose handshakes are slow: the finding, the sentence that says what was examined, and the chart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from probe_analysis.cells.file_names import EVENTS_FILE
from probe_analysis.events.event_log import is_event
from probe_analysis.events.slow_times import SlowPoint
from probe_analysis.findings.finding_values import LookSource
from probe_analysis.findings.logged_findings import BAD_ROW, read_logged_finding
from probe_analysis.look.look_page import make_look_page
from probe_analysis.look.look_sentences import make_claims, make_sentences
from probe_analysis.look.look_sources import Analysis, read_source
from probe_analysis.look.look_values import LookData, LookSubject
from probe_analysis.look.slow_chart import draw_slow_chart
from probe_analysis.report.event_section import parse_events
from timed_results import NAME, NOW, STRUCK, analyse_world, make_world

SUBJECT = LookSubject(service="p0.example", title="Chat", cc="XA", roles=("web",), sites=frozenset(),
                      site_targets=frozenset())


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return analyse_world(tmp_path_factory.mktemp("times"), make_world())


def look(analysis: Analysis, subject: LookSubject = SUBJECT) -> LookData:
    return LookData(subject=subject, sources=(read_source(analysis, subject, "ooni", "OONI"),), operators={}, now=NOW)


def say(data: LookData, row: str) -> Sequence[str]:
    return [one.text for one in make_sentences(data) if row in one.rows]


def test_a_slowed_name_is_a_finding_with_its_network_and_its_days(analysis: Analysis) -> None:
    (finding,) = look(analysis).sources[0].findings
    assert (finding.kind, finding.status, finding.mechanism, finding.targets) == (
        "slowed", "suspected", "slowed.name", (NAME,))
    assert [one.asn for one in finding.networks] == [STRUCK]
    assert finding.times is not None
    assert finding.times.took_s == pytest.approx(2.0, rel=0.15)
    assert max(finding.times.others_s, finding.times.beside_s or 9, finding.times.elsewhere_s or 9) < 0.2
    assert finding.end_from is not None
    assert 42 <= (finding.end_from - finding.onset_until).total_seconds() / 3600 <= 54


def test_the_page_has_the_sentence_the_rows_and_the_chart(analysis: Analysis) -> None:
    data = look(analysis)
    (examined,) = say(data, "s0times")
    assert "480 handshakes in 3 networks" in examined
    page = make_look_page(data)
    assert 'id="s0times"' in page
    assert page.count('class="strip slow-chart"') == 1
    assert make_claims(data) == [], "a suspicion is not to be printed"


def test_of_a_service_that_is_not_slow_it_is_said_that_times_were_examined(analysis: Analysis) -> None:
    data = look(analysis, replace(SUBJECT, service="p1.example"))
    assert data.sources[0].findings == ()
    assert len(say(data, "s0times")) == 1


@pytest.mark.slow
def test_where_nobody_is_slowed_nothing_is_found(tmp_path: Path) -> None:
    assert not any(map(is_event, analyse_world(tmp_path, make_world(slow=False)).found))


def test_the_log_keeps_it_and_the_report_reads_it(analysis: Analysis) -> None:
    lines = (analysis.folder / EVENTS_FILE).read_text(encoding="utf-8").splitlines()
    (event,) = parse_events(lines).events
    assert (event.finding.kind, event.finding.service) == ("slowed", "p0.example")


@pytest.mark.parametrize("times", [
    {"took_s": float("nan")}, {"took_s": -1.0}, {"took_s": "x"}, {"others_s": 1e9}, {"step": "x" * 50}, {"series": 7},
    {"series": [{"hour": -1, "own_s": 1.0, "beside_s": 1.0, "others_s": 1.0}]}])
def test_hostile_times_in_a_log_are_no_event(analysis: Analysis, times: dict[str, object]) -> None:
    (row,) = [one for one in analysis.found if is_event(one)]
    whole = json.loads(json.dumps(dict(row)))
    assert read_logged_finding(whole).times is not None
    with pytest.raises(BAD_ROW):
        read_logged_finding({**whole, "times": {**whole["times"], **times}})


def test_a_source_that_tells_no_times_says_nothing_of_them(analysis: Analysis) -> None:
    source: LookSource = replace(look(analysis).sources[0], times=None, findings=())
    texts = [one.text for one in make_sentences(replace(look(analysis), sources=(source,)))]
    assert not any("examined" in text for text in texts)


def test_a_chart_without_points_is_none_and_any_point_stays_inside(analysis: Analysis) -> None:
    times = look(analysis).sources[0].findings[0].times
    assert times is not None
    assert draw_slow_chart(replace(times, series=()), "x") is None
    wild = replace(times, series=(SlowPoint(hour=10**9, own_s=1000.0, beside_s=0.0, others_s=0.00001),))
    assert "<svg" in (draw_slow_chart(wild, "<b>") or "")
    assert "<b>" not in (draw_slow_chart(wild, "<b>") or "")
