"""From files of many volunteers to the table `population`: what is counted, what is left out, what is written."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from population_days import NOW, RESET, TARGET, Volunteer, judge, list_runs, make_volunteers
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.runs import RunResult
from probe_analysis.cells.file_names import POPULATION_FILE, POPULATION_TEXT
from probe_analysis.cli.analyse import analyse
from probe_analysis.events.placed_stretches import read_placed_stretches
from probe_analysis.population.population_files import write_population
from probe_analysis.population.population_schema import MEANINGS
from probe_lab.cli.fleet import fleet


def _always(hour: int) -> bool:
    return hour >= 0


def _all_but(spared: int) -> Callable[[int], bool]:
    """It fails from the beginning on, but for one hour."""
    return lambda hour: hour >= 0 and hour != spared


def _never(hour: int) -> bool:
    return False


STRUCK = make_volunteers(4, _always)
SPARED = make_volunteers(1, _never, first=64600)


def _told(folder: Path, volunteers: list[Volunteer], **more: Any) -> set[tuple[str, str, str]]:
    done = judge(folder, list_runs(volunteers), **more)
    return {(row["rule_id"], row["outcome"], row["block_type"]) for row in done.reported}


FOUR_DAYS_ON = 96
"""Hours after BEGIN, when names can be known."""


def _begins_late(hour: int) -> bool:
    return hour >= FOUR_DAYS_ON


@pytest.mark.parametrize(("begin", "rules"), [(-12, {"pop/spared"}), (FOUR_DAYS_ON - 6, {"pop/fresh_names"})],
                         ids=["known", "fresh"])
def test_fresh_names_accuse_nobody(tmp_path: Path, begin: int, rules: set[str]) -> None:
    """Four networks in which it fails and one in which it does not, by names that were there before or were not. In
    another network one honest probe goes on."""
    honest = list_runs(make_volunteers(1, _never, first=64900, cc="DE"), end=FOUR_DAYS_ON + 24)
    forged = list_runs([*make_volunteers(4, _begins_late), *SPARED], begin=begin, end=FOUR_DAYS_ON + 24)
    done = judge(tmp_path, [*honest, *forged])
    assert {row["rule_id"] for row in done.reported} == rules


def _turn(name: str, fails: Callable[[int], bool]) -> list[Volunteer]:
    """Honest volunteers with their names of a month."""
    here = [*make_volunteers(4, fails), *SPARED]
    return [replace(one, probe=f"{name}{one.asn}") for one in here]


THE_FIRST, ON_THE_FOURTH = -24, 48
"""Hours from BEGIN to the beginning of March, and to the day on which its names are known."""


@pytest.mark.slow
def test_a_block_at_the_turn_of_a_month_is_suspected_first_and_told_when_names_are_known(tmp_path: Path) -> None:
    def fails(hour: int) -> bool:
        return hour >= THE_FIRST

    def told(runs: Iterator[RunResult]) -> set[tuple[str, str, str, str]]:
        return {(row["rule_id"], row["outcome"], row["onset"][:10], row["not_excluded"].rpartition(" ")[2])
                for row in judge(tmp_path, runs).reported}

    suspected = ("pop/fresh_names", "inconclusive", "2026-03-01", "fresh_names")
    february = list_runs(_turn("feb", fails), begin=THE_FIRST - 96, end=THE_FIRST)
    march = _turn("mar", fails)
    assert told(chain(february, list_runs(march, begin=THE_FIRST, end=0))) == {suspected}
    assert read_placed_stretches(tmp_path / "out" / POPULATION_FILE) == []
    later = told(list_runs(march, begin=0, end=ON_THE_FOURTH + 24))
    assert {row[:3] for row in later} == {suspected[:3], ("pop/spared", "blocked", "2026-03-04")}
    assert {row[3] for row in later if row[1] == "blocked"}.isdisjoint({"fresh_names"})


@pytest.mark.slow
@pytest.mark.parametrize(("cc", "fails"), [("RU", _never), ("DE", _always), ("FR", _always)])
def test_fresh_names_elsewhere_change_nothing(tmp_path: Path, cc: str, fails: Callable[[int], bool]) -> None:
    """Known names are struck in all networks of the country; others tell of networks in which nobody is known."""
    end = FOUR_DAYS_ON + 24
    known = list_runs(make_volunteers(4, _begins_late), end=end)
    liars = make_volunteers(4, fails, first=64600, cc=cc)
    done = judge(tmp_path, [*known, *list_runs(liars, begin=FOUR_DAYS_ON, end=end)])
    assert {row["rule_id"] for row in done.reported if row["probe_asn"] < 64600} == {"pop/unplaced"}
    assert {row["countries_struck"] for row in done.reported if row["probe_asn"] < 64600} == {0}


@pytest.mark.parametrize("fresh", [0, 3])
def test_fresh_names_beside_known_ones_change_nothing(tmp_path: Path, fresh: int) -> None:
    """They fail in the network that is spared, and are served in those that are not."""
    end = FOUR_DAYS_ON + 24
    known = list_runs([*make_volunteers(4, _begins_late), *SPARED], end=end)
    liars = [Volunteer(asn=asn, probe=f"liar{asn}-{n}", fails=_always if asn == 64600 else _never)
             for asn in (64500, 64501, 64502, 64503, 64600) for n in range(fresh)]
    done = judge(tmp_path, [*known, *list_runs(liars, begin=FOUR_DAYS_ON, end=end)])
    assert {(row["rule_id"], row["probe_asn"], row["n"]) for row in done.reported} == {
        ("pop/spared", asn, 4) for asn in range(64500, 64504)}


@pytest.mark.parametrize("parquet", [False, True])
def test_a_network_that_is_spared_tells_a_block(tmp_path: Path, parquet: bool) -> None:
    done = judge(tmp_path, list_runs([*STRUCK, *SPARED]), parquet=parquet)
    assert [row["probe_asn"] for row in done.reported] == [64500, 64501, 64502, 64503]
    row = done.reported[0]
    assert (row["outcome"], row["block_type"], row["basis"], row["target_id"]) == ("blocked", RESET, "spared", TARGET)
    assert (row["onset"], row["served_until"], row["last"]) == (
        "2026-03-02T00:00:00Z", "2026-03-01T18:00:00Z", "2026-03-03T06:00:00Z")
    assert (row["n"], row["struck"], row["witnesses"], row["networks_alike"], row["networks_spared"]) == (6, 6, 1, 4, 1)


def test_what_it_accuses_is_read_back_for_the_events(tmp_path: Path) -> None:
    judge(tmp_path, list_runs([*STRUCK, *SPARED]))
    told = read_placed_stretches(tmp_path / "out" / POPULATION_FILE)
    assert {(each.place.cc, each.place.asn) for each in told} == {("RU", asn) for asn in range(64500, 64504)}
    assert {(each.onset, each.end) for each in told} == {
        (datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, 7, tzinfo=UTC))}


def test_days_that_are_not_wanted_are_not_read(tmp_path: Path) -> None:
    runs = list_runs([*STRUCK, *SPARED])
    done = judge(tmp_path / "all", runs)
    some = write_population(tmp_path / "all" / "results", tmp_path / "all" / "out", now=NOW, since="2026-03-02",
                            until="2026-03-03")
    assert {row["last"] for row in done.reported} == {"2026-03-03T06:00:00Z"}
    assert {row["last"][:10] for row in some.reported} == {"2026-03-02"}
    assert {row["served_until"] for row in some.reported} == {None}


def test_what_strikes_all_networks_alike_stays_open(tmp_path: Path) -> None:
    done = judge(tmp_path, list_runs(make_volunteers(5, _always)))
    assert {(row["rule_id"], row["suspected"], row["onset"]) for row in done.reported} == {
        ("pop/unplaced", RESET, "2026-03-02T00:00:00Z")}


@pytest.mark.parametrize(("changes", "told"), [
    pytest.param({"fails": lambda hour: hour >= 24}, ("pop/onsets", "blocked", RESET), id="later onset"),
    pytest.param({"address": "192.0.2.7"}, ("pop/unplaced", "inconclusive", "inconclusive.unplaced"), id="other edge"),
    pytest.param({"vantage": {"tunnel": "full"}}, ("pop/unplaced", "inconclusive", "inconclusive.unplaced"),
                 id="behind a tunnel"),
    pytest.param({"vantage": {"vantage_doubt": ("country",)}},
                 ("pop/unplaced", "inconclusive", "inconclusive.unplaced"), id="of another country, by the table"),
    pytest.param({"version": "0"}, ("pop/instrument", "inconclusive", "inconclusive.instrument"), id="other version"),
])
def test_who_is_spared_must_be_comparable(tmp_path: Path, changes: dict[str, Any], told: tuple[str, str, str]) -> None:
    struck = make_volunteers(4, _always) if "version" not in changes else make_volunteers(4, lambda hour: True)
    assert told in _told(tmp_path, [*struck, replace(SPARED[0], **changes)], parquet="vantage" in changes)


@pytest.mark.parametrize(("library", "rule"), [
    ("OpenSSL 3.0.19 27 Jan 2026", "pop/instrument"), ("OpenSSL 3.5.7 9 Jun 2026", "pop/spared"),
])
def test_who_sends_another_hello_is_not_comparable(tmp_path: Path, library: str, rule: str) -> None:
    struck = make_volunteers(4, lambda hour: True, vantage={"openssl_version": "OpenSSL 3.5.1 1 Jul 2025"})
    spared = replace(SPARED[0], vantage={"openssl_version": library})
    assert {told[0] for told in _told(tmp_path, [*struck, spared])} == {rule}


def test_a_success_by_chance_is_no_end(tmp_path: Path) -> None:
    lucky = [replace(each, fails=_all_but(6 * n)) for n, each in enumerate(STRUCK, 2)]
    done = judge(tmp_path, list_runs(lucky, end=60))
    assert {(row["rule_id"], row["onset"], row["n"], row["struck"]) for row in done.reported} == {
        ("pop/unplaced", "2026-03-02T00:00:00Z", 10, 9)}


@pytest.mark.parametrize("place", [{"cc": "ZZ"}, {"asn": 0}])
def test_networks_that_nobody_knows_are_not_compared(tmp_path: Path, place: dict[str, Any]) -> None:
    assert judge(tmp_path, list_runs(replace(each, **place) for each in STRUCK)).rows == 0


def test_networks_that_share_a_resolver_are_one(tmp_path: Path) -> None:
    names: dict[str, Any] = {"suspected": "dns.refused", "resolver": "198.51.100.7"}
    spared = make_volunteers(2, _never, first=64600)
    assert {told[0] for told in _told(tmp_path / "one", [*make_volunteers(4, _always, **names), *spared])} == {
        "pop/unplaced"}
    several = [replace(each, resolver=f"198.51.100.{each.asn - 64490}")
               for each in make_volunteers(4, _always, **names)]
    assert _told(tmp_path / "several", [*several, *spared]) == {("pop/spared", "blocked", "dns.refused")}


def test_a_run_that_showed_the_place_speaks_for_its_network(tmp_path: Path) -> None:
    placed = replace(STRUCK[0], basis="time")
    done = judge(tmp_path, list_runs([placed, *STRUCK[1:]]))
    assert {row["probe_asn"]: row["rule_id"] for row in done.reported} == {
        64500: "pop/place", **dict.fromkeys((64501, 64502, 64503), "pop/unplaced")}


SERVED = ControlAnswer(control_id="home", input="https://one.example/", state="answered", cc="RU",
                       tcp=((Place("192.0.2.1", 443), ""),), tls=((Place("192.0.2.1", 443), ""),))


@pytest.mark.parametrize(("control", "rule"), [
    pytest.param(SERVED, "pop/vantage", id="served at the address"),
    pytest.param(replace(SERVED, cc="DE"), "pop/unplaced", id="in another country"),
    pytest.param(replace(SERVED, tls=((Place("192.0.2.1", 443), "connection_reset"),)), "pop/unplaced", id="cut off"),
    pytest.param(replace(SERVED, tcp=(), tls=((Place("192.0.2.7", 443), ""),)), "pop/unplaced", id="another address"),
    pytest.param(replace(SERVED, state="refused"), "pop/unplaced", id="not heard"),
])
def test_a_control_in_the_country_that_is_served_tells_a_block(tmp_path: Path, control: ControlAnswer,
                                                               rule: str) -> None:
    done = judge(tmp_path, list_runs(make_volunteers(3, _always, controls=(control,))), parquet=rule == "pop/vantage")
    assert {row["rule_id"] for row in done.reported} == {rule}


def test_failures_among_much_else_are_the_line(tmp_path: Path) -> None:
    ill = [replace(each, others_fail=True) for each in STRUCK]
    assert _told(tmp_path, [*ill, *SPARED]) == {("pop/line_out", "network", "network")}


def _controlled(run: RunResult) -> RunResult:
    """The run with two controls that are served."""
    more = [replace(run.verdicts[-1], target_id=f"control.control.c{n}", service="control", role="control",
                    outcome="ok") for n in range(2)]
    return replace(run, verdicts=(*run.verdicts, *more))


def test_controls_that_are_served_tell_that_the_line_is_well(tmp_path: Path) -> None:
    ill = [replace(each, others_fail=True) for each in STRUCK]
    done = judge(tmp_path, map(_controlled, list_runs([*ill, *SPARED])))
    assert {(row["rule_id"], row["target_id"]) for row in done.reported} == {("pop/spared", TARGET)}


def test_what_a_run_places_in_the_volunteers_own_network_is_no_proof(tmp_path: Path) -> None:
    placed = replace(STRUCK[0], basis="place")
    own = (replace(run, verdicts=tuple(replace(v, scope="lan") for v in run.verdicts))
           for run in list_runs([placed, *STRUCK[1:]]))
    assert {row["rule_id"] for row in judge(tmp_path, own).reported} == {"pop/unplaced"}


def test_a_service_that_fails_in_other_countries_is_down(tmp_path: Path) -> None:
    abroad = [Volunteer(asn=64700 + n, probe=f"q{n}", cc=cc, fails=_always) for n, cc in enumerate(("DE", "FR", "KE"))]
    done = judge(tmp_path, list_runs([*STRUCK, *abroad]))
    assert {(row["outcome"], row["countries_struck"]) for row in done.reported if row["probe_cc"] == "RU"} == {
        ("down", 3)}


def _unsettled(run: RunResult) -> RunResult:
    """The run with less evidence: it failed too seldom, and only its observations tell how."""
    return replace(run, verdicts=tuple(
        replace(v, block_type="inconclusive.unconfirmed", suspected="") if v.suspected else v for v in run.verdicts))


def test_single_failures_add_up_to_the_symptom_that_they_show(tmp_path: Path) -> None:
    done = judge(tmp_path, map(_unsettled, list_runs(make_volunteers(5, _always))))
    assert {(row["rule_id"], row["suspected"]) for row in done.reported} == {("pop/unplaced", "tls.reset")}


ALERTED: dict[str, Any] = {"failure": "ssl_error: sslv3_alert_handshake_failure", "alert": 40}


@pytest.mark.parametrize(("struck", "others", "told"), [
    pytest.param(ALERTED, SPARED, {("pop/spared", "blocked", "tls.alert")}, id="some networks"),
    pytest.param({**ALERTED, "failure": "unknown_failure: remote error: tls: handshake failure"}, SPARED,
                 {("pop/spared", "blocked", "tls.alert")}, id="in the words of others"),
    pytest.param(ALERTED, [Volunteer(asn=64700 + n, probe=f"q{n}", cc=cc, fails=_always, **ALERTED)
                           for n, cc in enumerate(("DE", "FR", "KE"))], {("pop/down", "down", "server")},
                 id="everybody"),
    pytest.param({**ALERTED, "alert": 70}, SPARED, set(), id="an old client"),
    pytest.param({**ALERTED, "alert": -1}, SPARED, set(), id="no alert was read"),
])
def test_a_block_by_alert_is_told(tmp_path: Path, struck: dict[str, Any], others: list[Volunteer],
                                  told: set[tuple[str, str, str]]) -> None:
    runs = list_runs([*make_volunteers(4, _always, **struck), *others], end=40)
    done = judge(tmp_path, map(_unsettled, runs))
    assert {(row["rule_id"], row["outcome"], row["block_type"]) for row in done.reported
            if row["probe_cc"] == "RU"} == told


def test_rows_from_before_suspicions_were_kept_say_nothing_of_them(tmp_path: Path) -> None:
    judge(tmp_path, list_runs([*STRUCK, *SPARED]))
    for path in (tmp_path / "results").rglob("*.csv"):
        if path.parent.parent.name == "verdicts":
            rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
            kept = [name for name in rows[0] if name not in ("suspected", "basis")]
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, kept, extrasaction="ignore")
                writer.writeheader()
                writer.writerows(rows)
    again = write_population(tmp_path / "results", tmp_path / "out", now=NOW, memory_mb=400, threads=1)
    assert again.rows == 0


def test_a_run_that_comes_twice_counts_once(tmp_path: Path) -> None:
    runs = list(list_runs([*STRUCK, *SPARED]))
    judge(tmp_path / "one", runs)
    judge(tmp_path / "two", runs)
    (tmp_path / "both").mkdir()
    for name in ("one", "two"):
        (tmp_path / name / "results").rename(tmp_path / "both" / name)
    (tmp_path / "out").mkdir()
    done = write_population(tmp_path / "both", tmp_path / "out", now=NOW, memory_mb=400, threads=1)
    assert {row["n"] for row in done.reported} == {6}


def test_names_that_no_probe_writes_are_left_out(tmp_path: Path) -> None:
    def spoil(run: RunResult) -> RunResult:
        strange = [replace(v, target_id="=cmd|'/c calc'!A1") if v.target_id == TARGET else v for v in run.verdicts]
        return replace(run, verdicts=tuple(strange))

    assert judge(tmp_path, map(spoil, list_runs([*STRUCK, *SPARED]))).rows == 0


def test_both_files_hold_the_same_rows(tmp_path: Path) -> None:
    done = judge(tmp_path, list_runs([*STRUCK, *SPARED]))
    columnar = pq.read_table(tmp_path / "out" / POPULATION_FILE).to_pylist()
    plain = list(csv.DictReader((tmp_path / "out" / POPULATION_TEXT).open(encoding="utf-8", newline="")))
    assert len(columnar) == len(plain) == done.rows
    assert [list(row) for row in (columnar[0], plain[0])] == [list(MEANINGS)] * 2
    assert [(row["target_id"], str(row["probe_asn"]), row["basis"], str(row["struck"])) for row in columnar] == [
        (row["target_id"], row["probe_asn"], row["basis"], row["struck"]) for row in plain]


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    runs = list(list_runs([*STRUCK, *SPARED]))
    one, two = (judge(tmp_path / name, some).reported for name, some in (("a", runs), ("b", runs[::-1])))
    assert one == two


def test_the_command_tells_it(tmp_path: Path) -> None:
    judge(tmp_path, list_runs([*STRUCK, *SPARED]))
    done = CliRunner().invoke(analyse, [str(tmp_path / "results"), "--out", str(tmp_path / "may"), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {(row["target_id"], row["rule_id"]) for row in found["population"]} == {(TARGET, "pop/spared")}
    assert (tmp_path / "may" / POPULATION_TEXT).is_file()


def test_counts_of_others_have_no_population(tmp_path: Path) -> None:
    counts = tmp_path / "counts.csv"
    counts.write_text("time,network,target,n,failed\n2026-03-02T00:00:00Z,RU-AS64500,a,5,1\n")
    done = CliRunner().invoke(analyse, [str(counts), "--out", str(tmp_path / "out"), "--json"])
    assert json.loads(done.stdout)["population"] is None


_MEASURE = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from probe_analysis.population.population_files import write_population
out = Path(sys.argv[2])
out.mkdir()
now = datetime(2099, 1, 1, tzinfo=UTC)
done = write_population(Path(sys.argv[1]), out, now=now, lab=True, memory_mb=400, threads=1)
print(done.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    told = {}
    for rows in (100_000, 800_000):
        made = CliRunner().invoke(fleet, ["simulate", "--rows", str(rows), "--out", str(tmp_path / f"{rows}")])
        assert made.exit_code == 0, made.output
        folders = [str(tmp_path / f"{rows}"), str(tmp_path / f"out-{rows}")]
        done = subprocess.run([sys.executable, "-c", _MEASURE, *folders], capture_output=True, text=True, check=True)
        stretches, peak_mb = map(int, done.stdout.split())
        assert stretches > 0
        told[rows] = peak_mb
    assert told[800_000] < told[100_000] + 250, told
