"""OONI's table of analysis (`analysis_web_measurement`) as counts: what its scores say of each measurement.

A row is one measurement of a domain, with a score for `blocked`, `down` and `ok` in each of three layers. It failed
where in one of them `blocked` is above both others. Where none is blocked and one is down, or no score is given, it is
undecided and in no count. A measurement that comes twice counts once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_LAYERS: Final = ("dns", "tcp", "tls")
_WORDS: Final = ("blocked", "down", "ok")
SCORES: Final = tuple(f"{layer}_{word}" for layer in _LAYERS for word in _WORDS)
FRAME: Final = ("measurement_uid", "measurement_start_time", "probe_cc", "probe_asn", "domain")
COLUMNS: Final = (*FRAME, *SCORES)
"""What is read of it; by these columns such a table is known."""
_TIME = "measurement_start_time"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnalysedCounts:
    """What the rows say."""

    columns: dict[str, pa.ChunkedArray]
    """`time`, `network`, `target`, `n` and `failed` as texts: a row for each hour, network and domain."""
    lines: NDArray[np.int64]
    """Line of the first measurement of each row, from 1."""
    undecided: tuple[int, int]
    """Measurements in no count, and the line of the first; 0 where there is none."""


def is_analysis(header: Iterable[str]) -> bool:
    """Whether a table with these columns is one of OONI's analysis."""
    return set(COLUMNS) <= set(header)


def count_analysis(columns: dict[str, pa.ChunkedArray], lines: NDArray[np.int64]) -> AnalysedCounts:
    """The rows of an analysis, all columns as texts, counted by hour, network and domain."""
    texts = {name: pc.utf8_trim_whitespace(pc.fill_null(columns[name], "")) for name in FRAME}
    failed, decided = _judge(columns)
    hours = pc.utf8_slice_codeunits(pc.replace_substring(texts[_TIME], " ", "T"), 0, 13)
    network = pc.binary_join_element_wise(texts["probe_cc"], texts["probe_asn"], "-AS")
    table = pa.table({
        "uid": texts["measurement_uid"], "time": pc.binary_join_element_wise(hours, ":00:00Z", ""), "network": network,
        "target": texts["domain"], "n": decided.astype(np.int64), "failed": failed.astype(np.int64), "line": lines})
    once = table.group_by(["uid", "time", "network", "target"], use_threads=False).aggregate(
        [("n", "max"), ("failed", "max"), ("line", "min")])
    judged = once.filter(pc.greater(once["n_max"], 0))
    cells = judged.group_by(["time", "network", "target"], use_threads=False).aggregate(
        [("n_max", "sum"), ("failed_max", "sum"), ("line_min", "min")])
    open_lines = once.filter(pc.equal(once["n_max"], 0))["line_min"]
    return AnalysedCounts(
        columns={name: cells[place].cast(pa.string()) for name, place in (
            ("time", "time"), ("network", "network"), ("target", "target"), ("n", "n_max_sum"),
            ("failed", "failed_max_sum"))},
        lines=cells["line_min_min"].to_numpy(),
        undecided=(len(open_lines), pc.min(open_lines).as_py() or 0))


def _judge(columns: dict[str, pa.ChunkedArray]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which measurements failed, and which are decided."""
    size = len(columns[FRAME[0]])
    failed, down, well = (np.zeros(size, dtype=np.bool_) for _ in range(3))
    for layer in _LAYERS:
        blocked, out, ok = (_scores(columns[f"{layer}_{word}"]) for word in _WORDS)
        failed |= (blocked > out) & (blocked > ok)
        down |= (out >= ok) & (out > 0)
        well |= ok > 0
    return failed, failed | (well & ~down)


def _scores(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Numbers from 0 to 1; 0 for anything else."""
    coded = column.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    known = np.array([_score(word) for word in coded.dictionary.to_pylist()] or [0.0])
    at = coded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return np.where(coded.indices.is_null().to_numpy(zero_copy_only=False), 0.0, known[at])


def _score(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        return 0.0
    return number if 0 <= number <= 1 else 0.0
