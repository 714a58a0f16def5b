"""A fleet's verdicts as result rows in the schema of the store, as Parquet, day by day: data of any size."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from probe import __version__
from probe.core.progress import ignore_progress
from probe.store.files.parquet import arrow_schema
from probe.store.layout import PARQUET_FOLDER
from probe.store.schema import SCHEMA_VERSION, TABLES, Kind, Table
from probe_lab.fleet.fleet_truth import draw_truth
from probe_lab.fleet.fleet_verdicts import BLOCKED, CONFIRMED, NO_ROW, OUTCOMES, Day, Fleet
from probe_lab.fleet.fleet_world import BEGIN, BLOCK_TYPES, DAY, FleetSize, FleetWorld, draw_world

_AWAKE = 0.25
"""Share of the hours in which a volunteer surely makes a run, on the average of many."""
_GROUP_ROWS = 1 << 17
TABLES_WRITTEN = ("verdicts", "services", "runs")
_EMPTY: Mapping[Kind, object] = {
    Kind.TEXT: "", Kind.INTEGER: 0, Kind.NUMBER: 0.0, Kind.BOOLEAN: False, Kind.TEXTS: [], Kind.INTEGERS: [],
    Kind.PAIRS: [], Kind.TIME: None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written."""

    verdicts: int
    services: int
    runs: int
    days: int
    volunteers: int


def size_for(rows: int, size: FleetSize) -> FleetSize:
    """The size whose verdicts are about so many rows and not fewer: few days for few rows, more volunteers for many."""
    a_day = size.volunteers * DAY * _AWAKE * size.services * size.targets
    if rows <= a_day * size.days:
        return replace(size, days=max(2, math.ceil(rows / a_day) + 1))
    return replace(size, volunteers=math.ceil(size.volunteers * rows / (a_day * size.days)))


def write_rows(rows: int, directory: Path, seed: int, size: FleetSize,
               tell: Callable[[int, int], None] = ignore_progress) -> Written:
    """Writes at least so many verdicts, whole days of them, and their services and runs; holds one day in memory."""
    wanted = size_for(rows, size)
    world = draw_world(seed, wanted)
    fleet = Fleet(world, draw_truth(world))
    written = {name: 0 for name in TABLES_WRITTEN}
    days = 0
    for day in fleet.days():
        made = _Tables(world, day)
        for name in TABLES_WRITTEN:
            table = getattr(made, name)()
            written[name] += table.num_rows
            _write(table, directory, name, day.number, seed)
        days += 1
        tell(min(written["verdicts"], rows), rows)
        if written["verdicts"] >= rows:
            break
    return Written(verdicts=written["verdicts"], services=written["services"], runs=written["runs"], days=days,
                   volunteers=wanted.volunteers)


def _write(table: pa.Table, directory: Path, name: str, day: int, seed: int) -> None:
    when: date = (BEGIN + timedelta(days=day)).date()
    folder = directory / PARQUET_FOLDER / name / f"date={when.isoformat()}"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"fleet-{seed}.parquet", compression="zstd", compression_level=1,
                   row_group_size=_GROUP_ROWS)


class _Tables:
    """One day's verdicts as Arrow tables: every run is one volunteer's hour."""

    def __init__(self, world: FleetWorld, day: Day) -> None:
        self.world, self.day = world, day
        ran = (day.outcomes != NO_ROW).any(axis=2)
        self.people, self.hours = np.nonzero(ran)
        self.networks = world.home[self.people]
        self.start = (np.datetime64((BEGIN + timedelta(days=day.number)).replace(tzinfo=None), "us")
                      + self.hours * np.timedelta64(1, "h"))
        month = f"{BEGIN + timedelta(days=day.number):%Y-%m}"
        self.probes = [hashlib.sha256(f"{world.seed}-{n}-{month}".encode()).hexdigest()[:16]
                       for n in range(len(world.home))]
        self.run_ids = [f"fleet{world.seed}-{person:05}-{day.number * DAY + hour:05}"
                        for person, hour in zip(self.people, self.hours, strict=True)]

    def runs(self) -> pa.Table:
        """One row for each run; the ladder tells of the network where most services do."""
        cut = (self._of_runs() == OUTCOMES.index("network")).sum(axis=1) * 2 > len(self.world.services)
        columns = {
            **self._frame(np.arange(len(self.people))), "trigger": "timed",
            "measurement_end_time": pa.array(self.start + np.timedelta64(60, "s"), pa.timestamp("us", tz="UTC")),
            "outcome": _coded(cut.astype(np.int8), ("ok", "network")), "deadline_s": 600.0, "runtime_s": 60.0,
            "n_targets": len(self.world.services) * self.world.size.targets,
            "n_attempted": len(self.world.services) * self.world.size.targets, "share": "tier:1",
            "platform": "linux", "consent_level": 1,
        }
        return _table(TABLES["runs"], columns, len(self.people))

    def services(self) -> pa.Table:
        """One row for each service of each run."""
        run, service, outcome = self._rows()
        targets = self.world.size.targets
        blocked = _is_blocked(outcome)
        decided = blocked | (outcome == OUTCOMES.index("ok")) | (outcome == OUTCOMES.index("down"))
        columns = {
            **self._frame(run), "measurement_uid": self._uid(run, service, ".", self._role_names()),
            "service": _coded(service, self.world.services), "role": _coded(service, self._role_names()),
            "outcome": _coded(outcome, OUTCOMES), "k": pa.array(blocked * targets), "n": pa.array(decided * targets),
            "block_types": _lists(blocked, self._type_codes(run, service), BLOCK_TYPES),
            "blocked_targets": _lists(blocked, service, [f"{name}.1" for name in self._targets()]),
        }
        return _table(TABLES["services"], columns, len(run))

    def verdicts(self) -> pa.Table:
        """One row for each target of each service of each run."""
        run, service, outcome = self._rows()
        targets = self.world.size.targets
        part = np.tile(np.arange(targets), len(run))
        run, service, outcome = (np.repeat(values, targets) for values in (run, service, outcome))
        names = [f"{name}.{number + 1}" for name in self._targets() for number in range(targets)]
        target = service * targets + part
        blocked = _is_blocked(outcome)
        failed = (outcome != OUTCOMES.index("ok")) * 3
        columns = {
            **self._frame(run), "measurement_uid": self._uid(run, target, ".", names, alone=True),
            "target_id": _coded(target, names), "service": _coded(service, self.world.services),
            "role": _coded(service, self._role_names()),
            "input": _coded(target, [f"https://{name}.example/" for name in names]),
            "outcome": _coded(outcome, OUTCOMES),
            "block_type": _coded(np.where(blocked, self._type_codes(run, service), 0), BLOCK_TYPES),
            "confidence": pa.array(np.where(blocked, 0.9, 0.0)),
            "confirmed": pa.array(outcome == CONFIRMED), "scope": "unknown", "evidence_level": "socket",
            "attempts": pa.array(np.maximum(failed, 1)), "failed_attempts": pa.array(failed),
            "control": _coded(blocked.astype(np.int8), ("not_needed", "contrary")),
        }
        return _table(TABLES["verdicts"], columns, len(run))

    def _of_runs(self) -> Any:
        return self.day.outcomes[self.people, self.hours]

    def _rows(self) -> tuple[Any, Any, Any]:
        of_runs = self._of_runs()
        run, service = np.nonzero(of_runs != NO_ROW)
        return run, service, of_runs[run, service]

    def _type_codes(self, run: Any, service: Any) -> Any:
        return self.day.types[self.networks[run], self.hours[run], service]

    def _role_names(self) -> list[str]:
        return ["control" if name == "controls" else "chat" for name in self.world.services]

    def _targets(self) -> list[str]:
        return [f"{name}.{role}" for name, role in zip(self.world.services, self._role_names(), strict=True)]

    def _frame(self, run: Any) -> dict[str, object]:
        world = self.world
        places = sorted(set(world.countries))
        country = np.array([places.index(cc) for cc in world.countries])
        return {
            "run_id": _coded(run, self.run_ids), "measurement_uid": "",
            "measurement_start_time": pa.array(self.start[run], pa.timestamp("us", tz="UTC")),
            "probe_id": _coded(self.people[run], self.probes), "probe_cc": _coded(country[self.networks[run]], places),
            "probe_asn": pa.array(np.array(world.asns)[self.networks[run]]), "lab": True, "catalogue_version": "fleet",
            "rules_version": "fleet", "software_version": __version__, "schema_version": SCHEMA_VERSION,
        }

    def _uid(self, run: Any, code: Any, between: str, names: Sequence[str], *, alone: bool = False) -> pa.Array:
        """`<run_id>.<target_id>`, of a service `<run_id>.<service>.<role>`."""
        tails = list(names) if alone else [f"{name}{between}{role}" for name, role in
                                           zip(self.world.services, names, strict=True)]
        heads = pc.take(pa.array(self.run_ids, pa.string()), pa.array(run))
        return pc.binary_join_element_wise(heads, pc.take(pa.array(tails, pa.string()), pa.array(code)), between)


def _is_blocked(outcome: Any) -> Any:
    return (outcome == BLOCKED) | (outcome == CONFIRMED)


def _coded(codes: Any, values: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.asarray(codes, dtype=np.int32)), pa.array([*values], pa.string()))


def _lists(wanted: Any, codes: Any, values: Sequence[str]) -> pa.Array:
    """A list of one text where it is wanted, an empty one elsewhere."""
    offsets = np.concatenate(([0], np.cumsum(wanted))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pc.take(pa.array([*values], pa.string()),
                                                               pa.array(np.asarray(codes)[wanted])))


def _table(table: Table, columns: Mapping[str, object], rows: int) -> pa.Table:
    """Every column of the store's table; those that are not given hold its empty value."""
    schema = arrow_schema(table)
    fields, arrays = [], []
    for column, field in zip(table.columns, schema, strict=True):
        value = columns.get(column.name, None if column.nullable else _EMPTY[column.kind])
        if isinstance(value, pa.Array):
            array = value
            if pa.types.is_dictionary(value.type):
                field = field.with_type(value.type)
            elif value.type != field.type:
                array = value.cast(field.type)
        elif value is None:
            array = pa.nulls(rows, field.type)
        elif field.type == pa.string():
            array = _coded(np.zeros(rows, dtype=np.int32), [str(value)])
            field = field.with_type(array.type)
        else:
            array = pa.repeat(pa.scalar(value, field.type), rows) if rows else pa.array([], field.type)
        fields.append(field)
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=schema.metadata))
