"""A run of ours, and what it is in OONI's format."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from observations import HOST

from probe.interop.exported import measurements_of
from probe.model import ControlAnswer, Observation, Run, RunResult, Vantage, Verdict

TARGET = "chat.web.main"


def result_of(*rows: Observation, controls: tuple[ControlAnswer, ...] = (), lab: bool = False) -> RunResult:
    verdict = Verdict(target_id=TARGET, service="chat", role="web", input=f"https://{HOST}/", outcome="blocked",
                      block_type="tls.reset.sni", evidence=("r-1.1",))
    stamped = tuple(replace(o, run_id="r-1", sequence=n, observation_id=f"r-1.{n}") for n, o in enumerate(rows))
    return RunResult(
        run=Run(run_id="r-1", measurement_start_time="2026-08-01T05:10:00Z", software_version="0.1",
                runtime_s=3.5, vantage=Vantage(probe_cc="IR", probe_asn=64500, probe_id="secret", lab=lab)),
        observations=stamped, controls=controls, verdicts=(verdict,), services=())


def exported(*rows: Observation, **changes: Any) -> dict[str, Any]:
    (only,) = measurements_of(result_of(*rows, **changes))
    return json.loads(json.dumps(only))  # type: ignore[no-any-return]
