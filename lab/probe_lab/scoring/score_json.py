"""A score as JSON values, for programs."""

from __future__ import annotations

from dataclasses import asdict

from probe_lab.scoring.calibration import Bin
from probe_lab.scoring.lost_targets import LostCount
from probe_lab.scoring.score_report import Report
from probe_lab.scoring.score_run import ScenarioScore, Score


def as_json(report: Report) -> dict[str, object]:
    """The whole score. `scenarios` are names; figures of each are in `levels`."""
    total = report.total
    return {
        "seed": report.seeds[0],
        "seeds": list(report.seeds),
        "repeats": report.repeats,
        "helpers": report.helpers,
        "evidence_levels": list(report.levels),
        "consent_level": report.consent_level,
        "replay": report.replay,
        "software": report.software,
        "scenarios": [scenario.name for scenario in report.scenarios],
        **_figures(total),
        "false_accusations": [asdict(finding) for finding in total.false_accusations],
        "misses": [asdict(finding) for finding in total.misses],
        "unstable": list(total.unstable),
        "rules": dict(sorted(total.rules.items())),
        "unreached_rules": list(report.list_unreached),
        "line": asdict(report.line),
        "skipped": [asdict(trouble) for trouble in total.skipped],
        "wall_s": round(report.wall_s, 1),
        "levels": {level: _level(part) for level, part in report.levels.items()},
    }


def _figures(part: Score) -> dict[str, object]:
    return {
        "accuracy": part.accuracy,
        "precision": part.precision,
        "recall": part.recall,
        "n_rows": part.n_rows,
        "n_innocent": part.n_innocent,
        "n_false_accusations": len(part.false_accusations),
        "false_accusation_bound": part.bound,
        "n_misses": len(part.misses),
        "n_undecided": part.n_undecided,
        "calibration": list(map(_bin, part.calibration)),
        "calibration_by_rule": list(map(_bin, part.calibration_by_rule)),
        "calibration_by_class": list(map(_bin, part.calibration_by_class)),
        "basis": {word: asdict(count) for word, count in part.basis.items()},
        "classes": {**asdict(part.classes), "upper95": part.classes.upper95},
        "situations": [{**asdict(each), "upper95": each.upper95} for each in part.situations],
        "named": list(map(asdict, part.named)),
        "users": {**asdict(part.users), "lost": list(map(_lost, part.users.lost)),
                  "lost_at_times": list(map(_lost, part.users.lost_at_times))},
        "odds": list(map(asdict, part.odds)),
        "odds_of_twins": list(map(asdict, part.odds_of_twins)),
        "undecided": [{**asdict(each), "undecided": each.undecided} for each in part.undecided],
    }


def _lost(each: LostCount) -> dict[str, object]:
    return {**asdict(each), "ok_upper95": each.ok_upper95, "decided_lower95": each.decided_lower95}


def _bin(each: Bin) -> dict[str, object]:
    return {**asdict(each), "right": each.right, "wrong_bound": each.wrong_bound, "chance": each.chance,
            "word": each.word}


def _level(part: Score) -> dict[str, object]:
    return {
        **_figures(part),
        "by_scenario": {name: _scenario(each) for name, each in part.by_scenario.items()},
        "confusion": [{"expected": pair[0], "got": pair[1], "n": n} for pair, n in sorted(part.confusion.items())],
        "invalid": [asdict(trouble) for trouble in part.invalid],
        "broken": [asdict(trouble) for trouble in part.broken],
        "wall_s": round(part.wall_s, 1),
    }


def _scenario(part: ScenarioScore) -> dict[str, object]:
    return {
        "accuracy": part.accuracy,
        "precision": part.causes.precision,
        "recall": part.causes.recall,
        "n_rows": part.n_rows,
        "n_misses": part.n_misses,
        "n_false_accusations": part.n_false_accusations,
        "n_unfired": part.n_unfired,
        "wall_s": round(part.wall_s, 1),
    }
