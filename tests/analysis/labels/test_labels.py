"""Statements of others beside stored probabilities: the format, what they are about, and what is said of them."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from probe.core.runs import Run, RunResult, Vantage
from probe.core.stamps import format_time
from probe.core.verdicts import Verdict
from probe.store.runs.run_writer import write_run
from probe_analysis.cli.labels import labels
from probe_analysis.labels.label_table import COLUMNS, LabelError, read_labels

HEAD = ",".join(COLUMNS)
START = datetime(2026, 3, 1, 6, tzinfo=UTC)
ORDER = "2026-03-01,2026-03-02,RU,,signal,blocked,legal_order,https://example.org/order"


def write_runs(folder: Path, p_blocked: list[float | None], *, asn: int = 64500, service: str = "signal",
               lab: bool = False) -> Path:
    """One run a day with one verdict of this probability."""
    for number, p in enumerate(p_blocked):
        start = START + timedelta(days=number)
        none = None if p is None else 0.0
        verdict = Verdict(target_id=f"{service}-web", service=service, role="web", input="https://example.org/",
                          outcome="inconclusive", block_type="inconclusive.unplaced", p_blocked=p,
                          p_service=None if p is None else 1 - p, p_ok=none, p_network=none, p_local=none)
        run_id = f"{start:%Y%m%dT%H%M%SZ}_{asn:06x}{len(service):02x}"
        run = Run(run_id=run_id, measurement_start_time=format_time(start),
                  measurement_end_time=format_time(start + timedelta(seconds=30)),
                  vantage=Vantage(probe_cc="RU", probe_asn=asn, consent_level=1, lab=lab))
        write_run(RunResult(run=run, observations=(), controls=(), verdicts=(verdict,), services=()), folder,
                  parquet=False)
    return folder


def score(folder: Path, *rows: str, lab: bool = False) -> dict[str, Any]:
    """What the command says as JSON."""
    file = folder / "labels.csv"
    file.write_text("\n".join((HEAD, *rows)) + "\n", encoding="utf-8")
    words = [str(folder / "results"), "--stated", str(file), "--json", *(["--lab"] if lab else [])]
    found = CliRunner().invoke(labels, words)
    assert found.exit_code == 0, found.output
    said: dict[str, Any] = json.loads(found.output)
    return said


def test_a_statement_scores_the_rows_of_its_days_only(tmp_path: Path) -> None:
    write_runs(tmp_path / "results", [0.9, 0.7, 0.2])
    (whole, of_kind) = score(tmp_path, ORDER)["scores"]
    assert of_kind["kind"] == "legal_order"
    assert (whole["labels"], whole["cells"]) == (1, 2)
    assert whole["foretold"] == pytest.approx(0.8)
    assert whole["brier"] == pytest.approx((0.1 ** 2 + 0.3 ** 2) / 2)
    assert whole["log_score"] == pytest.approx((math.log(0.9) + math.log(0.7)) / 2)
    assert [(one["said"], one["true"], one["cells"]) for one in whole["diagram"]] == [(0.7, 1, 1), (0.9, 1, 1)]


@pytest.mark.parametrize(("row", "cells"), [
    (ORDER, 2),
    (ORDER.replace("RU,,", "RU,AS64500,"), 2),
    (ORDER.replace("RU,,", "RU,64501,"), 0),
    (ORDER.replace("RU", "DE"), 0),
    (ORDER.replace("signal", "telegram"), 0),
    (ORDER.replace("2026-03-01,", "2026-03-02,"), 1),
])
def test_a_statement_is_about_its_place_and_service(row: str, cells: int, tmp_path: Path) -> None:
    write_runs(tmp_path / "results", [0.9, 0.7, 0.2])
    scores = score(tmp_path, row)["scores"]
    assert (scores[0]["cells"] if scores else 0) == cells


def test_each_cause_is_scored_by_its_own_column(tmp_path: Path) -> None:
    write_runs(tmp_path / "results", [0.25])
    whole, *_ = score(tmp_path, ORDER.replace("blocked", "service").replace("legal_order", "operator"))["scores"]
    assert whole["foretold"] == pytest.approx(0.75)
    assert whole["brier"] == pytest.approx(0.25 ** 2)


def test_rows_that_agree_count_once_and_contradictions_not_at_all(tmp_path: Path) -> None:
    write_runs(tmp_path / "results", [0.9, 0.7])
    outage = "2026-03-02,2026-03-02,RU,,signal,network,outage,https://example.org/cable"
    said = score(tmp_path, ORDER, ORDER, outage)
    assert said["disputed"] == 1
    assert said["scores"][0]["cells"] == 1


def test_many_probes_of_one_network_are_one_cell(tmp_path: Path) -> None:
    write_runs(tmp_path / "results", [0.9])
    write_runs(tmp_path / "results", [0.5], service="telegram")
    write_runs(tmp_path / "results", [0.1], asn=64501)
    whole, *_ = score(tmp_path, ORDER)["scores"]
    assert whole["cells"] == 2
    assert whole["foretold"] == pytest.approx(0.5)


@pytest.mark.parametrize("lab", [False, True])
def test_rows_of_the_laboratory_never_meet_the_worlds(lab: bool, tmp_path: Path) -> None:
    write_runs(tmp_path / "results", [0.9], lab=True)
    assert bool(score(tmp_path, ORDER, lab=lab)["scores"]) is lab


def test_rows_from_before_the_columns_are_left_out(tmp_path: Path) -> None:
    write_runs(tmp_path / "results", [None, 0.5])
    assert score(tmp_path, ORDER)["cells"] == 1


@pytest.mark.parametrize(("row", "line"), [
    ("2026-03-01,2026-02-01,RU,,signal,blocked,legal_order,x", 2),
    ("yesterday,2026-02-01,RU,,signal,blocked,legal_order,x", 2),
    ("2026-03-01,2099-03-01,RU,,signal,blocked,legal_order,x", 2),
    ("2026-03-01,2026-03-01,Russia,,signal,blocked,legal_order,x", 2),
    ("2026-03-01,2026-03-01,RU,AS99999999999,signal,blocked,legal_order,x", 2),
    ("2026-03-01,2026-03-01,RU,,,blocked,legal_order,x", 2),
    ("2026-03-01,2026-03-01,RU,,signal,censored,legal_order,x", 2),
    ("2026-03-01,2026-03-01,RU,,signal,blocked,rumour,x", 2),
    (f"{ORDER}\n2026-03-01,2026-03-01,RU,,signal,blocked,legal_order,", 3),
])
def test_what_is_wrong_is_refused_with_its_line(row: str, line: int) -> None:
    with pytest.raises(LabelError, match=rf"^line {line}: "):
        read_labels(f"{HEAD}\n{row}\n".encode())


def test_columns_may_stand_in_any_order_beside_others() -> None:
    names = ["note", *reversed(COLUMNS)]
    cells = ["x", *reversed(ORDER.split(","))]
    (label,) = read_labels(f"\ufeff{','.join(names)}\n{','.join(cells)}\n".encode())
    assert (label.first_day, label.asn, label.cause) == (date(2026, 3, 1), None, "blocked")


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: f"{HEAD}\n{text}\n".encode()))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(LabelError):
        assert isinstance(read_labels(raw), tuple)
