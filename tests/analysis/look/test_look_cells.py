"""`probe look` reads cells of many row groups."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from probe_analysis.look.look_sources import read_role_cells

SUMMED = ("n", "ok", "blocked", "down", "inconclusive", "network", "local")


def test_row_groups_that_know_other_words_are_summed_together(tmp_path: Path) -> None:
    services = ["whatsapp", "whatsapp", "signal", "whatsapp"]
    numbers = {name: [1] * 4 for name in ("probe_asn", *SUMMED, "witnesses", "cell_start")}
    rows = pa.table({"level": ["role"] * 4, "probe_cc": ["RU"] * 4, "service": services, "role": ["chat"] * 4,
                     "standing": ["established", "", "fresh", "established"], **numbers})
    path = tmp_path / "cells.parquet"
    pq.write_table(rows, path, row_group_size=1)
    sums = read_role_cells(path).group_by(["service", "standing"]).aggregate([("n", "sum")])
    assert {(row["service"], row["standing"]): row["n_sum"] for row in sums.to_pylist()} == {
        ("whatsapp", "established"): 2, ("whatsapp", ""): 1, ("signal", "fresh"): 1}
