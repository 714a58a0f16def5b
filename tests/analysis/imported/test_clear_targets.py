"""What is judged once for all that look alike is decided as with everything else in its run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import resources
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ooni_fleet import MESSENGERS, Strike
from ooni_messengers import messenger
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.runs import RunResult
from probe.core.verdicts import Verdict
from probe_analysis.imported import clear_targets, judging
from probe_analysis.imported.clear_targets import ClearTargets
from probe_analysis.imported.grouping import group_into_runs
from probe_analysis.imported.imported_measurement import ImportedMeasurement
from probe_analysis.imported.measurement_stream import read_measurement_file
from probe_analysis.imported.ooni.ooni_measurement import read_measurement_line

FACEBOOK = 32934
BEGAN = datetime(2026, 5, 1)


def mixed(count: int) -> list[dict[str, Any]]:
    """Tests of messengers in one network, six an hour, of which every ninth is struck."""
    made = []
    for number in range(count):
        strike: Strike = "tls" if number % 9 == 8 else ""
        at = str(BEGAN + timedelta(minutes=10 * number))
        what = [make(strike) for make in MESSENGERS.values()]
        what.append(messenger(FACEBOOK, "edge-mqtt.facebook.com" if strike else ""))
        made += [{**one, "measurement_start_time": at, "test_start_time": at, "measurement_uid": f"{number}-{kind}",
                  "report_id": f"{number}"} for kind, one in enumerate(what)]
    return made


def read(measurements: list[dict[str, Any]]) -> list[ImportedMeasurement]:
    return [read_measurement_line(json.dumps(m).encode()) for m in measurements]


def judge(measurements: list[dict[str, Any]]) -> list[Verdict]:
    return [v for result in group_into_runs(read(measurements)) for v in result.verdicts]


def judge_anew(measurements: Sequence[ImportedMeasurement], kept: ClearTargets) -> list[RunResult]:
    """With what is kept here, and no other."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(judging, "_CLEAR", kept)
        return group_into_runs(measurements)


def decision(verdict: Verdict) -> tuple[object, ...]:
    return verdict.target_id, verdict.outcome, verdict.block_type, verdict.suspected, verdict.rule_id, verdict.sources


def test_it_decides_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    measurements = mixed(9)
    quickly = judge(measurements)
    monkeypatch.setattr(ClearTargets, "judge", lambda *_: None)
    slowly = judge(measurements)
    assert list(map(decision, quickly)) == list(map(decision, slowly))
    assert len({v.outcome for v in quickly}) > 1
    looked_up = [v for v in quickly if v.target_id == "messenger.call.stun"]
    assert looked_up == [v for v in slowly if v.target_id == "messenger.call.stun"] != []


class Forgetful(ClearTargets):
    """Keeps nothing."""

    def judge(self, target: Verdict, rows: Sequence[Observation], judge: clear_targets.JudgeAlone,
              ) -> tuple[Verdict, Endpoint] | None:
        self.known.clear()
        return super().judge(target, rows, judge)


@pytest.mark.parametrize("sample", ["made", "packaged"])
def test_what_was_kept_before_changes_nothing(sample: str) -> None:
    measurements = read(mixed(9)) if sample == "made" else read_packaged()
    kept = ClearTargets()
    judge_anew(measurements[::-2], kept)
    assert kept.known
    assert judge_anew(measurements, kept) == judge_anew(measurements, Forgetful())


def read_packaged() -> list[ImportedMeasurement]:
    with resources.as_file(resources.files("probe_analysis.examples") / "ooni-measurements.jsonl.gz") as path:
        return [item for item, _ in read_measurement_file(str(path)) if isinstance(item, ImportedMeasurement)]


WELL = read(mixed(1))
TOLD = st.tuples(st.floats(0, 20), st.floats(0, 20), st.integers(0, 1 << 20), st.text(max_size=8), st.integers(-1, 9))


@settings(max_examples=25, deadline=None)
@given(st.lists(TOLD, min_size=1, max_size=8))
def test_times_and_sizes_of_what_went_well_decide_nothing(told: list[tuple[float, float, int, str, int]]) -> None:
    drawn = cycle(told)
    others = [replace(one, observations=tuple(with_others(o, *next(drawn)) for o in one.observations)) for one in WELL]
    assert said_of(others) == said_of(WELL)


def with_others(seen: Observation, t0_s: float, took_s: float, size: int, text: str, number: int) -> Observation:
    return replace(seen, t0_s=t0_s, t_s=t0_s + took_s, bytes_read=size, dns=replace(seen.dns, answer_ttl_s=number),
                   tls=replace(seen.tls, cipher=text), http=replace(seen.http, title=text, body_bytes=size))


def said_of(measurements: list[ImportedMeasurement]) -> set[tuple[object, ...]]:
    verdicts = [v for result in judge_anew(measurements, ClearTargets()) for v in result.verdicts]
    assert {v.outcome for v in verdicts} == {"ok"}
    return {(*decision(v), v.confidence) for v in verdicts}
