"""Expectations, accusations and the score: what counts as right, and what counts against the program."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from probe.catalogue.load import load as load_catalogue
from probe.lab.expect import Judgement, judge
from probe.lab.laboratory import unavailable
from probe.lab.scenario import load as load_scenario
from probe.lab.score import Score, run_trials, scenario_accuracy, score, upper_bound
from probe.lab.score_text import as_json, as_text
from probe.lab.trial import Trial, TrialResult, configuration, read_rows
from probe.lab.truth import TruthEntry
from probe.lab.types import Drawn, Expect, HostPlan, Rule
from probe.lab.world import draw_world
from probe.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
TARGET, FRIEND, LITERAL = "https://t.example/", "https://f.example/", "http://192.0.2.9/"
EXPECT = Expect(of="@t", outcomes=("blocked",), block_type="tls.reset.sni", min_depth=2)
FIRED = (
    TruthEntry(time_s=1.0, actor="middlebox", action="reset", block_type="tls.reset.sni", alias="t", name="t.example"),
)
NOT_MEASURED = {"outcome": "ok", "block_type": ""}


def _drawn(*expects: Expect, kind: str = "censorship") -> Drawn:
    world = draw_world(seed=1, endpoints=())
    hosts = {
        "t.example": HostPlan(name="t.example", ipv4=("9.1.1.1",), ipv6=("2a00::1",)),
        "f.example": HostPlan(name="f.example", ipv4=("9.1.2.1",), ipv6=()),
    }
    return Drawn(
        name="made", title="made by hand", kind=kind, seed=1,
        world=replace(world, hosts=hosts),
        rules=(Rule(trigger="sni", match=("t.example",), action="reset", block_type="tls.reset.sni", alias="t"),),
        faults=(),
        expects=expects or (EXPECT,),
        aliases={"t": (TARGET,), "proto:literal": (LITERAL,)},
        targets=(TARGET, FRIEND, LITERAL),
    )


def _rows(target: str = "blocked tls.reset.sni", **others: str) -> list[dict[str, str]]:
    said = {TARGET: target, FRIEND: "ok", LITERAL: "ok", **others}
    split = {url: verdict.partition(" ") for url, verdict in said.items()}
    return [
        {"input": url, "outcome": parts[0], "block_type": parts[2], "rule_id": "r/1", "evidence": "run.7"}
        for url, parts in split.items()
    ]


def _judged(
    rows: list[dict[str, str]], *, drawn: Drawn | None = None, log: tuple[TruthEntry, ...] = FIRED,
    level: str = "packet", helpers: bool = True, run: dict[str, str] | None = None,
) -> Judgement:
    return judge(drawn or _drawn(), rows, run or NOT_MEASURED, log, level=level, helpers=helpers)


def _met(judgement: Judgement) -> dict[str, bool]:
    return {row.subject: row.met for row in judgement.rows}


@pytest.mark.parametrize(
    ("got", "right"),
    [
        ("blocked tls.reset.sni", True),
        ("blocked tls.reset", True),
        ("blocked tls", False),
        ("blocked tls.reset.sni.deeper", False),
        ("blocked tls.reset.address", False),
        ("blocked tls.drop.sni", False),
        ("blocked tls.res", False),
        ("blocked", False),
        ("ok", False),
        ("down server.flaky", False),
        ("inconclusive inconclusive.unexplained", False),
        ("not_attempted inconclusive.not_attempted", False),
    ],
)
def test_a_block_type_is_right_when_true_and_deep_enough(got: str, right: bool) -> None:
    judgement = _judged(_rows(got))
    assert _met(judgement) == {TARGET: right, FRIEND: True, LITERAL: True}
    assert judgement.invalid == ""


def test_every_other_target_must_be_well() -> None:
    judgement = _judged(_rows(**{FRIEND: "inconclusive inconclusive.no_control"}))
    assert _met(judgement) == {TARGET: True, FRIEND: False, LITERAL: True}


def test_a_target_without_a_verdict_is_missing() -> None:
    judgement = _judged(_rows()[1:])
    row = judgement.rows[0]
    assert (row.got, row.met, row.accused) == ("missing", False, False)
    assert judgement.invalid == "", "a program that measured nothing must not make the scenario invalid"


def test_blocked_without_a_conviction_is_a_false_accusation() -> None:
    accused = _judged(_rows(**{FRIEND: "blocked ip.blackhole"})).rows[1]
    assert (accused.accused, accused.may_be_blocked, accused.met) == (True, False, False)


def test_a_wrong_cause_for_a_censored_target_is_a_miss_and_no_accusation() -> None:
    row = _judged(_rows("blocked ip.blackhole")).rows[0]
    assert (row.accused, row.may_be_blocked, row.met) == (True, True, False)


@pytest.mark.parametrize(
    ("entry", "convicts"),
    [
        (TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="ip.blackhole", name="F.example"), True),
        (TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="ip.blackhole", address="9.1.2.1"), True),
        (TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="", address="9.1.2.1"), False),
        (TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="ip.blackhole", address="9.1.2.2"), False),
        (TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="ip.blackhole"), False),
    ],
)
def test_the_log_convicts_by_name_and_address_and_only_with_a_cause(entry: TruthEntry, convicts: bool) -> None:
    assert _judged(_rows(), log=(*FIRED, entry)).rows[1].may_be_blocked is convicts


def test_a_literal_address_is_convicted_by_its_address() -> None:
    entry = TruthEntry(time_s=1, actor="middlebox", action="drop", block_type="ip.blackhole", address="192.0.2.9")
    assert _judged(_rows(), log=(*FIRED, entry)).rows[2].may_be_blocked


def test_targets_measured_besides_can_be_accused_but_not_missed() -> None:
    rows = [*_rows(), {"input": "http://control.example/", "outcome": "blocked", "block_type": "dns.injection"}]
    other = _judged(rows).others[0]
    assert (other.accused, other.may_be_blocked, other.met) == (True, False, True)


def test_a_target_of_several_endpoints_is_judged_by_the_one_that_decided() -> None:
    drawn = _drawn()
    drawn = replace(drawn, aliases={**drawn.aliases, "target:friend": (FRIEND, "https://f2.example/")})
    rows = [*_rows()[:1], {"input": "https://f2.example/", "target_id": "friend", "outcome": "ok", "block_type": ""}]
    judgement = _judged(rows, drawn=drawn)
    assert [(row.subject, row.got) for row in judgement.rows] == [
        (TARGET, "blocked tls.reset.sni"), (FRIEND, "ok"), (LITERAL, "missing"),
    ]
    assert judgement.others == ()


def test_a_rule_that_never_fired_makes_the_scenario_invalid() -> None:
    assert _judged(_rows(), log=()).invalid == f"no rule fired for {TARGET}"
    unmeasured = _rows("not_attempted inconclusive.not_attempted")
    assert _judged(unmeasured, log=()).invalid == ""


def test_an_expectation_that_the_log_contradicts_is_invalid() -> None:
    other = replace(FIRED[0], block_type="tls.drop.sni")
    assert "expects tls.reset.sni, but the log says tls.drop.sni" in _judged(_rows(), log=(other,)).invalid
    shallow = _drawn(replace(EXPECT, block_type="tls.reset"))
    assert _judged(_rows(), drawn=shallow).invalid == ""


@pytest.mark.parametrize(("helpers", "right"), [(True, False), (False, True)])
def test_without_helpers_inconclusive_passes(helpers: bool, right: bool) -> None:
    rows = _rows("inconclusive inconclusive.no_control", **{FRIEND: "inconclusive inconclusive.no_control"})
    assert _met(_judged(rows, helpers=helpers)) == {TARGET: right, FRIEND: right, LITERAL: True}


def test_without_helpers_wrong_stays_wrong() -> None:
    rows = _rows("down server.refused", **{FRIEND: "blocked ip.blackhole"})
    assert _met(_judged(rows, helpers=False)) == {TARGET: False, FRIEND: False, LITERAL: True}


def test_levels_and_order_decide_which_expectation_holds() -> None:
    everything = Expect(of="*", outcomes=("local",), block_type="local.resolver", min_depth=2)
    literal = Expect(of="proto:literal", outcomes=("ok",))
    socket_only = Expect(of="@t", outcomes=("inconclusive",), level="socket")
    drawn = _drawn(everything, literal, socket_only, kind="innocent")
    rows = _rows("local local.resolver", **{FRIEND: "local local.resolver"})
    assert _met(_judged(rows, drawn=drawn)) == {TARGET: True, FRIEND: True, LITERAL: True}
    assert _met(_judged(rows, drawn=drawn, level="socket")) == {TARGET: False, FRIEND: True, LITERAL: True}


def test_the_run_is_judged_when_something_is_expected_of_it() -> None:
    portal = Expect(of="run", outcomes=("local",), block_type="local.captive_portal", min_depth=2)
    drawn = _drawn(EXPECT, portal)
    right = _judged(_rows(), drawn=drawn, run={"outcome": "local", "block_type": "local.captive_portal"}).run
    wrong = _judged(_rows(), drawn=drawn, run={"outcome": "ok", "block_type": ""}).run
    assert right is not None
    assert wrong is not None
    assert (right.met, wrong.met, wrong.got) == (True, False, "ok")
    assert _judged(_rows()).run is None


# --- the sum


def _result(judgement: Judgement | None, *, name: str = "made", level: str = "packet", note: str = "") -> TrialResult:
    return TrialResult(scenario=name, seed=3, level=level, judgement=judgement, note=note, wall_s=2.0)


def test_a_program_that_calls_everything_well_gets_a_half() -> None:
    rows = _judged(_rows("ok")).rows
    assert scenario_accuracy(("made", row) for row in rows) == {"made": 0.5}


def test_the_score_counts_accusations_misses_and_troubles() -> None:
    good = _judged(_rows())
    bad = _judged(_rows("ok", **{FRIEND: "blocked ip.blackhole"}))
    void = _judged(_rows(**{FRIEND: "blocked ip.blackhole"}), log=())
    total = score([
        _result(good, name="a"), _result(bad, name="b"), _result(void, name="c"), _result(None, name="d", note="broke"),
    ])
    assert total.accuracy == pytest.approx((1 + (0 + 0.5) / 2) / 2)
    assert total.n_rows == 6
    assert total.n_innocent == 2 + 2 + 3
    assert [(f.scenario, f.input) for f in total.false_accusations] == [("b", FRIEND), ("c", TARGET), ("c", FRIEND)]
    assert [(f.scenario, f.input, f.got) for f in total.misses] == [
        ("b", TARGET, "ok"), ("b", FRIEND, "blocked ip.blackhole"),
    ]
    assert [(t.scenario, t.reason) for t in total.invalid] == [("c", f"no rule fired for {TARGET}")]
    assert [t.scenario for t in total.broken] == ["d"]
    assert total.confusion[("blocked tls.reset.sni", "ok")] == 1


def test_nothing_measured_is_no_perfect_score() -> None:
    empty = score([])
    assert (empty.accuracy, empty.bound, empty.n_rows) == (None, 1.0, 0)
    silent = score([_result(_judged([]))])
    assert (silent.accuracy, silent.n_innocent) == (0.0, 0)


@pytest.mark.parametrize(("count", "of"), [(1, 20), (2, 300), (5, 100), (40, 5000)])
def test_the_bound_solves_the_binomial_equation(count: int, of: int) -> None:
    share = upper_bound(count, of)
    tail = sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count + 1))
    assert tail == pytest.approx(0.05, rel=1e-6)
    assert share > count / of


def test_the_bound_for_none_is_the_rule_of_three() -> None:
    assert upper_bound(0, 300) == pytest.approx(0.01)
    assert upper_bound(0, 1) == 1.0
    assert upper_bound(0, 0) == 1.0
    assert upper_bound(4, 4) == 1.0


def _two_levels() -> dict[str, Score]:
    bad = _judged(_rows("ok", **{FRIEND: "blocked ip.blackhole"}))
    return {"socket": score([_result(bad, level="socket")]), "packet": score([_result(_judged(_rows()))])}


def test_json_has_the_promised_keys() -> None:
    levels = _two_levels()
    made = json.loads(json.dumps(as_json(levels["socket"], levels, seed=3, scenarios=["made"])))
    assert set(made) == {"seed", "scenarios", "accuracy", "n_rows", "false_accusations", "misses", "levels"}
    assert {"scenario", "expected", "got", "rule_id", "evidence"} <= set(made["misses"][0])
    assert set(made["levels"]) == {"socket", "packet"}
    assert made["levels"]["socket"]["n_false_accusations"] == 1
    assert made["levels"]["packet"]["accuracy"] == 1.0


def test_text_says_accusations_first_and_how_to_see_a_miss_again() -> None:
    text = as_text(_two_levels(), wall_s=5.0)
    assert text.index("False accusations: 1 of 2") < text.index("Accuracy:") < text.index("Misses: 2")
    assert "probe lab score --scenario made --seed 3 --level socket" in text
    assert "run.7" in text


# --- around the run


def test_the_configuration_is_one_that_the_program_reads(tmp_path: Path) -> None:
    world = draw_world(seed=2, endpoints=(), helpers=2)
    path = tmp_path / "probe.toml"
    path.write_text(configuration(world, helpers=True))
    settings = load_settings(str(path))
    assert (settings.vantage.cc, settings.vantage.asn) == ("RU", 64500)
    assert [(h.id, h.url, h.address, h.asn, h.cc) for h in settings.helper] == [
        (v.control_id, v.url, v.ipv4, v.asn, v.cc) for v in world.vantages
    ]
    assert "helper" not in tomllib.loads(configuration(world, helpers=False))


def test_rows_are_read_from_every_day(tmp_path: Path) -> None:
    for day in ("2017-05-04", "2017-05-05"):
        folder = tmp_path / "verdicts" / f"date={day}"
        folder.mkdir(parents=True)
        (folder / "run.csv").write_text(f'input,outcome\n"https://{day}/,",ok\n')
    assert [row["input"] for row in read_rows(tmp_path, "verdicts")] == ["https://2017-05-04/,", "https://2017-05-05/,"]
    assert read_rows(tmp_path, "runs") == []


@pytest.mark.lab
def test_trials_in_real_laboratories_are_judged_against_their_truth(tmp_path: Path) -> None:
    if reason := unavailable():
        pytest.skip(reason)
    catalogue = load_catalogue(str(ROOT / "targets.csv"))
    names = ("server-down", "sni-fin")
    trials = [Trial(scenario=load_scenario(name), seed=5, level="packet", keep=tmp_path) for name in names]
    seen: list[str] = []
    results = run_trials(trials, catalogue=catalogue, jobs=2, progress=lambda result: seen.append(result.scenario))
    total = score(results)
    report = json.dumps([asdict(result) for result in results], indent=1)
    assert (tuple(result.scenario for result in results), set(seen)) == (names, set(names))
    assert (total.broken, total.invalid, total.false_accusations) == ((), (), ()), report
    assert total.misses == (), report
    assert list(tmp_path.glob("sni-fin-5-packet/truth.jsonl"))
