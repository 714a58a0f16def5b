"""What a client without privilege decides whose only control is a feed of the public network, in three drawn worlds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lab_feeds import world
from lab_public_feeds import in_open_country, is_measured, measure_with_feed
from probe.judge.verdicts.confidence import ONE_NETWORK
from probe_lab.format.ranges import Literal
from probe_lab.format.scenario import Scenario
from probe_lab.scoring.expect import Judgement
from probe_lab.scoring.judged import JudgedRow

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1800)]
WORLDS = 3
NAMES_DROPPED = ("op-tls-name-drop-box", "uz-sni", "sni-tspu4")
LEAST_DECIDED, LEAST_NAMES_DECIDED = 0.9, 0.8


def with_three_owners(scenario: Scenario) -> Scenario:
    """The same done to services of three owners who have nothing to do with each other."""
    struck = replace(scenario.draw["t"], count=Literal(value=3), apart=True, trust=("web_pki",), port=(443,))
    return replace(scenario, draw={**scenario.draw, "t": struck})


def measure_worlds(scenario: str, **how: Any) -> Iterator[Judgement]:
    """What the client says of each world with the feed; nobody may be accused falsely in any."""
    for number in range(WORLDS):
        with world(scenario, fits=is_measured, number=number, public_network="true", **how) as here:
            assert measure_with_feed(here) == 0
            said = here.judge("after")
            print([(row['state'], row['reason'], row['age_s'], row['before']) for row in here.controls["after"]])
            for row in said.rows:
                print("row", scenario, here.drawn.seed, here.drawn.world.cc, row.subject, row.got, row.met, row.rule_id,
                      row.basis, row.suspected, row.confidence)
            assert not said.invalid, said.invalid
            assert [row for row in (*said.rows, *said.others) if row.accused and not row.may_be_blocked] == []
            alone = {row.subject: row.got for row in here.judge("before").rows}
            assert [row for row in said.rows if row.confidence > ONE_NETWORK and "ok" not in row.outcomes
                    and row.got != alone[row.subject]] == [], "surer than one network's word is"
            yield said


def struck_rows(scenario: str, **how: Any) -> list[JudgedRow]:
    """What was said of all that the scenario strikes; what nothing strikes would only make the share look better."""
    return [row for said in measure_worlds(scenario, **how) for row in said.rows if "ok" not in row.outcomes]


def share_met(rows: list[JudgedRow]) -> float:
    return sum(row.met for row in rows) / len(rows)


@pytest.mark.parametrize("scenario", [
    "ip-drop", "ip-rst-syn", "port-block", "dns-resolver-lie", "dns-gfw-1", "dns-nx", "server-down", "host-silent"])
def test_nine_in_ten_are_decided(scenario: str) -> None:
    rows = struck_rows(scenario)
    assert share_met(rows) >= LEAST_DECIDED, rows


@pytest.mark.parametrize("scenario", NAMES_DROPPED)
def test_names_dropped_are_decided_where_no_care_is_asked_for(scenario: str) -> None:
    rows = struck_rows(scenario, change=in_open_country)
    assert share_met(rows) >= LEAST_NAMES_DECIDED, rows


@pytest.mark.parametrize("scenario", NAMES_DROPPED)
def test_elsewhere_names_dropped_are_suspected(scenario: str) -> None:
    """Without a search for the place, which takes level 3 there, a front of the operator's own looks just so."""
    rows = struck_rows(scenario)
    assert [row for row in rows if not row.met and not row.suspected] == []


def test_elsewhere_names_of_three_owners_are_decided_by_company() -> None:
    rows = struck_rows("uz-sni", rewrite=with_three_owners)
    assert share_met(rows) >= LEAST_NAMES_DECIDED, rows
