"""Results made up for the report, and a reader of its pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

from observations import observation
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.outcomes import OUTCOMES, Outcome
from probe.core.tables.words import read_word
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.runs.run_writer import write_run
from probe_analysis.events.verdict_series import ReportNetwork, VerdictRow
from probe_analysis.pages.engine import load_templates
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.tables import TableSection
from probe_analysis.report.report_gather import NetworkPart

START = datetime(2017, 5, 2, tzinfo=UTC)
WORDS: dict[str, Outcome | Literal["partial"]] = {
    "o": "ok", "B": "blocked", "?": "inconclusive", "-": "not_attempted", "D": "down", "N": "network", "L": "local",
    "P": "partial",
}
HOSTILE = "</title></script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e\x1b[2J\ud800&amp;$title"


def fill(directory: Path, *, lab: bool, text: str = "x", letters: str = "oooBBBBoo?") -> None:
    """A run every six hours with one target of `wechat` per letter and one of `other` that is ok."""
    for number, letter in enumerate(letters):
        run_id = f"run{number}"
        time = START + timedelta(hours=6 * number)
        seen = observation(observation_id=f"{run_id}.1", sequence=1, run_id=run_id, operation="http_round_trip",
                           hostname=text, title=text, server=text, location=text, mismatch=text, failure="eof_error")
        verdict = Verdict(target_id="wechat.chat.a", service="wechat", role="chat", input=f"https://{text}/",
                          outcome=read_word(WORDS[letter], OUTCOMES),
                          block_type="tls.reset.sni" if letter == "B" else "",
                          evidence=(seen.observation_id,), rule_id=text, control="contrary", reason=text)
        other = Verdict(target_id="other.web.a", service="other", role="web", input="https://o/", outcome="ok")
        write_run(RunResult(
            run=Run(run_id=run_id, measurement_start_time=time.isoformat(), software_version=text,
                    vantage=Vantage(probe_cc="RU", probe_asn=64500, lab=lab)),
            observations=(seen,), controls=(), verdicts=(verdict, other),
            services=tuple(ServiceVerdict(service=v.service, role=v.role, outcome=v.outcome, k=0, n=1)
                           for v in (verdict, other)),
        ), directory, parquet=False)


def made_part(letters: str, *, services: int = 1, roles: int = 1, asn: int = 64500, every_h: int = 1) -> NetworkPart:
    """A network without files: the same state of every role in each run, one letter a run; blank: no run."""
    network = ReportNetwork(lab=False, probe_cc="RU", probe_asn=asn)
    runs = [Run(run_id=f"r{number}", measurement_start_time=(START + timedelta(hours=every_h * number)).isoformat(),
                vantage=Vantage(probe_cc="RU", probe_asn=asn)) for number, letter in enumerate(letters)
            if letter != " "]
    states: list[tuple[datetime, str]] = [
        (START + timedelta(hours=every_h * number), WORDS[letter]) for number, letter in enumerate(letters)
        if letter != " "]
    part = NetworkPart(network=network, runs=runs)
    for service in range(services):
        for role in ("chat", "api", "web", "media", "call", "push")[:roles]:
            part.services[f"service{service}", role] = states
        target = f"service{service}.chat.a"
        part.roles[target] = f"service{service}", "chat"
        part.targets[target] = [
            VerdictRow(time=time, run_id=run.run_id, network=network, target_id=target,
                       outcome="blocked" if state == "partial" else state, instrument=("1", "1", "1"),
                       block_type="tls.reset.sni" if state in ("blocked", "partial") else "")
            for run, (time, state) in zip(runs, states, strict=True)
        ]
    return part


class Page(HTMLParser):
    """Elements and texts of a page; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def lay_out(section: TableSection, language: str = "en") -> Page:
    """A section by itself."""
    parts = load_templates(ReportLanguage(language)).get_template("parts.html").module
    return Page(str(getattr(parts, "table_section")(section)))  # noqa: B009  # mypy knows no macros
