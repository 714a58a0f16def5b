"""Charts for notebooks: they show what was measured, and nothing of a hostile name acts in them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import probe
from probe.core.runs import Vantage
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.files.atomic import StoreError
from probe.store.runs.run_writer import write_run
from probe_analysis.results_charts import Chart, ResultCharts
from stored import a_result

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def charts(tmp_path: Path) -> ResultCharts:
    for number, asn in enumerate((64500, 64500, 64501)):
        at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)
        result = a_result(f"r-{number}", f"{at:%Y-%m-%dT%H:%M:%SZ}")
        blocked = number == 1
        verdict = Verdict(target_id=f"a.chat.{HOSTILE}", service="a", role="chat", input="x",
                          outcome="blocked" if blocked else "ok", block_type="tls.reset.sni" if blocked else "")
        service = ServiceVerdict(service="a", role="chat", outcome=verdict.outcome, k=int(not blocked), n=1)
        write_run(replace(result, run=replace(result.run, vantage=Vantage(probe_cc="RU", probe_asn=asn)),
                          verdicts=(verdict,), services=(service,)), tmp_path, parquet=False)
    return probe.open_results(tmp_path).charts


def words(chart: Chart) -> list[str]:
    root = ET.fromstring(chart.svg)
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    return [element.text or "" for element in root.iter() if element.tag.endswith("}text")]


def test_each_chart_says_how_many_runs_decided(charts: ResultCharts) -> None:
    assert {"a", "2"} <= set(words(charts.draw_services()))
    assert {"a", "1"} <= set(words(charts.draw_services(64501)))
    assert {"RU AS64500", "2", "RU AS64501", "1"} <= set(words(charts.draw_networks("a")))
    assert any("n = 2" in text for text in words(charts.draw_service("a")))


def test_a_hostile_name_is_a_text(charts: ResultCharts) -> None:
    assert any(text.startswith("a.chat.<script>") for text in words(charts.draw_targets("a")))


def test_a_notebook_gets_a_picture(charts: ResultCharts, tmp_path: Path) -> None:
    chart = charts.draw_services()
    assert chart._repr_mimebundle_() == {"image/svg+xml": chart.svg, "text/plain": chart.title}
    assert chart.save(tmp_path / "x.svg").read_text(encoding="utf-8") == chart.svg
    assert chart.save(tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_what_was_not_measured_is_told(charts: ResultCharts) -> None:
    for draw in (charts.draw_service, charts.draw_targets, charts.draw_networks):
        with pytest.raises(StoreError, match="measured of b"):
            draw("b")
    with pytest.raises(StoreError, match="AS1"):
        charts.draw_services(1)
