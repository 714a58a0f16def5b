"""Names that are made up, on made-up fleets: what they come to, and whether the published costs hold."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest
from click.testing import CliRunner

from probe.cli.main import cli
from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe_lab.fleet.fleet_cells import cell_table, list_hours
from probe_lab.fleet.fleet_standing import list_active, list_established
from probe_lab.fleet.fleet_truth import draw_truth
from probe_lab.fleet.fleet_verdicts import Fleet
from probe_lab.fleet.fleet_world import BEGIN, DAY, FleetSize, draw_world
from probe_lab.fleet.forged_verdicts import ELSEWHERE, ForgedVerdicts
from probe_lab.fleet.sybil_score import ESTABLISHED, SybilScore, score_sybils

TINY = FleetSize(volunteers=12, networks=4, services=13, days=40)
SMALL = FleetSize(volunteers=40, networks=6, services=13, days=45)


@pytest.fixture(scope="module")
def tiny() -> Fleet:
    world = draw_world(5, TINY)
    return Fleet(world, draw_truth(world))


def test_names_are_established_within_their_month_and_the_record_goes_on(tiny: Fleet) -> None:
    active = list_active(tiny.world)
    names, record = (list_established(tiny.world, ages) for ages in ("names", "record"))
    for person in range(TINY.volunteers):
        for day in range(TINY.days):
            date = BEGIN + timedelta(days=day)
            month = [active[person, day - back] for back in range(1, date.day) if back <= day]
            assert names[person, day] == (sum(month) >= ESTABLISHED_DAYS)
            assert record[person, day] == bool(active[person, :max(0, day - ESTABLISHED_DAYS + 1)].any())


@pytest.mark.parametrize("established", [False, True])
def test_lies_are_counted_where_the_liars_are_heard(tiny: Fleet, established: bool) -> None:
    hours = (20 * DAY, 20 * DAY + 5)
    lies = [ForgedVerdicts(network=network, service=0, begin=hours[0], stop=hours[1], names=7, says="blocked",
                           established=established) for network in (*range(TINY.networks), TINY.networks)]
    honest, lied = (cell_table(tiny, ages="record", forged=forged) for forged in ((), lies))
    at = {}
    for name, table in (("honest", honest), ("lied", lied)):
        of = (table["service"] == "service-00") & (list_hours(table) >= hours[0]) & (list_hours(table) < hours[1])
        at[name] = table[of].groupby("probe_asn")["blocked"].sum()
    assert at["lied"][ELSEWHERE[0][1]] == 35, "nobody else is there"
    beside = [asn for asn in at["honest"].index if asn != ELSEWHERE[0][1]]
    assert [int(at["lied"][asn] - at["honest"][asn]) for asn in beside] == [35 * established] * len(beside)
    forged = lied[lied["probe_asn"] == ELSEWHERE[0][1]]
    assert set(forged["standing"]) == {"established" if established else "fresh"}
    assert set(honest.loc[list_hours(honest) < ESTABLISHED_DAYS * DAY, "standing"]) == {"unknown"}


@pytest.fixture(scope="module")
def score() -> SybilScore:
    return score_sybils([3], SMALL, SMALL.volunteers)


@pytest.mark.slow
@pytest.mark.long
def test_as_many_fresh_names_as_there_are_honest_probes_do_nothing(score: SybilScore) -> None:
    assert all(attack.tried >= 3 for attack in score.fresh.values())
    assert {aim: attack.succeeded for aim, attack in score.fresh.items()} == dict.fromkeys(score.fresh, 0)


@pytest.mark.slow
@pytest.mark.long
def test_honest_fleets_fare_as_before(score: SybilScore) -> None:
    before, *since = score.honest.values()
    assert before.blocks > 5
    for figures in since:
        assert figures.found >= before.found
        assert figures.events - figures.true_events <= before.events - before.true_events


@pytest.mark.slow
@pytest.mark.long
def test_published_costs_hold_for_established_names(score: SybilScore) -> None:
    assert [names for names, attacks in score.established.items() for attack in attacks.values()
            if attack.cost_too_high] == []
    assert score.established[ESTABLISHED[-1]]["make"].confirmed > 0, "enough of them make a block up"
    assert min(score.to_make) >= 1
    assert min(score.to_hide) >= 1
    assert np.median(score.to_make) >= 1


@pytest.mark.slow
def test_the_command_tells_programs_all_of_it() -> None:
    size = ["--volunteers", "9", "--networks", "3", "--services", "13", "--days", "21"]
    done = CliRunner().invoke(cli, ["fleet", "score", "--seed", "5", *size, "--sybils", "9", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {"sybils", "seeds", "honest", "fresh", "established", "forgers_needed"} == set(told)
    assert [row["names"] for row in told["established"]] == list(ESTABLISHED)
