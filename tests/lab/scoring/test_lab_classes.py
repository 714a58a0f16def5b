"""Classes of situations, bases, open answers, and what confidence promises across classes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from in_order import in_order
from lab_judged import EXPECT, FRIEND, TARGET, judged, scene, verdicts
from probe_lab.scoring.accusations import BasisCount, count_bases, count_undecided
from probe_lab.scoring.calibration import RuleClass, calibrate_classes, calibrate_rules, calibration, list_rule_classes
from probe_lab.scoring.expect import Judgement
from probe_lab.scoring.judged import JudgedRow
from probe_lab.scoring.score_html import as_html
from probe_lab.scoring.score_json import as_json
from probe_lab.scoring.score_markdown import as_markdown
from probe_lab.scoring.score_measures import chance_of_at_most
from probe_lab.scoring.score_report import Report
from probe_lab.scoring.score_run import add_up_trials
from probe_lab.scoring.score_text import as_text
from probe_lab.scoring.situations import count_innocent_classes, count_named_causes, count_situations
from probe_lab.scoring.trial import TrialResult

OPEN = replace(EXPECT, outcomes=("blocked", "inconclusive"))
UNPLACED = "inconclusive inconclusive.unplaced"


def result(judgement: Judgement | None, *, name: str, situation: str = "", kind: str = "censorship",
           consent_level: int = 3, helpers: bool = True) -> TrialResult:
    return TrialResult(scenario=name, situation=situation, kind=kind, seed=3, level="socket",
                       consent_level=consent_level, helpers=helpers, judgement=judgement, wall_s=1.0)


def row(got: str, *, met: bool = True, **changes: object) -> JudgedRow:
    plain = JudgedRow(subject=TARGET, expected="", got=got, met=met, may_be_blocked=False, accused=False, rule_id="a/b",
                      confidence=0.9)
    return replace(plain, **changes)  # type: ignore[arg-type]


INNOCENT = judged(verdicts("ok"), log=())
ACCUSED = judged(verdicts("ok", **{FRIEND: "blocked ip.blackhole"}), log=())
NAMED = judged(verdicts(), drawn=scene(OPEN))
LEFT_OPEN = judged(verdicts(UNPLACED), drawn=scene(OPEN))
MISSED = judged(verdicts("ok"), drawn=scene(OPEN))


def test_an_innocent_and_its_twins_are_one_class_and_a_file_without_one_is_its_own() -> None:
    found = count_situations([
        result(INNOCENT, name="front", situation="front-resets", kind="innocent"),
        result(ACCUSED, name="front-2", situation="front-resets", kind="innocent"),
        result(NAMED, name="front-box", situation="front-resets"),
        result(LEFT_OPEN, name="front-box", situation="front-resets"),
        result(INNOCENT, name="clean", kind="innocent"), result(None, name="broken", kind="innocent"),
    ])
    assert [(s.id, s.kind, s.tried, s.accused, s.rows, s.named, s.unplaced) for s in found] == [
        ("clean", "innocent", 1, 0, 0, 0, 0), ("front-resets", "innocent", 2, 1, 0, 0, 0),
        ("front-resets", "censorship", 2, 0, 2, 1, 1)]


def test_many_accusations_in_one_class_are_one() -> None:
    trials = [result(ACCUSED, name="bad", kind="innocent") for _ in range(30)]
    trials += [result(INNOCENT, name=f"good{n}", kind="innocent") for n in range(39)]
    trials.append(result(judged(verdicts(), log=()), name="no-innocent"))
    classes = count_innocent_classes(count_situations(trials))
    assert (classes.tried, classes.accused) == (40, 1)
    assert chance_of_at_most(1, 40, classes.upper95) == pytest.approx(0.05)
    spotless = count_innocent_classes(count_situations(trials[30:69]))
    assert spotless.upper95 == pytest.approx(3 / 39)


def test_what_is_named_and_what_is_left_open_is_told_by_cause_consent_and_helpers() -> None:
    trials = [result(NAMED, name="a"), result(LEFT_OPEN, name="b"), result(MISSED, name="c"),
              result(LEFT_OPEN, name="a", consent_level=1), result(NAMED, name="a", helpers=False),
              result(replace(NAMED, invalid="nothing fired"), name="void")]
    found = {(n.consent_level, n.helpers): n for n in count_named_causes(trials)}
    whole = found[3, True]
    assert (whole.cause, whole.rows, whole.named, whole.unplaced, whole.others) == ("tls.reset.sni", 3, 1, 1, {"ok": 1})
    assert (found[1, True].named, found[1, True].unplaced) == (0, 1)
    assert (found[3, False].named, found[3, False].unplaced) == (1, 0)


def test_a_verdict_that_is_left_open_may_suspect_the_right_cause() -> None:
    trials = [result(judged([{**said, "suspected": cause} for said in verdicts(UNPLACED)], drawn=scene(OPEN)), name="a")
              for cause in ("tls.reset.sni", "tls.reset", "tls.drop.sni", "")]
    (found,) = count_named_causes(trials)
    assert (found.unplaced, found.suspected) == (4, 2)


def test_accusations_are_counted_by_what_they_rest_on() -> None:
    rows = [row("blocked tls", accused=True, may_be_blocked=True, basis="time"),
            row("blocked tls", accused=True, basis="time"), row("blocked tls", accused=True, basis="place"),
            row("inconclusive", basis="content")]
    assert count_bases(rows) == {
        "time": BasisCount(right=1, wrong=1), "place": BasisCount(wrong=1), "packets": BasisCount(),
        "content": BasisCount(), "company": BasisCount()}
    bare = count_bases([row("blocked tls", accused=True), row("blocked tls", accused=True, basis="<hearsay>")])
    assert bare["none"] == BasisCount(wrong=2)


def test_the_basis_of_a_row_is_the_one_that_the_verdict_states() -> None:
    told = [{**said, "basis": "place"} for said in verdicts()]
    assert judged(told).rows[0].basis == "place"
    assert judged(verdicts()).rows[0].basis == ""


def test_what_several_right_outcomes_hide_is_counted() -> None:
    either, three = ("ok", "inconclusive"), ("ok", "local", "inconclusive")
    rows = [*(row("inconclusive x", outcomes=either) for _ in range(3)), row("ok", outcomes=either[::-1]),
            row("not_attempted y", outcomes=three), row("ok", outcomes=("ok",)), row("blocked z", outcomes=())]
    assert [(u.allowed, u.rows, u.undecided, u.given) for u in count_undecided(rows)] == [
        (("inconclusive", "ok"), 4, 3, {"inconclusive": 3, "ok": 1}),
        (("inconclusive", "local", "ok"), 1, 1, {"not_attempted": 1})]


@pytest.mark.parametrize("helpers", [True, False])
def test_without_helpers_every_target_may_be_left_open(helpers: bool) -> None:
    rows = judged(verdicts("inconclusive inconclusive.no_control"), helpers=helpers).rows
    assert [(u.allowed, u.undecided) for u in count_undecided(rows)] == (
        [] if helpers else [(("inconclusive", "ok"), 0), (("blocked", "inconclusive"), 1)])


def test_a_rule_that_is_often_right_enough_is_kept_and_luck_is_no_reproach() -> None:
    rows = [*(row("blocked x", met=n > 0) for n in range(8)),
            *(row("blocked x", met=n > 6, rule_id="c/d") for n in range(12)), row("inconclusive x", rule_id="e/f")]
    found = {b.kind: b for b in calibrate_rules(rows)}
    assert {kind: b.word for kind, b in found.items()} == {"a/b": "few", "c/d": "broken"}
    assert found["c/d"].chance == pytest.approx(sum(math.comb(12, k) * 0.9**k * 0.1**(12 - k) for k in range(6)))


def test_the_chance_of_a_reproach_is_shared_out_among_the_lines() -> None:
    unlucky = [row("blocked x", met=n > 2, rule_id="r/0") for n in range(10)]  # chance 0.07 of 0.9
    unlucky += [row("blocked x", met=n > 3, rule_id="r/1") for n in range(10)]  # chance 0.013
    alone = calibrate_rules(unlucky[10:])
    among = calibrate_rules([*unlucky, *(row("blocked x", rule_id=f"r/{n}") for n in range(2, 9))])
    assert [b.word for b in alone] == ["broken"]
    assert {b.word for b in among} == {"few"}


def test_rows_under_a_cap_stand_apart() -> None:
    found = calibration([row("blocked x"), row("blocked x", rule_id="c/d"), row("ok", rule_id="c/d")],
                        capped=frozenset({"c/d"}))
    assert [(b.kind, b.n) for b in found] == [("finding", 1), ("finding, capped", 1), ("ok", 1)]


def test_each_class_is_held_out_once() -> None:
    rows = [("s1", row("blocked x")), ("s1", row("blocked x", met=False)), ("s2", row("blocked x")),
            ("s3", row("blocked x")), ("s3", row("inconclusive x", met=False)), ("s1", row("ok", rule_id="c/d"))]
    classes = list_rule_classes(rows)
    assert classes == (RuleClass(rule_id="a/b", situation="s1", right=False),
                       RuleClass(rule_id="a/b", situation="s2", right=True),
                       RuleClass(rule_id="a/b", situation="s3", right=True),
                       RuleClass(rule_id="c/d", situation="s1", right=True))
    found = calibrate_classes(classes)
    assert [(b.low, b.n, b.n_right) for b in found] == [(0.7, 1, 0), (0.5, 2, 2)]
    assert [b.mean_confidence for b in found] == pytest.approx([3 / 4, 2 / 4])


def report(*results: TrialResult) -> Report:
    total = add_up_trials(results)
    return Report(seeds=(3,), repeats=1, helpers=True, scenarios=(), total=total, levels={"socket": total}, wall_s=1)


def test_json_tells_of_classes_bases_and_open_answers() -> None:
    made = json.loads(json.dumps(as_json(report(
        result(ACCUSED, name="front", situation="front-resets", kind="innocent"),
        result(LEFT_OPEN, name="front-box", situation="front-resets")))))
    for part in (made, made["levels"]["socket"]):
        innocent, twin = part["situations"]
        assert {"id", "kind", "tried", "accused", "named", "unplaced", "upper95"} <= set(innocent)
        assert (innocent["accused"], twin["unplaced"]) == (1, 1)
        assert part["classes"] == {"tried": 1, "accused": 1, "upper95": 1.0}
        assert part["basis"]["none"] == {"right": 0, "wrong": 1}
        assert part["undecided"][0]["given"] == {"inconclusive": 1}


@pytest.mark.parametrize("form", [as_text, as_html, as_markdown])
def test_every_form_tells_classes_before_accuracy_and_escapes_their_names(form: Callable[[Report], str]) -> None:
    text = form(report(result(ACCUSED, name="<b>", kind="innocent"), result(LEFT_OPEN, name="x", situation="<b>")))
    assert in_order(text, "1 of 1", "Accuracy", "basis", "unplaced")
    assert ("<b>" in text) == (form is as_text)
