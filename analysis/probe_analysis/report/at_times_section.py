"""Targets that fail at times: how many of the connections that runs had planned, with intervals, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from probe.judge.common.planned_looks import find_interval
from probe.judge.verdicts.share_series import MOST_RUNS, ShareSeries, judge_series
from probe_analysis.events.verdict_series import VerdictRow
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.tables import Cell, FoldedTable, PageTable, make_rows
from probe_analysis.report.report_gather import NetworkPart

_MAX_ROWS = 40
_HEADS = ("target", "runs", "failed", "troubled", "beside", "says")


def make_at_times_table(part: NetworkPart, say: ReportLanguage) -> FoldedTable | None:
    """Those of the latest runs of a network, the worst first; nothing where no planned connection was in trouble."""
    judged = {target: _judge(rows) for target, rows in part.targets.items()}
    targets = sorted((target for target, series in judged.items() if series.failed or series.word == "by_name"),
                     key=lambda target: (-judged[target].failed / judged[target].made, target))
    if not targets:
        return None
    title, left = say("at_times.heading"), len(targets) - _MAX_ROWS
    return FoldedTable(
        summary=title, note=say("at_times.note", n=MOST_RUNS), notes=[say("finding.more", n=left)] if left > 0 else (),
        table=PageTable(title=title, heads=[say(f"at_times.{key}") for key in _HEADS], css="numbers",
                        rows=make_rows([_list_cells(target, judged[target], say) for target in targets[:_MAX_ROWS]])))


def format_share(part: int, whole: int, interval: tuple[float, float]) -> str:
    """`12 / 60`, with its interval in percent; a hyphen of nothing."""
    low, high = interval
    return f"{part} / {whole} ({100 * low:.0f}\u2013{100 * high:.0f} %)" if whole else "-"


def _judge(rows: Sequence[VerdictRow]) -> ShareSeries:
    counted = sorted((row for row in rows if row.share and row.share.made), key=lambda row: row.time)
    return judge_series([row.share for row in counted[-MOST_RUNS:] if row.share])


def _list_cells(target: str, series: ShareSeries, say: ReportLanguage) -> list[Cell | str | int]:
    word = "by_name" if series.word == "by_name" else "untold" if not series.beside else "at_times"
    counts = ((series.failed, series.made), (series.troubled, series.made), (series.beside_troubled, series.beside))
    return [target, series.runs, *(Cell(text=format_share(k, n, find_interval(k, n)), css="n") for k, n in counts),
            say(f"at_times.{word}")]
