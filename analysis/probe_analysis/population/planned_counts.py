"""Planned connections by network, service and quarter of a day, from verdicts; written as ibis expressions."""

from __future__ import annotations

from typing import Final

import ibis
import ibis.expr.types as ir

from probe_analysis.cells import row_quality
from probe_analysis.cells.cell_expressions import day_number, without_right
from probe_analysis.cells.row_quality import text
from probe_analysis.cells.run_standing import is_alone

VERDICT: Final = ("run_id", "target_id", "service", "role", "troubled", "troubled_beside")
OPTIONAL: Final = frozenset({"troubled", "troubled_beside"})
"""Columns that older files lack; their rows say nothing."""
COUNTED: Final = ("cc", "asn", "service", "quarter", "probes", "made", "troubled", "beside", "beside_troubled", "fresh")
_QUARTER_S = 6 * 3600
_SHARE = r"^\d{1,6}/\d{1,6}\z"
_PARTS = r"^(\d{1,6})/(\d{1,6})"


def find_day_number(quarter: int) -> int:
    """The day since 1970 in which a quarter lies."""
    return quarter * _QUARTER_S // 86400


def count_planned(raw: ir.Table, runs: ir.Table) -> ir.Table:
    """The columns of COUNTED; `service` is empty for controls, `quarter` counts quarters of days since 1970.

    `raw` has the columns of VERDICT; `runs` is from `probe_analysis.cells.run_standing.set_aside`.
    """
    known = runs.filter(runs.reason == "", runs.probe_cc != "ZZ", runs.probe_asn > 0)
    places = known.select("run_id", "day_no", "probe_no", cc=known.probe_cc, asn=known.probe_asn, fresh=is_alone(known),
                          quarter=(known.cell_start.epoch_seconds() / _QUARTER_S).floor().cast("int64"))
    filled = raw.filter(text(raw.troubled) != "")  # by which DuckDB passes over most of a file
    rows = filled.select(**{name: text(filled[name]) for name in VERDICT}, day_no=day_number(filled.file)).distinct()
    rows = rows.filter(rows.troubled.re_search(_SHARE), row_quality.name_reason(rows.service) == "")
    rows = without_right(rows.inner_join(places, ["run_id", "day_no"]))
    counted = rows.select("cc", "asn", "quarter", "probe_no", "fresh",
                          service=ibis.cases((rows.role == "control", ""), else_=rows.service),
                          troubled=_part(rows.troubled, 1), made=_part(rows.troubled, 2),
                          beside_troubled=_part(rows.troubled_beside, 1), beside=_part(rows.troubled_beside, 2))
    return counted.group_by(["cc", "asn", "service", "quarter"]).agg(
        probes=counted.probe_no.nunique(), made=counted.made.sum(), beside=counted.beside.sum(),
        troubled=ibis.least(counted.troubled, counted.made).sum(),
        beside_troubled=ibis.least(counted.beside_troubled, counted.beside).sum(), fresh=counted.fresh.any())


def _part(share: ir.StringValue, number: int) -> ir.IntegerValue:
    """k or n of `k/n`; 0 where that is not what it says."""
    return ibis.cases((share.re_search(_SHARE), share.re_extract(_PARTS, number)), else_="0").cast("int64")
