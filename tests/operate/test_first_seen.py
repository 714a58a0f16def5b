"""Since when a collector knows a key: by its own clock, whatever times runs bear, and only in networks of its runs."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from probe.config.month_key import MonthKey
from probe.core.runs import RunResult
from probe.store.archive.compaction import compact_days
from probe.store.archive.vouched_names import FIRST_SEEN_FILE, read_vouched_names
from probe.store.runs.run_writer import write_run
from probe_operate.collect.collecting import collect_runs
from signed_runs import KEY, OTHER_KEY, named
from stored import a_result

TODAY = date(2026, 11, 20)


def send(folder: Path, run_id: str, *, key: MonthKey | None = KEY, asn: int = 64500) -> RunResult:
    """A run with a time of 2017."""
    result = a_result(run_id)
    result = replace(result, run=replace(result.run, vantage=replace(result.run.vantage, probe_asn=asn)))
    result = named(result, key=key) if key else result
    write_run(result, folder, parquet=False, signer=key)
    return result


def known(out: Path) -> dict[tuple[str, int], date]:
    record = read_vouched_names(out)
    return {key: told.since for key, told in record.names.items()} if record else {}


def test_a_key_is_known_since_it_came_in_the_networks_of_its_runs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    send(tmp_path / "in", "r-a")
    collect_runs([tmp_path / "in"], out, today=TODAY)
    send(tmp_path / "in", "r-b", asn=64501)
    send(tmp_path / "in", "r-c", key=OTHER_KEY)
    for day in (1, 2):
        collect_runs([tmp_path / "in"], out, today=TODAY + timedelta(days=day))
    later = TODAY + timedelta(days=1)
    assert known(out) == {(KEY.name, 64500): TODAY, (KEY.name, 64501): later, (OTHER_KEY.name, 64500): later}
    record = read_vouched_names(out)
    assert record is not None
    assert [record.speaks_of(TODAY + timedelta(days=day)) for day in (2, 3)] == [False, True]


@pytest.mark.parametrize("how", ["unsigned", "nowhere", "refused"])
def test_what_nobody_signed_or_nobody_took_makes_nobody_known(tmp_path: Path, how: str) -> None:
    """A run of no network would make its name known in all of them."""
    send(tmp_path / "in", "r-a", key=None if how == "unsigned" else KEY, asn=0 if how == "nowhere" else 64500)
    if how == "refused":
        (path,) = (tmp_path / "in" / "runs").rglob("*.csv")
        path.write_bytes(path.read_bytes().replace(b"64500", b"64501"))
    collect_runs([tmp_path / "in"], tmp_path / "out", today=TODAY)
    assert known(tmp_path / "out") == {}


@pytest.mark.parametrize("merged", [False, True])
def test_a_data_set_without_a_record_is_as_old_as_its_files(tmp_path: Path, merged: bool) -> None:
    out = tmp_path / "out"
    send(tmp_path / "in", "r-a")
    collect_runs([tmp_path / "in"], out, today=TODAY)
    (out / FIRST_SEEN_FILE).unlink()
    if merged:
        compact_days(out, today=TODAY)
    written = datetime(2026, 11, 1, 12, tzinfo=UTC)
    for path in (out / "runs").rglob("*"):
        os.utime(path, (written.timestamp(), written.timestamp()))
    send(tmp_path / "in", "r-b", asn=64501)
    collect_runs([tmp_path / "in"], out, today=TODAY)
    assert known(out) == {(KEY.name, 64500): written.date(), (KEY.name, 64501): TODAY}


def test_whoever_gathers_the_data_goes_before(tmp_path: Path) -> None:
    send(tmp_path / "in", "r-a")
    collect_runs([tmp_path / "in"], tmp_path / "out", today=TODAY)
    (tmp_path / "out" / "vouched.csv").write_text(f"probe_id,since,asn,prefix\r\n{KEY.name},2026-02-01,,\r\n")
    assert known(tmp_path / "out") == {(KEY.name, 0): date(2026, 2, 1)}
