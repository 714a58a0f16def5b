"""Cells that are kept in order: what is read is the same with them and without them, whatever became of the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from probe_analysis.cells.failure_layers import FAILED
from probe_analysis.cells.file_names import CELLS_FILE, DAYS_FOLDER
from probe_analysis.day_cache.day_cache import KNOWN_FILE
from probe_analysis.events import kept_cells
from probe_analysis.events.cell_columns import ParquetColumns
from probe_analysis.events.cell_series import HOUR
from probe_analysis.events.joined_cells import join_cells, part_before
from probe_analysis.events.kept_cells import KEPT_FOLDER, read_kept_cells
from probe_analysis.events.ordered_cells import OrderedCells, order_cells

HOURS = 24 * 8
_START = pd.Timestamp("2026-03-01", tz="UTC")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_cells, "_LEAST_ROWS", 0)


def made(hours: range, *, seed: int = 4, networks: tuple[int, ...] = (5, 7)) -> pd.DataFrame:
    """Cells of these hours, in order of time."""
    rng = np.random.default_rng(seed)
    rows = [(hour, asn, level, "mail", "" if level == "service" else "api", "mail.api.a" if level == "target" else "")
            for hour in hours for asn in networks for level in ("target", "role", "service") if rng.random() < 0.9]
    frame = pd.DataFrame(rows, columns=["hour", "probe_asn", "level", "service", "role", "target_id"])
    frame = frame.assign(lab=False, probe_cc="IR", cell_start=_START + pd.to_timedelta(frame.pop("hour"), unit="h"))
    for name in ("ok", "blocked", "down", "inconclusive", "network", "local", "witnesses", "confirmed", *FAILED):
        frame[name] = rng.integers(0, 4, len(frame))
    for name, words in (("block_type", ["", "tls.reset"]), ("failure_type", ["", "dns.forged", "tls.reset"]),
                        ("standing", ["unknown", "established"]), ("hellos", ["", "0123456789abcdef"]),
                        ("struck_hellos", [""])):
        frame[name] = rng.choice(words, len(frame))
    return frame


def write(folder: Path, frame: pd.DataFrame) -> None:
    (folder / DAYS_FOLDER).mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / CELLS_FILE, row_group_size=100)


def kept_in(folder: Path) -> list[Path]:
    """The files of columns that are kept."""
    return list((folder / DAYS_FOLDER / KEPT_FOLDER).glob("*.arrow"))


def read(folder: Path, step: timedelta = HOUR) -> OrderedCells:
    return read_kept_cells(folder, folder / CELLS_FILE, step)


def said(cells: OrderedCells) -> Any:
    return (cells.heads, cells.bounds.tolist(), cells.time.tolist(),
            {name: counts.tolist() for name, counts in cells.counts.items()},
            {name: (column.names, column.codes.tolist()) for name, column in cells.words.items()})


def anew(folder: Path, step: timedelta = HOUR) -> OrderedCells:
    return order_cells(ParquetColumns(folder / CELLS_FILE), step)


def late(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(blocked=frame["blocked"].where(frame.index != 30, 9))


CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "nothing": lambda frame: frame,
    "an hour more": lambda frame: pd.concat([frame, made(range(HOURS, HOURS + 1))]),
    "a day with new words and a new network": lambda frame: pd.concat([
        frame, made(range(HOURS, HOURS + 24), networks=(5, 6, 9)).assign(block_type="a.new", failure_type="zz")]),
    "late runs of an old day": late,
    "late runs and an hour more": lambda frame: pd.concat([late(frame), made(range(HOURS, HOURS + 1))]),
    "late runs of today": lambda frame: frame.assign(ok=frame["ok"].where(frame.index < len(frame) - 20, 8)),
    "a withdrawn run of an old day": lambda frame: frame.drop(index=[12, 13]),
    "a withdrawn network": lambda frame: frame[frame["probe_asn"] != 7],
    "withdrawn words of today": lambda frame: frame[frame["standing"] != "odd"],
    "half of the time": lambda frame: frame[: len(frame) // 2],
    "out of order": lambda frame: frame.sample(frac=1, random_state=2),
    "another column": lambda frame: frame.assign(software_version="2"),
    "a column less": lambda frame: frame.drop(columns="standing"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_kept_changes_nothing(change: str, tmp_path: Path) -> None:
    before = made(range(HOURS))
    before.loc[before.index[-9:], "standing"] = "odd"
    write(tmp_path, before)
    assert said(read(tmp_path)) == said(anew(tmp_path))
    assert len(kept_in(tmp_path)) == 1
    write(tmp_path, CHANGES[change](before))
    for _ in range(2):
        assert said(read(tmp_path)) == said(anew(tmp_path))


def test_what_is_kept_is_not_put_in_order_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, made(range(HOURS)))
    read(tmp_path)
    write(tmp_path, pd.concat([made(range(HOURS)), made(range(HOURS, HOURS + 1))]))
    ordered: list[int] = []

    def counted(table: Any, step: timedelta) -> OrderedCells:
        found = order_cells(table, step)
        ordered.append(len(found.time))
        return found

    monkeypatch.setattr(kept_cells, "order_cells", counted)
    cells = read(tmp_path)
    assert len(ordered) == 1
    assert 0 < ordered[0] < len(cells.time) / 2


def test_it_is_renewed_only_where_much_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_cells, "_LEAST_ROWS", 500)
    write(tmp_path, made(range(24)))
    read(tmp_path)
    assert not kept_in(tmp_path)
    names = []
    for hours in (HOURS, HOURS + 1, 2 * HOURS):
        write(tmp_path, pd.concat([made(range(HOURS)), *([made(range(HOURS, hours))] if hours > HOURS else [])]))
        assert said(read(tmp_path)) == said(anew(tmp_path))
        names.append(kept_in(tmp_path))
    assert names[0] == names[1] != names[2]
    assert [len(each) for each in names] == [1, 1, 1]


def test_an_hour_may_have_more_cells_than_a_group(tmp_path: Path) -> None:
    many = made(range(6 * 24, 6 * 24 + 80), networks=tuple(range(100, 160)))
    few = made(range(6 * 24))
    for frame in (pd.concat([few, many]), pd.concat([few, many, made(range(6 * 24 + 80, 6 * 24 + 90))])):
        write(tmp_path, frame)
        assert said(read(tmp_path)) == said(anew(tmp_path))


def test_another_step_is_read_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, made(range(HOURS)))
    read(tmp_path)
    whole = made(range(0, HOURS * 24, 24))
    write(tmp_path, whole)
    for step in (timedelta(days=1), HOUR, timedelta(days=1)):
        assert said(read(tmp_path, step)) == said(anew(tmp_path, step))


def test_without_a_folder_of_days_nothing_is_kept(tmp_path: Path) -> None:
    write(tmp_path, made(range(HOURS)))
    (tmp_path / DAYS_FOLDER).rmdir()
    assert said(read(tmp_path)) == said(anew(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [CELLS_FILE]


def resaid(kept: Path, **changes: Any) -> None:
    """Writes what is kept with other words about it."""
    known = kept.parent / KNOWN_FILE
    told = json.loads(known.read_bytes())
    [day] = told["days"].values()
    day.update({name: change(day[name]) for name, change in changes.items()})
    known.write_text(json.dumps(told))


def without_column(kept: Path) -> None:
    with pa.ipc.open_file(str(kept)) as reader:
        table = reader.read_all()
    with pa.ipc.new_file(str(kept), table.drop_columns("time").schema) as writer:
        writer.write_table(table.drop_columns("time"))
    resaid(kept, size=lambda _: kept.stat().st_size)


def as_folder(kept: Path) -> None:
    kept.unlink()
    kept.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda kept: kept.write_bytes(b""),
    "torn": lambda kept: kept.write_bytes(kept.read_bytes()[:-40]),
    "garbage": lambda kept: kept.write_bytes(b"\x80\x04cos\nsystem\n" * 30),
    "garbage of its size": lambda kept: kept.write_bytes(b"\x80" * kept.stat().st_size),
    "of other cells": lambda kept: resaid(kept, key=lambda _: "0" * 64),
    "of no size": lambda kept: resaid(kept, size=lambda _: -1),
    "of another format": lambda kept: (kept.parent / KNOWN_FILE).write_text('{"format":6,"days":{}}'),
    "a torn list": lambda kept: (kept.parent / KNOWN_FILE).write_bytes((kept.parent / KNOWN_FILE).read_bytes()[:-9]),
    "no groups": lambda kept: resaid(kept, groups=lambda _: 0),
    "too many groups": lambda kept: resaid(kept, groups=lambda _: 10**9),
    "no number of groups": lambda kept: resaid(kept, groups=lambda _: None),
    "too late": lambda kept: resaid(kept, until=lambda until: until - 5),
    "too early": lambda kept: resaid(kept, until=lambda until: until + 5),
    "shifted": lambda kept: resaid(kept, first=lambda first: first + 10**6),
    "bounds outside": lambda kept: resaid(kept, bounds=lambda bounds: [*bounds[:-1], bounds[-1] + 1]),
    "bounds of no number": lambda kept: resaid(kept, bounds=lambda bounds: [*bounds[:-1], 1 << 70]),
    "bounds that fall": lambda kept: resaid(kept, bounds=lambda bounds: [0, *bounds[-2:0:-1], bounds[-1]]),
    "heads out of order": lambda kept: resaid(kept, heads=lambda heads: heads[::-1]),
    "a head less": lambda kept: resaid(kept, heads=lambda heads: heads[1:]),
    "heads of nothing": lambda kept: resaid(kept, heads=lambda heads: [[] for _ in heads]),
    "names out of order": lambda kept: resaid(kept, names=lambda names: {k: v[::-1] for k, v in names.items()}),
    "a name less": lambda kept: resaid(kept, names=lambda names: {k: v[1:] for k, v in names.items()}),
    "words of nothing": lambda kept: resaid(kept, names=lambda names: {**names, "more": []}),
    "no column": without_column,
    "a folder": as_folder,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_left_alone_and_made_again(damage: str, tmp_path: Path) -> None:
    write(tmp_path, made(range(HOURS)))
    read(tmp_path)
    DAMAGES[damage](*kept_in(tmp_path))
    assert said(read(tmp_path)) == said(anew(tmp_path))


def test_another_program_keeps_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_cells, "_LEAST_ROWS", 500)
    write(tmp_path, made(range(HOURS)))
    read(tmp_path)
    before = kept_in(tmp_path)
    read(tmp_path)
    assert kept_in(tmp_path) == before
    monkeypatch.setattr(kept_cells, "digest_code", lambda *_, **__: "another")
    (tmp_path / DAYS_FOLDER / "ordered.arrow").touch()
    assert said(read(tmp_path)) == said(anew(tmp_path))
    assert kept_in(tmp_path) != before
    assert not (tmp_path / DAYS_FOLDER / "ordered.arrow").exists(), "of older versions"


@pytest.mark.parametrize("hour", [0, 1, 50, HOURS - 1, HOURS])
def test_cells_that_are_parted_and_joined_are_as_they_were(hour: int) -> None:
    frame = made(range(HOURS))
    whole = order_cells(frame, HOUR)
    until = int(whole.time.min()) + hour
    older, newer = part_before(whole, until), frame[frame["cell_start"] >= _START + pd.Timedelta(hours=hour)]
    assert said(older) == said(order_cells(frame.drop(newer.index), HOUR)) or hour == 0
    if 0 < hour < HOURS:
        assert said(join_cells(older, order_cells(newer, HOUR))) == said(whole)


def test_parts_of_different_tables_are_not_joined() -> None:
    cells = order_cells(made(range(10)), HOUR)
    with pytest.raises(ValueError, match="columns"):
        join_cells(cells, order_cells(made(range(10, 20)).drop(columns="standing"), HOUR))
