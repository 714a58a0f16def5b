"""A run of ours, what it is in OONI's format, and the shape of that."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec

from observations import HOST
from probe.core.observations import ControlAnswer, Observation
from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import Verdict
from probe_analysis.imported.ooni.exported_by_us import export_measurements

TARGET = "chat.web.main"


class Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """df-000, with every field that must be there."""

    annotations: dict[str, str]
    data_format_version: str
    extensions: dict[str, int]
    input: str
    measurement_start_time: str
    options: list[str]
    probe_asn: str
    probe_cc: str
    probe_ip: str
    probe_network_name: str
    report_id: str
    resolver_asn: str
    resolver_ip: str
    resolver_network_name: str
    software_name: str
    software_version: str
    test_helpers: dict[str, str]
    test_keys: dict[str, Any]
    test_name: str
    test_runtime: float
    test_start_time: str
    test_version: str


def result_of(*rows: Observation, controls: tuple[ControlAnswer, ...] = (), lab: bool = False) -> RunResult:
    verdict = Verdict(target_id=TARGET, service="chat", role="web", input=f"https://{HOST}/", outcome="blocked",
                      block_type="tls.reset.sni", evidence=("r-1.1",))
    stamped = tuple(replace(o, run_id="r-1", sequence=n, observation_id=f"r-1.{n}") for n, o in enumerate(rows))
    return RunResult(
        run=Run(run_id="r-1", measurement_start_time="2026-08-01T05:10:00Z", software_version="0.1",
                runtime_s=3.5, vantage=Vantage(probe_cc="IR", probe_asn=64500, probe_id="secret", lab=lab)),
        observations=stamped, controls=controls, verdicts=(verdict,), services=())


def exported(*rows: Observation, **changes: Any) -> dict[str, Any]:
    (only,) = export_measurements(result_of(*rows, **changes))
    return json.loads(json.dumps(only))  # type: ignore[no-any-return]
