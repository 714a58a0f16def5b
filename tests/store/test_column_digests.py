"""Digests that are taken column by column are those that are taken row by row, of any rows at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings

from any_results import RESULTS
from probe.core.runs import RunResult
from probe.store.files.parquet import write_parquet
from probe.store.files.parquet_rows import read_parquet
from probe.store.row_codec import Row, rows_of
from probe.store.schema import COLUMNS_VERSION, TABLES
from probe.store.signing.canonical_rows import digest_rows
from probe.store.verification import column_digests, parquet_checks
from probe.store.verification.column_digests import digest_columns
from probe.store.verification.parquet_checks import check_parquet_day
from signed_runs import signed_days
from stored import a_result

pytest.importorskip("pyarrow")

OBSERVATIONS = TABLES["observations"]
TEXTS = ("", " ", "a,b", '"', '""', ",", "'", "=1", "a;=1", "\\", "\\e", "a\r\nb", "\t", "\x00", "\u202e", "\u2028",
         "😀", "\ufeff", "NaN", "1|2")


def made(*results: RunResult) -> list[Row]:
    return [row for result in results for row in rows_of(result, OBSERVATIONS)]


def both(rows: Sequence[Row], runs: dict[str, int]) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """What is found column by column, and row by row of each of the runs."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        with path.open("wb") as file:
            write_parquet(file, OBSERVATIONS, rows)
        back = list(read_parquet(path, OBSERVATIONS))
        return list(digest_columns(path, OBSERVATIONS, runs)), {
            run: digest_rows(OBSERVATIONS, version, [row for row in back if row["run_id"] == run])
            for run, version in runs.items() if any(row["run_id"] == run for row in back)}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(result=RESULTS)
def test_of_any_run(result: RunResult) -> None:
    rows = [{**row, "run_id": "r-a"} for row in made(result)]
    found, expected = both(rows, {"r-a": COLUMNS_VERSION})
    assert dict(found) == expected


@pytest.mark.parametrize("text", TEXTS)
def test_of_texts_that_csv_and_spreadsheets_treat_otherwise(text: str) -> None:
    found, expected = both(made(a_result("r-a", text=text)), {"r-a": COLUMNS_VERSION})
    assert dict(found) == expected


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 1000])
def test_runs_go_on_from_one_batch_to_the_next(monkeypatch: pytest.MonkeyPatch, rows_at_once: int) -> None:
    monkeypatch.setattr(column_digests, "_BATCH_ROWS", rows_at_once)
    runs = {"r-a": COLUMNS_VERSION, "r-c": 1, "r-none": 1}
    found, expected = both(made(*(a_result(f"r-{name}", text=name) for name in "abc")), runs)
    assert [run for run, _ in found] == ["r-a", "r-c"]  # of a run that nobody asks for, nothing
    assert dict(found) == expected


def test_rows_of_a_run_that_stand_apart_are_two_stretches() -> None:
    one, other = made(a_result("r-a")), made(a_result("r-b"))
    found, _ = both([*one[:1], *other, *one[1:]], {"r-a": COLUMNS_VERSION})
    assert [run for run, _ in found] == ["r-a", "r-a"]


@pytest.mark.parametrize(("number", "same"), [(0.5, True), (-0.5, False), (0.0, False), (-0.0, False), (None, False)])
def test_a_number_that_was_changed_is_another_digest(number: float | None, same: bool) -> None:
    first, *others = made(a_result("r-a"))
    before, _ = both([first, *others], {"r-a": COLUMNS_VERSION})
    found, expected = both([{**first, "clock_offset_s": number}, *others], {"r-a": COLUMNS_VERSION})
    assert dict(found) == expected
    assert (found == before) == same


def test_zero_and_minus_zero_in_one_column_stay_apart() -> None:
    rows = [{**row, "clock_offset_s": 0.0 if row["run_id"] == "r-a" else -0.0}
            for row in made(a_result("r-a"), a_result("r-b"))]
    found, expected = both(rows, {"r-a": COLUMNS_VERSION, "r-b": COLUMNS_VERSION})
    assert dict(found) == expected


@pytest.mark.parametrize("why", ["another digest", "an error"])
def test_nothing_is_damaged_that_reading_row_by_row_finds_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                why: str) -> None:
    signed_days(tmp_path, parquet=True)
    monkeypatch.setattr(column_digests, "_write", lambda value, column: 1 if why == "an error" else "x")
    with patch.object(parquet_checks, "_digest_rows", wraps=parquet_checks._digest_rows) as row_by_row:
        assert {check.state for check in check_parquet_day(tmp_path, "2017-05-04")} == {"signed"}
    assert row_by_row.call_count > 0
