"""`probe look`: what planned connections say of a service, suspicions with counts and intervals."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from probe.cli.main import cli
from probe_analysis.findings.finding_values import LookSource
from probe_analysis.look.look_page import make_look_page
from probe_analysis.look.look_release import release_source
from probe_analysis.look.look_sentences import make_claims, make_sentences
from probe_analysis.look.look_values import LookData, LookSentence, LookSubject
from probe_analysis.look.planned_parts import list_planned_parts, list_slowed_parts
from probe_analysis.slowed.slowed_services import QUARTERS, QuarterTally, Tally
from slowed_days import write_days

SUBJECT = LookSubject(service="telegram", title="Telegram", cc="RU", roles=("chat",), sites=frozenset(),
                      site_targets=frozenset())
FIRST_DAY = 20514


def list_tallies(*, probes: int, quarters: Collection[int] = range(QUARTERS)) -> list[QuarterTally]:
    """Six days; Telegram's connections are in trouble in one of two countries on the last four, in these quarters."""
    def count(service: str, cc: str, quarter: int) -> Tally:
        is_bad = (service, cc) == ("telegram", "RU") and quarter >= 2 * QUARTERS and quarter % QUARTERS in quarters
        return Tally(made=6, troubled=4 * is_bad, beside=2, probes=probes)

    return [QuarterTally(network=(cc, asn), service=service, quarter=FIRST_DAY * QUARTERS + quarter,
                         counted=count(service, cc, quarter))
            for cc, asn in (("RU", 64500), ("DE", 3320)) for service in ("telegram", "signal", "line")
            for quarter in range(6 * QUARTERS)]


def look(tallies: Sequence[QuarterTally], since: datetime | None = None) -> LookData:
    source = release_source(LookSource(
        kind="own", label="our probes", findings=(), dismissed=(), measured=(), services_beside=2, countries_beside=1,
        slowed=tuple(list_slowed_parts(tallies, SUBJECT, since, {64500})),
        planned=tuple(list_planned_parts(tallies, SUBJECT, {64500}))))
    return LookData(subject=SUBJECT, sources=(source,), operators={}, now=datetime(2026, 6, 1, tzinfo=UTC))


def say(data: LookData, table: str) -> list[LookSentence]:
    return [one for one in make_sentences(data) if f"s0{table}" in one.rows]


def test_a_suspicion_stands_there_with_counts_and_an_interval() -> None:
    data = look(list_tallies(probes=5))
    (part,) = data.sources[0].slowed
    assert (part.asn, part.n, part.troubled, part.has_onset) == (64500, 96, 64, True)
    assert part.low < 64 / 96 < part.high
    told = say(data, "slowed")
    assert "64 of 96" in told[0].text
    assert f"{part.low:.0%} to {part.high:.0%}" in told[0].text
    page = make_look_page(data)
    assert all(f'id="{row}"' in page for one in told for row in one.rows)
    assert "AS64500" in page
    assert make_claims(data) == [], "a suspicion is not to be printed"


def test_a_network_of_few_probes_is_not_named() -> None:
    data = look(list_tallies(probes=4))
    assert {part.asn for part in (*data.sources[0].slowed, *data.sources[0].planned)} == {0}
    assert "64500" not in make_look_page(data)


def test_fresh_names_name_no_network() -> None:
    data = look([replace(row, fresh=row.network[0] == "RU") for row in list_tallies(probes=5)])
    (part,) = data.sources[0].slowed
    assert (part.asn, "fresh_names" in part.not_ruled_out) == (0, True)
    assert {one.asn for one in data.sources[0].planned} == {0}
    assert "64500" not in make_look_page(data)


def test_what_was_over_before_the_day_that_is_asked_for_is_no_suspicion() -> None:
    tallies = list_tallies(probes=5)
    day = datetime.fromtimestamp((FIRST_DAY + 5) * 86400, UTC)
    assert len(look(tallies, day).sources[0].slowed) == 1
    assert look(tallies, day.replace(month=day.month + 1)).sources[0].slowed == ()


def test_what_fails_at_times_is_told_with_its_share_and_accuses_nobody() -> None:
    data = look(list_tallies(probes=5, quarters=(3,)))
    assert data.sources[0].slowed == ()
    (part,) = data.sources[0].planned
    assert (part.troubled, part.n, part.beside_n) == (16, 144, 48)
    (told,) = say(data, "planned")
    assert "16 of 144" in told.text
    assert 'id="s0planned"' in make_look_page(data)


@pytest.mark.slow
def test_results_of_our_own_are_looked_through_for_it(tmp_path: Path) -> None:
    write_days(tmp_path, services=("telegram", "signal", "line", "e"))
    page = tmp_path / "page.html"
    done = CliRunner().invoke(cli, ["look", "telegram", "RU", "--results", str(tmp_path / "results"), "--json",
                                    "-o", str(page)], catch_exceptions=False)
    told: dict[str, Any] = json.loads(done.stdout)
    (part,) = told["sources"][0]["slowed"]
    assert (part["n"], part["troubled"], part["by_name"], part["asn"]) == (144, 96, True, 0)
    assert any("96 of 144" in one["text"] for one in told["sentences"])
    assert 'id="s0slowed"' in page.read_text()
