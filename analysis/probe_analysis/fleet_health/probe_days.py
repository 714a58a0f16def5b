"""What the runs of one day say of the probes that made them: sums, so that no run is kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from probe.config.geo.geo_table import NO_COUNTRY
from probe.config.geo.vantage_place import network_of
from probe.core.runs import Run
from probe.store.runs.run_reader import read_start

_MAX_CHARS = 60
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


class ProbeDay(msgspec.Struct, kw_only=True):
    """One probe in one network on one day."""

    probe_id: str
    """The name of its month; empty: its runs bear none."""
    cc: str
    asn: int
    lab: bool
    runs: int = 0
    cut: int = 0
    """Runs that ended before all of their targets were tried."""
    outcomes: dict[str, int] = {}
    observations: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    last_run: str = ""
    """Start of the last run, RFC 3339; the rest is as that run tells."""
    consent_level: int = 0
    clock_offset_s: float | None = None
    software: str = ""
    catalogue: str = ""
    rules: str = ""
    schema: str = ""


class DayRuns(msgspec.Struct, kw_only=True):
    """One day of a results folder."""

    day: str
    """YYYY-MM-DD, UTC."""
    probes: list[ProbeDay] = []
    unusable: int = 0
    """Runs whose row is not as it was signed."""
    unreadable: int = 0
    """Runs that cannot be read, or have no time."""


def add_runs(day: DayRuns, runs: Iterable[Run]) -> None:
    """Counts runs of this day in."""
    known = {(probe.lab, probe.probe_id, probe.cc, probe.asn): probe for probe in day.probes}
    for run in runs:
        try:
            read_start(run)
        except ValueError:
            day.unreadable += 1
            continue
        cc, asn = network_of(run.vantage)
        cc = cc if _COUNTRY.fullmatch(cc) else NO_COUNTRY
        key = run.vantage.lab, run.vantage.probe_id, cc, asn
        if key not in known:
            known[key] = ProbeDay(lab=key[0], probe_id=key[1], cc=cc, asn=asn)
            day.probes.append(known[key])
        _add(known[key], run)


def _add(probe: ProbeDay, run: Run) -> None:
    probe.runs += 1
    probe.cut += run.n_attempted < run.n_targets
    probe.outcomes[run.outcome] = probe.outcomes.get(run.outcome, 0) + 1
    probe.observations += run.n_observations
    probe.bytes_read += run.bytes_read
    probe.bytes_written += run.bytes_written
    if run.measurement_start_time >= probe.last_run:
        probe.last_run = run.measurement_start_time
        probe.consent_level = run.vantage.consent_level
        probe.clock_offset_s = run.clock_offset_s
        probe.software, probe.catalogue, probe.rules, probe.schema = (
            text[:_MAX_CHARS] for text in (run.software_version, run.catalogue_version, run.rules_version,
                                           run.schema_version))
