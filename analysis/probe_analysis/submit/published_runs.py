"""What of a run is submitted: what `probe export ooni` writes, as coarse as `probe export --release`. Pure.

A run's second and network can lead to a person who is alone in measuring there, and what is public stays so: both are
told only where the person says so (`exact`). No hash of a page is: a block page may hold its visitor's address, and all
addresses there are can be tried.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from probe.config.geo.vantage_place import network_of
from probe.core.runs import OUR_ENGINE, Run, RunResult
from probe.store.archive.vouched_names import VouchedNames
from probe_analysis.exports.release import ReleaseCell, select_releasable_runs
from probe_analysis.imported.ooni.exported_by_us import export_measurements

OPENING = ("data_format_version", "probe_asn", "probe_cc", "software_name", "software_version", "test_name",
           "test_start_time", "test_version")
"""Keys of a measurement that a report begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RipeRun:
    """A run that may be submitted, and where and when its measurements are said to be from."""

    run: Run
    cell: ReleaseCell | None
    """None: as the run itself has it."""

    @property
    def day(self) -> str:
        """YYYY-MM-DD of the folder in which it is stored."""
        return self.run.measurement_start_time[:10]


def list_ripe_runs(runs: Sequence[Run], everybody: Iterable[Run], *, exact: bool, now: datetime,
                   vouched: VouchedNames | None = None) -> list[RipeRun]:
    """The runs of ours whose time has come, the oldest first; `vouched`: the collector's record, where there is one.

    Nobody lives in the laboratory: its runs need not wait. Raises ValueError for a run whose time is none.
    """
    ours = [run for run in runs if run.engine == OUR_ENGINE]
    made = [RipeRun(run=run, cell=None) for run in ours if run.vantage.lab]
    made += [RipeRun(run=run, cell=None if exact else cell) for run, cell, _ in select_releasable_runs(
        [run for run in ours if not run.vantage.lab], everybody, now=now, vouched=vouched)]
    return sorted(made, key=lambda ripe: (ripe.run.measurement_start_time, ripe.run.run_id))


def make_public_measurements(result: RunResult, cell: ReleaseCell | None) -> list[dict[str, Any]]:
    """The measurements of a run as they may be public, without the names that a report gives them."""
    run, vantage = result.run, result.run.vantage
    if cell is not None:
        run = replace(run, measurement_start_time=cell.start.strftime("%Y-%m-%dT%H:%M:%SZ"))
        vantage = replace(vantage, probe_cc=cell.probe_cc, probe_asn=cell.probe_asn, platform="")
    else:
        cc, asn = network_of(vantage)
        vantage = replace(vantage, probe_cc=cc, probe_asn=asn)
    rows = tuple(replace(row, http=replace(row.http, body_sha256="")) for row in result.observations)
    return export_measurements(replace(result, run=replace(run, vantage=vantage), observations=rows))


def make_report_opening(measurement: dict[str, Any]) -> dict[str, Any]:
    """What a report begins with that is to hold this measurement and others of its run."""
    return {"format": "json"} | {key: measurement[key] for key in OPENING}


def make_measurement_key(measurement: dict[str, Any]) -> str:
    """A digest, in 16 characters, that differs between the measurements of a run."""
    identity = f"{measurement['test_keys']['x_verdict']['target_id']}\n{measurement['input']}"
    return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:16]


def add_report_names(measurement: dict[str, Any], *, report_id: str, salt: str) -> dict[str, Any]:
    """The measurement with its report, and with an `id` that it has whenever it is sent: who reads it twice knows."""
    digest = hashlib.sha256(f"{salt}\n{make_measurement_key(measurement)}".encode()).digest()
    return measurement | {"report_id": report_id, "id": str(uuid.UUID(bytes=digest[:16], version=4))}
