"""OONI measurements, read and judged."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from ooni_data import ADDRESS, HOST, measurement, query
from probe.core.runs import RunResult
from probe.core.verdicts import Verdict
from probe_analysis.imported.grouping import group_into_runs
from probe_analysis.imported.imported_measurement import ImportedMeasurement
from probe_analysis.imported.judging import judge_imported_run
from probe_analysis.imported.ooni.ooni_measurement import read_measurement_line

PLAIN = "http://www.chat.example/"
IRAN, PRIVATE = "10.10.34.35", "10.77.1.1"


def read(one: dict[str, Any]) -> ImportedMeasurement:
    return read_measurement_line(json.dumps(one).encode())


def runs(*measurements: dict[str, Any]) -> list[RunResult]:
    found = group_into_runs([read(m) for m in measurements])
    for result in found:
        assert judge_imported_run(result)[0] == result.verdicts  # what is stored gives the same verdict again
    return found


def verdict(*measurements: dict[str, Any]) -> Verdict:
    (result,) = runs(*measurements)
    (found,) = result.verdicts
    return found


def repeated(times: int, **changes: Any) -> list[dict[str, Any]]:
    """The same measurement several times in one hour, by probes whose line is well."""
    began = datetime(2026, 8, 1, 5, 1)
    times_of = [str(began + timedelta(minutes=8 * n)) for n in range(times)]
    return [measurement(measurement_uid=f"uid{n}", report_id=f"r{n}", test_start_time=at, measurement_start_time=at,
                        **changes) for n, at in enumerate(times_of)]


def doh(host: str = HOST, *addresses: str) -> dict[str, Any]:
    return query(host, *(addresses or (ADDRESS,)), engine="doh", resolver="https://dns.google/dns-query")


def udp(*addresses: str, **changes: Any) -> dict[str, Any]:
    return query(HOST, *addresses, engine="udp", resolver="8.8.8.8:53", **changes)
