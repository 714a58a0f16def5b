"""The pages that people open, of results with something of everything on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner

from look_world import LookWorld, now, write_volunteers
from made_fleet import levels, write_cells
from probe.catalogue.load import load_catalogue
from probe.cli.main import cli
from probe.core.languages import LanguageCode
from probe.core.runs import Run, RunResult, Vantage
from probe.core.stamps import format_time
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.translation import use_language
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.runs.run_writer import write_run
from probe_analysis.report.fleet_page import make_fleet_report
from probe_analysis.report.report_page import make_report
from report_made import fill

_START = datetime(2026, 11, 25, 0, 5, tzinfo=UTC)
_WELL = ("link:up", "tunnel:none", "resolver:ok", "clock:ok")
_LATER: tuple[Outcome, ...] = ("blocked", "inconclusive", "down", NOT_ATTEMPTED, "ok", "ok")
"""What becomes, in turn, of the services that all worked at first."""


def write_day(results: Path, hours: int = 24) -> None:
    """A run an hour of the first tier; after half a day something happens."""
    rows = {(one.service, one.role): one for one in load_catalogue(search=False).endpoints if one.tier == 1}
    for hour in range(hours):
        start = _START + timedelta(hours=hour)
        run_id = f"{start:%Y%m%dT%H%M%SZ}_{hour:08x}"
        outcomes = [_LATER[number % len(_LATER)] if hour >= hours // 2 else "ok" for number in range(len(rows))]
        verdicts = tuple(
            Verdict(target_id=one.target_id, service=one.service, role=one.role, input=one.input, outcome=outcome,
                    block_type="tls.reset.sni" if outcome == "blocked" else "", confidence=0.9,
                    reason="needs consent level 2" if outcome == NOT_ATTEMPTED else "")
            for one, outcome in zip(rows.values(), outcomes, strict=True))
        run = Run(run_id=run_id, measurement_start_time=format_time(start), ladder=_WELL, runtime_s=30.0,
                  measurement_end_time=format_time(start + timedelta(seconds=30)),
                  vantage=Vantage(probe_cc="RU", probe_asn=64500, consent_level=1))
        services = tuple(ServiceVerdict(service=v.service, role=v.role, outcome=v.outcome, n=1,
                                        k=int(v.outcome == "blocked"),
                                        block_types=(v.block_type,) if v.block_type else ()) for v in verdicts)
        write_run(RunResult(run=run, observations=(), controls=(), verdicts=verdicts, services=services), results,
                  parquet=False)


def _call(*words: str, page: Path, language: LanguageCode = "en") -> Path:
    try:
        done = CliRunner().invoke(cli, ["--lang", language, *words, "-o", str(page)])
    finally:
        use_language("en")
    assert done.exit_code == 0, done.output
    return page


def _show(folder: Path, *words: str, language: LanguageCode = "en") -> Path:
    write_day(folder / "results")
    return _call("show", *words, "--results", str(folder / "results"), page=folder / "page.html", language=language)


def _report(folder: Path, language: LanguageCode = "en") -> Path:
    write_day(folder / "results")
    fill(folder / "results", lab=False)
    return make_report(folder / "results", folder / "page.html", language=language).page


def _look(folder: Path) -> Path:
    world = LookWorld(now=now(), days=4, onset_h=60)
    write_volunteers(folder / "results", world, each=5)
    return _call("look", "whatsapp", "RU", "--results", str(folder / "results"), page=folder / "page.html")


def _fleet(folder: Path) -> Path:
    rows = [row for hour in range(72) for row in levels(hour, service="signal", role="chat", blocked=9 * (hour > 40))]
    return make_fleet_report(write_cells(folder / "cells", rows), folder / "page.html")


PAGES: dict[str, Callable[[Path], Path]] = {
    "answer and board": _show, "one messenger": lambda folder: _show(folder, "signal"), "report": _report,
    "fleet": _fleet, "look": _look, "answer and board in Persian": lambda folder: _show(folder, language="fa"),
    "report in Persian": lambda folder: _report(folder, "fa"),
}
"""What it is -> how it is made below an empty folder."""
