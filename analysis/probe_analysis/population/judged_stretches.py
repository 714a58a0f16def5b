"""From stretches to rows of the population: what was said of those whose evidence is as it was is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.store.files.atomic import replace_whole
from probe_analysis.population.evidence_rows import make_evidence, refuses_country
from probe_analysis.population.kept_hours import KeptHours, digest_program
from probe_analysis.population.population_schema import SCHEMA
from probe_analysis.population.stretches import Stretches
from probe_analysis.populations.judge_population import PopulationVerdict, judge_population
from probe_analysis.populations.population_evidence import PopulationEvidence

Row = Mapping[str, Any]
_KEY = "kept_key"
_KEPT_SCHEMA = SCHEMA.append(pa.field(_KEY, pa.string(), nullable=False))
_OF_STRETCH = ("cc", "asn", "target_id", "service", "role", "fresh", "onset", "last", "settled", "onsets",
               "others_alike", "vantages")


def judge_stretches(stretches: Stretches, kept: KeptHours, *, lab: bool) -> Iterator[Row]:
    """The row of each stretch, in their order; what is new is judged, and all are kept for the next time."""
    known = _read_known(kept)
    keys = {row["number"]: _name_evidence(row, stretches.list_days(row), kept, lab) for row in stretches.rows}
    fresh = stretches.read_evidence([row for row in stretches.rows if keys[row["number"]] not in known])
    with replace_whole(kept.rows) as temporary, pq.ParquetWriter(temporary, _KEPT_SCHEMA, compression="zstd") as file:
        waiting: list[Row] = []
        for stretch in stretches.rows:
            key = keys[stretch["number"]]
            if (row := known.get(key)) is None:
                asked, held = next(fresh)
                evidence = make_evidence(asked, held.networks, held.abroad)
                row = _make_row(asked, evidence, judge_population(evidence), lab)
            waiting.append({**row, _KEY: key})
            yield row
        file.write_table(pa.Table.from_pylist(waiting, schema=_KEPT_SCHEMA))


def _name_evidence(stretch: Row, days: list[str], kept: KeptHours, lab: bool) -> str:
    """A digest of all that the row of a stretch follows from."""
    parts = [digest_program(), str(lab), str(refuses_country(stretch["service"], stretch["cc"])),
             *(f"{name}={stretch[name]}" for name in _OF_STRETCH), *(f"{day} {kept.days[day].key}" for day in days)]
    return sha256("\n".join(parts).encode()).hexdigest()


def _read_known(kept: KeptHours) -> dict[str, Row]:
    """What was said last, by the digest of what it follows from; nothing where that is not there, or torn."""
    try:
        table = pq.read_table(kept.rows, partitioning=None)
    except (OSError, pa.ArrowException):
        return {}
    if table.schema != _KEPT_SCHEMA:
        return {}
    return {row.pop(_KEY): row for row in table.to_pylist()}


def _make_row(stretch: Row, evidence: PopulationEvidence, verdict: PopulationVerdict, lab: bool) -> Row:
    earlier = evidence.own.earlier.last_h
    return {
        "lab": lab, "probe_cc": stretch["cc"], "probe_asn": stretch["asn"], "service": stretch["service"],
        "role": stretch["role"], "target_id": stretch["target_id"], "onset": _moment(stretch["onset"]),
        "served_until": _moment(earlier) if earlier >= 0 else None, "last": _moment(stretch["last"]),
        "outcome": verdict.outcome, "block_type": verdict.block_type, "suspected": verdict.suspected,
        "basis": verdict.basis, "rule_id": verdict.rule_id, "not_excluded": " ".join(verdict.not_excluded),
        "n": verdict.n, "struck": verdict.struck, "witnesses": verdict.witnesses,
        "networks_alike": verdict.networks_alike, "witnesses_alike": verdict.witnesses_alike,
        "networks_spared": verdict.networks_spared, "countries_served": verdict.countries_served,
        "countries_struck": verdict.countries_struck, "others_alike": verdict.others_alike, "reason": verdict.why,
    }


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)
