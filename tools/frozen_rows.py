"""Rows of what the program says of stored data today: verdicts, services, events; each with a digest. `tools/same.py`
compares them with the stored ones.

The data are observations of the laboratory's scenarios, the examples, imported measurements, a made-up fleet, and
counts of others.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from probe.catalogue.load import load_catalogue
from probe.catalogue.types import Catalogue
from probe.cli.main import cli
from probe.core.runs import RunResult
from probe.session.run_verdicts import judge_stored_run
from probe.store.runs.run_reader import read_runs
from probe_analysis.imported.judging import judge_imported_run

ROOT = Path(__file__).resolve().parent.parent
LABORATORY = ROOT / "tests" / "frozen" / "laboratory.tar.xz"
"""SCENARIO/TABLE/date=.../RUN.csv of every scenario."""
EXAMPLES = ("may-2017", "national-block", "telegram-partial")
IMPORTED = ROOT / "analysis" / "probe_analysis" / "examples" / "ooni-measurements.jsonl.gz"
SMALL_SOURCES = ("counts", "imported", *EXAMPLES)
FLEET = ("--rows", "200000", "--days", "40", "--seed", "7")
COUNTED_DAYS = 40
ODDS = frozenset({"p_ok", "p_blocked", "p_service", "p_network", "p_local", "if_blocked", "would_decide"})
"""Columns that are no part of the digest: each new fit changes them a little. A test works them out again."""
PROCESSES = 2


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class FrozenRow:
    """One row of what is compared: whence, which, what it says in words, and a digest of all that it says."""

    source: str
    table: str
    key: str
    words: str
    digest: str


def make_row(source: str, table: str, key: str, words: str, content: Mapping[str, Any]) -> FrozenRow:
    """A row whose digest leaves out what is empty: a column that is added and empty changes nothing."""
    said = {name: value for name, value in content.items() if value not in ("", None, 0, (), [], {}, False)}
    text = json.dumps(said, sort_keys=True, default=str)
    return FrozenRow(source=source, table=table, key=key, words=" ".join(words.split()),
                     digest=hashlib.sha256(text.encode()).hexdigest()[:12])


def is_of_part(source: str) -> bool:
    """Whether the rows of a source belong to the part that is judged again most often: a fixed quarter of the
    scenarios, and the small sources."""
    return source in SMALL_SOURCES or (source.startswith("laboratory/") and zlib.crc32(source.encode()) % 4 == 0)


def judge_all(*, part: bool = False) -> list[FrozenRow]:
    """Every row, or those of the part, sorted; half a minute on two processors."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with tarfile.open(LABORATORY) as packed:
            packed.extractall(folder / "laboratory", filter="data")
        scenarios = [path for path in sorted((folder / "laboratory").iterdir())
                     if not part or is_of_part(f"laboratory/{path.name}")]
        with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=os.chdir,
                                 initargs=(ROOT,)) as processes:
            analysed = [processes.submit(_analyse_source, name, folder / name)
                        for name in (*(() if part else ("fleet",)), *SMALL_SOURCES)]
            judged = processes.map(_judge_scenario, scenarios, chunksize=8)
            rows = [row for part in judged for row in part]
            rows += [row for future in analysed for row in future.result()]
    return sorted(rows)


def _judge_scenario(folder: Path) -> list[FrozenRow]:
    return list(_judge_folder(f"laboratory/{folder.name}", folder))


def _judge_folder(source: str, folder: Path, *, imported: bool = False) -> Iterator[FrozenRow]:
    """Today's verdicts of the runs in a results folder."""
    for number, result in enumerate(read_runs(folder)):
        yield from _judge_run(source, f"{number} " if number else "", result, imported=imported)


def _judge_run(source: str, prefix: str, result: RunResult, *, imported: bool) -> Iterator[FrozenRow]:
    verdicts, services = judge_imported_run(result) if imported else judge_stored_run(result, _catalogue())
    for verdict in verdicts:
        cause = verdict.block_type or verdict.suspected
        yield make_row(source, "verdicts", f"{prefix}{verdict.target_id} {verdict.input}",
                       f"{verdict.outcome} {cause} {verdict.rule_id}",
                       {name: value for name, value in asdict(verdict).items() if name not in ODDS})
    for service in services:
        yield make_row(source, "services", f"{prefix}{service.service} {service.role}",
                       f"{service.outcome} {service.k}/{service.n}", asdict(service))


@cache
def _catalogue() -> Catalogue:
    return load_catalogue(search=False)


def _analyse_source(name: str, folder: Path) -> list[FrozenRow]:
    """The cells, populations and events of one of the sources; of runs also today's verdicts."""
    results = {"fleet": _make_fleet, "counts": _make_counts, "imported": _import_ooni}.get(name, _copy_example)(folder)
    judged = [] if name in ("fleet", "counts") else list(_judge_folder(name, results, imported=name == "imported"))
    out = folder.with_name(f"{name}-analysed")
    flags = [] if name in ("counts", "imported") else ["--lab"]
    found = json.loads(_call("analyse", str(results), "-o", str(out), "--json", *flags))
    return [*judged, *_list_found(name, found), _digest_cells(name, out / "cells.parquet")]


def _list_found(source: str, found: Mapping[str, Any]) -> Iterator[FrozenRow]:
    for event in found["events"] or ():
        yield make_row(source, "events", event["id"], f"{event['kind']} {event['status']} {event['mechanism']}", event)
    for table in ("dismissed", "flaky", "population", "slowed"):
        for row in found[table] or ():
            words = row.get("explained_by") or f"{row.get('outcome', '')} {row.get('block_type', '')}"
            parts = (row.get(part, "") for part in ("cc", "probe_cc", "probe_asn", "service", "target_id", "onset"))
            yield make_row(source, table, " ".join(" ".join(map(str, parts)).split()), words, row)


def _digest_cells(source: str, path: Path) -> FrozenRow:
    import pyarrow.parquet as pq

    rows = [json.dumps(row, sort_keys=True, default=str) for row in pq.read_table(path).to_pylist()]
    return make_row(source, "cells", "all", f"{len(rows)} rows", {"rows": sorted(rows)})


def _call(*arguments: str) -> str:
    """What a command of the program prints. Raises RuntimeError with its message where it fails."""
    done = CliRunner().invoke(cli, arguments)
    if done.exit_code:
        raise RuntimeError(f"probe {' '.join(arguments)}: {done.output}") from done.exception
    return done.stdout


def _make_fleet(folder: Path) -> Path:
    _call("fleet", "simulate", *FLEET, "-o", str(folder))
    return folder


def _import_ooni(folder: Path) -> Path:
    _call("import", "ooni", str(IMPORTED), "-o", str(folder))
    return folder


def _copy_example(folder: Path) -> Path:
    _call("example", folder.name, "-o", str(folder))
    return folder


def _make_counts(folder: Path) -> Path:
    """Counts as another project makes them: two networks of three are struck each day at the same hours."""
    folder.mkdir()
    path = folder / "counts.csv"
    dice, begin = random.Random(11), datetime(2025, 5, 1, tzinfo=UTC)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("time", "network", "target", "n", "failed"))
        for hour in range(COUNTED_DAYS * 24):
            at = begin + timedelta(hours=hour)
            for network in ("KE-AS64501", "KE-AS64502", "KE-AS64503", "UG-AS64511"):
                struck = 15 <= hour // 24 < 24 and 4 <= at.hour < 13 and network in ("KE-AS64501", "KE-AS64502")
                n = dice.randrange(6, 12)
                failed = sum(dice.random() < (0.9 if struck else 0.02) for _ in range(n))
                writer.writerow((at.strftime("%Y-%m-%dT%H:%M:%SZ"), network, "https://telegram.example/", n, failed))
    return path
