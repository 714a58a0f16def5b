"""Which stored rows a statement is about: one value a day, network and service, so that no probe counts twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from probe_analysis.labels.label_table import Label, LabelCause

if TYPE_CHECKING:
    import ibis.expr.types as ir

PROBABILITIES: Mapping[LabelCause, str] = {
    "blocked": "p_blocked", "service": "p_service", "network": "p_network", "ok": "p_ok"}
"""What a statement says -> the column that foretold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddsCell:
    """The mean of the probabilities of one service in one network on one day."""

    day: date
    country: str
    asn: int
    service: str
    rows: int
    """How many verdicts; always at least 1."""
    said: Mapping[LabelCause, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledCell:
    """A cell and the statement about it."""

    cell: OddsCell
    label: Label


def read_odds_cells(verdicts: ir.Table, *, lab: bool) -> list[OddsCell]:
    """The cells of a table of verdicts; rows without probabilities, and those of the other side of `lab`, are left
    out."""
    rated = verdicts.filter(verdicts.p_blocked.notnull() & (verdicts.lab == lab))
    cells = rated.group_by(
        day=rated.measurement_start_time.cast("timestamp").date(), country=rated.probe_cc, asn=rated.probe_asn,
        service=rated.service,
    ).agg(rows=rated.count(), **{name: rated[name].mean() for name in PROBABILITIES.values()})
    return [OddsCell(day=row["day"], country=row["country"], asn=int(row["asn"]), service=row["service"],
                     rows=row["rows"], said={cause: float(row[name]) for cause, name in PROBABILITIES.items()})
            for row in cells.to_pyarrow().to_pylist()]


def label_cells(cells: Iterable[OddsCell], labels: Sequence[Label],
                ) -> tuple[list[LabelledCell], list[tuple[OddsCell, tuple[Label, ...]]]]:
    """(cells with what is stated of them, cells of which statements contradict each other).

    Where several statements agree, the first of the file stands for all: a cell counts once.
    """
    by_service: defaultdict[tuple[str, str], list[Label]] = defaultdict(list)
    for label in labels:
        by_service[label.country, label.service].append(label)
    found, disputed = list[LabelledCell](), list[tuple[OddsCell, tuple[Label, ...]]]()
    for cell in cells:
        about = tuple(label for label in by_service[cell.country, cell.service]
                      if label.asn in (None, cell.asn) and label.first_day <= cell.day <= label.last_day)
        if len({label.cause for label in about}) > 1:
            disputed.append((cell, about))
        elif about:
            found.append(LabelledCell(cell=cell, label=about[0]))
    return found, disputed
