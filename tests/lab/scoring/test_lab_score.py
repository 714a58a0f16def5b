"""The score: what many judgements add up to, and the forms in which it is told."""

from __future__ import annotations

import json
import math
import re
import shlex
import tomllib
from collections.abc import Callable
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from in_order import in_order
from lab_judged import EXPECT, FRIEND, TARGET, judged, scene, verdicts
from probe.catalogue.load import load_catalogue
from probe.config.settings import load_settings
from probe_lab.cli.lab import lab
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import DIRECTORY, load_scenario, read_scenario
from probe_lab.lab_types import VANTAGE_CC
from probe_lab.scoring.calibration import calibration
from probe_lab.scoring.expect import Judgement
from probe_lab.scoring.judged import JudgedRow
from probe_lab.scoring.score_html import as_html
from probe_lab.scoring.score_json import as_json
from probe_lab.scoring.score_markdown import as_markdown
from probe_lab.scoring.score_measures import overlap, scenario_accuracy, upper_bound
from probe_lab.scoring.score_report import Report
from probe_lab.scoring.score_run import add_up_trials, make_replay_command, run_trials
from probe_lab.scoring.score_text import as_text
from probe_lab.scoring.trial import Line, Trial, TrialResult, configuration, list_arguments, read_rows
from probe_lab.world import draw_world
from project_root import ROOT

# --- the sum


def _result(
    judgement: Judgement | None, *, name: str = "made", level: str = "packet", note: str = "", skipped: str = "",
) -> TrialResult:
    return TrialResult(
        scenario=name, seed=3, level=level, consent_level=2, judgement=judgement, note=note, skipped=skipped,
        wall_s=2.0,
    )


def test_a_program_that_calls_everything_well_gets_a_half() -> None:
    rows = judged(verdicts("ok")).rows
    assert scenario_accuracy(("made", row) for row in rows) == {"made": 0.5}


def test_the_score_counts_accusations_misses_and_troubles() -> None:
    good = judged(verdicts())
    bad = judged(verdicts("ok", **{FRIEND: "blocked ip.blackhole"}))
    void = judged(verdicts(**{FRIEND: "blocked ip.blackhole"}), log=())
    total = add_up_trials([
        _result(good, name="a"), _result(bad, name="b"), _result(void, name="c"), _result(None, name="d", note="broke"),
    ])
    assert total.accuracy == pytest.approx((1 + (0 + 0.5) / 2) / 2)
    assert total.n_rows == 6
    assert total.n_innocent == 2 + 2 + 3
    assert [(f.scenario, f.input) for f in total.false_accusations] == [("b", FRIEND), ("c", TARGET), ("c", FRIEND)]
    assert [(f.scenario, f.input, f.got) for f in total.misses] == [
        ("b", TARGET, "ok"), ("b", FRIEND, "blocked ip.blackhole"),
    ]
    assert [(t.scenario, TARGET in t.reason) for t in total.invalid] == [("c", True)]
    assert [t.scenario for t in total.broken] == ["d"]
    assert total.confusion[("blocked tls.reset.sni", "ok")] == 1


def test_nothing_measured_is_no_perfect_score() -> None:
    empty = add_up_trials([])
    assert (empty.accuracy, empty.bound, empty.n_rows) == (None, 1.0, 0)
    silent = add_up_trials([_result(judged([]))])
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


EVIL = "tls<script>alert('x')</script>|`r`"


def _report(*, patterns: tuple[str, ...] = ()) -> Report:
    bad = judged(verdicts("ok", **{FRIEND: "blocked ip.blackhole"}))
    bad = replace(bad, rows=tuple(replace(row, evidence=EVIL) for row in bad.rows))
    name = "sni-fin"
    results = [
        _result(bad, name=name, level="socket"), _result(judged(verdicts()), name=name),
        _result(None, name="other", level="socket", skipped="it needs suricata, which is not installed here"),
    ]
    return Report(
        patterns=patterns, seeds=(3,), repeats=1, helpers=True, consent_level=2,
        scenarios=(load_scenario(name), load_scenario("clean")), total=add_up_trials(results),
        levels={level: add_up_trials(r for r in results if r.level == level) for level in ("socket", "packet")},
        wall_s=5.0, software="Program 1.",
    )


def test_json_has_the_promised_keys() -> None:
    made = json.loads(json.dumps(as_json(_report())))
    promised = {"seed", "scenarios", "accuracy", "n_rows", "false_accusations", "misses", "levels"}
    assert promised <= set(made)
    assert {"scenario", "expected", "got", "rule_id", "evidence", "replay"} <= set(made["misses"][0])
    assert set(made["levels"]) == {"socket", "packet"}
    assert made["evidence_levels"] == ["socket", "packet"]
    assert [made["consent_level"], made["misses"][0]["consent_level"]] == [2, 2]
    assert made["levels"]["socket"]["n_false_accusations"] == 1
    assert made["levels"]["packet"]["accuracy"] == 1.0
    assert made["levels"]["packet"]["by_scenario"]["sni-fin"]["recall"] == 1.0
    assert made["skipped"][0]["reason"].startswith("it needs suricata")


def test_text_says_accusations_first_and_how_to_see_a_miss_again() -> None:
    text = as_text(_report(patterns=("sni-*",)))
    assert in_order(text, "False accusations", "1 of 2", "Misses: 2", "Users' blocks", "Accuracy:")
    assert in_order(text, "--scenario sni-fin", "--seed 3", "--level socket", "--consent-level 2", "--keep")
    assert in_order(text, "--scenario 'sni-*'", "--seed 3", "--level both", "--consent-level 2")
    assert in_order(text, "other", "seed 3", "suricata")
    assert EVIL in text


class _Page(HTMLParser):
    """Notes the elements of a page, and whether each that opens is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)
        assert not [value for name, value in attrs if name in ("src", "href") or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_nothing_in_it_is_taken_for_markup() -> None:
    text = as_html(_report())
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.seen.isdisjoint({"script", "img", "link", "iframe"})
    assert "&lt;script&gt;" in text
    assert "prefers-color-scheme: dark" in text
    assert "--share" in text
    assert all(word in text for word in ("sni-fin", "1 of 2", "Misses: 2", "--seed 3"))


def test_the_document_has_figures_scenarios_misses_and_the_way_back() -> None:
    text = as_markdown(_report())
    assert "<script>" not in text
    assert "\\|" in text
    assert in_order(text, "--seed 3", "--level both", "--consent-level 2")
    assert in_order(text, "False accusations", "1 of 2", "### Scenarios", "### Misses")
    widths = [line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")]
    assert min(widths) >= 3
    assert str(ROOT) not in text


@pytest.mark.parametrize("form", [as_text, as_html, as_markdown])
def test_figures_name_the_evidence_and_the_consent_level(form: Callable[[Report], str]) -> None:
    text = form(_report())
    assert all(f"At evidence level {level}, consent level 2" in text for level in ("socket", "packet"))
    alone = re.findall(r"(?<!evidence )(?<!consent )(?<!--)(?<!-)\blevel\b", text)
    assert alone == []


def test_every_form_stands_a_score_of_nothing() -> None:
    empty = add_up_trials([])
    report = Report(seeds=(1,), repeats=1, helpers=False, scenarios=(), total=empty, levels={"socket": empty}, wall_s=0)
    assert "nothing to judge" in as_text(report)
    assert "nothing to judge" in as_html(report)
    assert "nothing to judge" in as_markdown(report)
    assert as_json(report)["accuracy"] is None


# --- confidence


def _sure(outcome: str, confidence: float, *, met: bool) -> JudgedRow:
    return JudgedRow(subject=TARGET, expected="ok", got=outcome, met=met, may_be_blocked=False, accused=False,
                     confidence=confidence)


def test_confidence_breaks_its_word_where_so_few_are_right_beyond_chance() -> None:
    blocked = "blocked tls.reset.sni"
    rows = [
        *(_sure(blocked, 0.9, met=n >= 10) for n in range(100)),
        *(_sure(blocked, 0.97, met=n >= 12) for n in range(100)), *(_sure(blocked, 0.85, met=False) for _ in range(5)),
        *(_sure("ok", 1.0, met=True) for _ in range(5)), _sure("inconclusive inconclusive.unexplained", 0.5, met=False),
    ]
    found = calibration(rows)
    assert [(b.kind, b.low, b.n, b.word) for b in found] == [
        ("finding", 0.95, 100, "broken"), ("finding", 0.9, 100, "kept"), ("finding", 0.8, 5, "broken"),
        ("ok", 0.95, 5, "few")]
    assert found[0].right == pytest.approx(0.88)
    assert found[0].wrong_bound > 0.12


def test_rules_that_decided_nothing_are_named() -> None:
    rows = judged(verdicts()).rows
    total = add_up_trials([_result(replace(judged(verdicts()), rows=tuple(replace(r, rule_id="a/b") for r in rows)))])
    report = Report(seeds=(1,), repeats=1, helpers=True, scenarios=(), total=total, levels={"socket": total},
                    wall_s=0, rule_ids=("a/b", "c/d"))
    assert report.list_unreached == ("c/d",)
    assert "c/d" in as_text(report)
    assert "c/d" in as_html(report)
    assert "c/d" in as_markdown(report)


def test_a_worse_line_is_the_scenario_s_but_for_loss_and_distance() -> None:
    plain = load_scenario("sni-gfw2")
    worse = Line(loss=0.05, rtt_ms=300, cc="ES", spread=True)
    drawn = [draw_scenario(s, seed=4, endpoints=load_catalogue(search=False).endpoints).world
             for s in (plain, worse.under(plain))]
    assert (drawn[1].loss, drawn[0].loss) == (0.05, 0.0)
    assert (drawn[1].cc, drawn[0].cc) == ("ES", VANTAGE_CC)
    assert worse.under(load_scenario("op-tls-name-mute-box")).cc == load_scenario("op-tls-name-mute-box").cc != "ES"
    assert worse.flags.split() == ["--loss", "0.05", "--rtt-ms", "300", "--cc", "ES", "--spread"]
    assert worse.flags in make_replay_command(replace(_result(None), line=worse))
    assert Line().under(plain) == plain


@pytest.mark.parametrize(("scenario", "spread", "fast"), [
    ("sni-gfw2", False, True), ("sni-gfw2", True, False), ("degraded-name", False, False),
])
def test_a_run_takes_its_time_where_it_is_told_to_or_the_scenario_wants_it(
    scenario: str, spread: bool, fast: bool,
) -> None:
    trial = Trial(scenario=load_scenario(scenario), seed=4, level="socket", line=Line(spread=spread))
    drawn = draw_scenario(trial.scenario, seed=4, endpoints=load_catalogue(search=False).endpoints)
    assert ("--fast" in list_arguments(trial, drawn)) is fast


def test_a_verdict_is_replayed_in_the_file_that_its_scenario_came_from(tmp_path: Path) -> None:
    file = tmp_path / "my own" / "mine.toml"
    file.parent.mkdir()
    file.write_bytes((DIRECTORY / "sni-gfw2.toml").read_bytes())
    named, packaged = read_scenario(file), load_scenario("sni-gfw2")
    assert (named.file, packaged.file) == (str(file), "")
    words = shlex.split(make_replay_command(replace(_result(None), scenario=named.name, file=named.file)))
    assert words[words.index("--scenario") + 1] == str(file)


# --- causes as a tree


@pytest.mark.parametrize(
    ("got", "precision", "recall"),
    [
        ("blocked tls.reset.sni", 1.0, 1.0),
        ("blocked tls.reset", 1.0, 2 / 3),
        ("blocked tls.reset.address", 2 / 3, 2 / 3),
        ("blocked ip.blackhole", 0.0, 0.0),
        ("ok", None, 0.0),
        ("inconclusive inconclusive.unexplained", None, 0.0),
    ],
)
def test_causes_count_with_their_ancestors(got: str, precision: float | None, recall: float) -> None:
    found = overlap(judged(verdicts(got)).rows)
    assert found.precision == (None if precision is None else pytest.approx(precision))
    assert found.recall == pytest.approx(recall)


def test_a_cause_claimed_where_none_is_lowers_precision() -> None:
    found = overlap(judged(verdicts(**{FRIEND: "blocked ip.blackhole"})).rows)
    assert found.precision == pytest.approx(3 / 5)
    assert found.recall == 1.0


def test_an_accepted_verdict_without_a_cause_counts_neither_way() -> None:
    drawn = scene(replace(EXPECT, outcomes=("blocked", "inconclusive")))
    found = overlap(judged(verdicts("inconclusive inconclusive.unexplained"), drawn=drawn).rows)
    assert (found.claimed, found.true) == (0, 0)


def test_verdicts_that_differ_between_repetitions_are_named() -> None:
    results = [_result(judged(verdicts())), _result(judged(verdicts("ok")))]
    assert add_up_trials(results).unstable == (f"made {TARGET}: blocked tls.reset.sni, ok",)
    assert add_up_trials(results[:1]).unstable == ()


def test_a_skipped_trial_is_no_failure() -> None:
    total = add_up_trials([_result(None, skipped="it needs suricata")])
    assert (total.broken, total.invalid, total.misses) == ((), (), ())
    assert [trouble.reason for trouble in total.skipped] == ["it needs suricata"]


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


@pytest.mark.slow
@pytest.mark.lab
def test_trials_in_real_laboratories_are_judged_against_their_truth(tmp_path: Path) -> None:
    catalogue = load_catalogue(str(ROOT / "targets.csv"))
    names = ("server-down", "sni-fin")
    trials = [Trial(scenario=load_scenario(name), seed=5, level="packet", keep=tmp_path) for name in names]
    seen: list[str] = []
    results = run_trials(trials, catalogue=catalogue, jobs=2, progress=lambda result: seen.append(result.scenario))
    total = add_up_trials(results)
    report = json.dumps([asdict(result) for result in results], indent=1)
    assert (tuple(result.scenario for result in results), set(seen)) == (names, set(names))
    assert (total.broken, total.invalid, total.false_accusations) == ((), (), ()), report
    assert total.misses == (), report
    assert list(tmp_path.glob("sni-fin-5-packet/truth.jsonl"))


@pytest.mark.lab
def test_the_command_writes_every_form_and_skips_what_cannot_be_run(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    text = (DIRECTORY / "server-down.toml").read_text()
    mine.write_text('needs = ["no-such-program-here"]\n' + text)
    page, document = tmp_path / "score.html", tmp_path / "score.md"
    arguments = ["--scenario", "server-down", "--scenario", str(mine), "--level", "socket", "--json",
                 "--consent-level", "2", "--keep-failing", str(tmp_path / "failing")]
    done = CliRunner().invoke(lab, ["score", *arguments, "--html", str(page), "--markdown", str(document)])
    made = json.loads(done.stdout)
    assert done.exit_code == 0, done.output
    assert made["scenarios"] == ["mine", "server-down"]
    assert made["consent_level"] == 2
    assert list((tmp_path / "failing").iterdir()) == []
    assert [(trouble["scenario"], "no-such-program-here" in trouble["reason"]) for trouble in made["skipped"]] == [
        ("mine", True),
    ]
    assert f"--seed {made['seed']}" in done.stderr
    assert made["n_rows"] >= 5  # what suffers, and its company
    assert all("server-down" in path.read_text() for path in (page, document))
