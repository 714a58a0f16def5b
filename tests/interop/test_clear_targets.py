"""What is judged once for all that look alike is decided as with everything else in its run."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from ooni_fleet import MESSENGERS, Strike
from ooni_messengers import messenger
from probe.core.verdicts import Verdict
from probe.interop.clear_targets import ClearTargets
from probe.interop.grouping import group_into_runs
from probe.interop.ooni.ooni_measurement import read_measurement_line

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


def judge(measurements: list[dict[str, Any]]) -> list[Verdict]:
    return [v for result in group_into_runs([read_measurement_line(json.dumps(m).encode()) for m in measurements])
            for v in result.verdicts]


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
