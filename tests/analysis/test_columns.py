"""The same series come out of a cell table, whoever holds it and in whatever order its rows are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from made_cells import quiet, struck
from probe_analysis.events import cell_columns, ordered_cells
from probe_analysis.events.cell_columns import CellsError, ParquetColumns, cell_numbers, encode_column, gather
from probe_analysis.events.cell_series import HOUR, CellTable
from probe_analysis.events.series_reading import read_cells


def said(cells: CellTable) -> Any:
    """Everything in them that can be compared."""
    series = [(each.place, each.service, each.role, each.target_id, each.times.tolist(), each.blocked.tolist(),
               each.decided.tolist(), each.witnesses.tolist(), each.confirmed.tolist(),
               [cells.block_types[code] if code >= 0 else None for code in each.types]) for each in cells.series]
    volumes = [(each.place, each.times.tolist(), each.cut.tolist(), each.measured.tolist(), each.witnesses.tolist())
               for each in cells.volumes]
    return series, volumes, cells.first, cells.last


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    table = struck(quiet(60), range(20, 30))
    whole = table.assign(level="service", role="")
    return pd.concat([table, whole], ignore_index=True)


def test_whoever_holds_the_table(frame: pd.DataFrame, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "cells.parquet", row_group_size=700)
    held = {
        "frame": frame, "categories": frame.astype({"service": "category", "probe_cc": "category"}),
        "arrow": pa.Table.from_pandas(frame), "file": ParquetColumns(tmp_path / "cells.parquet"),
        "mapping": {name: frame[name].to_numpy() for name in frame.columns},
        "shuffled": frame.sample(frac=1, random_state=5),
    }
    expected = said(read_cells(frame))
    assert len(expected[0]) == len(frame) / 60 / 2  # whole services only where there is nothing finer
    for name, table in held.items():
        assert said(read_cells(table)) == expected, name


def test_however_many_keys_there_are(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = said(read_cells(frame))
    monkeypatch.setattr(ordered_cells, "_FEW_KEYS", 0)
    assert said(read_cells(frame)) == expected
    monkeypatch.setattr(ordered_cells, "_MOST_SMALL", 0)
    assert said(read_cells(frame)) == expected


def test_a_network_that_stops_most_is_cut_whatever_else_was_measured(frame: pd.DataFrame) -> None:
    rng = np.random.default_rng(3)
    told = frame.assign(**{name: rng.integers(0, most, len(frame))
                           for name, most in (("network", 16), ("local", 4), ("down", 4))})
    beside = told["ok"] + told["blocked"] + told["down"] + told["local"] + told["inconclusive"]
    cut = ordered_cells.find_cut(told)
    assert cut.tolist() == (told["network"] > beside).tolist()
    assert cut.any()
    assert not cut.all()


@pytest.mark.parametrize("values", [[], [5], [0, 255, 7], [-3, 40_000, 2], [-(1 << 62), 1 << 62, 0], [9, 9, 9],
                                    [480_000, 480_300, 480_001]],
                         ids=str)
def test_values_are_gathered_as_they_are(values: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_columns, "_MANY", 1)
    at = np.array([*range(len(values)), *range(len(values))][::-1], dtype=np.int64)
    found = gather(np.array(values, dtype=np.int64), at)
    assert found.dtype == np.int64
    assert found.tolist() == [values[number] for number in at]


def test_what_is_not_in_the_file_is_missing(frame: pd.DataFrame, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(frame.drop(columns="role")), tmp_path / "cells.parquet")
    columns = ParquetColumns(tmp_path / "cells.parquet")
    assert "role" not in columns
    assert len(columns) == len(frame.columns) - 1
    with pytest.raises(CellsError, match="lacks role"):
        read_cells(columns)


def test_a_cell_that_comes_twice_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(CellsError, match="occurs twice"):
        read_cells(pd.concat([frame, frame.tail(1)]))


def test_values_are_numbered_in_their_order_and_empty_ones_not_at_all() -> None:
    table = pa.table({"word": pa.chunked_array([["b", None], ["a", "b"]])})
    found = encode_column(table, "word")
    assert found.names == ("a", "b")
    assert found.codes.tolist() == [1, -1, 0, 1]
    assert encode_column(table, "word", empty="").names == ("", "a", "b")
    assert encode_column(table.slice(0, 0), "word").codes.tolist() == []


@pytest.mark.parametrize("stamps", [
    ["1970-01-01T05:30:00Z", "1970-01-02T00:00:00Z"],
    pd.to_datetime(["1970-01-01T07:30:00+02:00", "1970-01-02T02:00:00+02:00"]),
    np.array(["1970-01-01T05:30:00", "1970-01-02T00:00:00"], dtype="datetime64[ms]"),
])
def test_times_become_numbers_of_cells(stamps: Any) -> None:
    assert cell_numbers({"cell_start": stamps}, "cell_start", HOUR).tolist() == [5, 24]


def test_a_time_that_is_empty_is_refused() -> None:
    with pytest.raises(CellsError, match="empty"):
        cell_numbers({"t": pa.array([None, 5], pa.timestamp("s"))}, "t", HOUR)


def test_a_version_that_was_not_told_is_one_of_its_own(frame: pd.DataFrame) -> None:
    table = frame[:4].assign(software_version=["1.0", None, "2.0", "2.0"], catalogue_version=["a", "a", None, "b"])
    cells = read_cells(table)
    told = [cells.version_names[code] for code in cells.series[0].versions]
    assert told == ["1.0 a", " a", "2.0 ", "2.0 b"]
