"""Targets that fail at times: how many of the connections that runs had planned, with intervals, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from probe.judge.common.planned_looks import find_interval
from probe.judge.verdicts.share_series import MOST_RUNS, ShareSeries, judge_series
from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.report.language import ReportLanguage
from probe_analysis.report.report_gather import NetworkPart
from probe_analysis.report.verdict_series import VerdictRow

_MAX_ROWS = 40
_HEADS = ("target", "runs", "failed", "troubled", "beside", "says")


def make_at_times_section(part: NetworkPart, say: ReportLanguage) -> Html:
    """Those of the latest runs of a network, the worst first; nothing where no planned connection was in trouble."""
    judged = {target: _judge(rows) for target, rows in part.targets.items()}
    told = sorted((target for target, series in judged.items() if series.failed or series.word == "by_name"),
                  key=lambda target: (-judged[target].failed / judged[target].made, target))
    if not told:
        return join_html()
    heads = make_tag("tr", [make_tag("th", say(f"at_times.{key}"), scope="col") for key in _HEADS])
    rows = [_row(target, judged[target], say) for target in told[:_MAX_ROWS]]
    title = say("at_times.heading")
    table = make_tag("table", make_tag("caption", title, class_="unseen"), make_tag("thead", heads),
                     make_tag("tbody", rows), class_="numbers")
    left = len(told) - len(rows)
    return join_html(
        make_tag("h3", title), make_tag("p", say("at_times.note", n=MOST_RUNS), class_="note"),
        make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=title),
        make_tag("p", say("finding.more", n=left), class_="note") if left > 0 else "")


def format_share(part: int, whole: int, interval: tuple[float, float]) -> str:
    """`12 / 60`, with its interval in percent; a hyphen of nothing."""
    low, high = interval
    return f"{part} / {whole} ({100 * low:.0f}\u2013{100 * high:.0f} %)" if whole else "-"


def _judge(rows: Sequence[VerdictRow]) -> ShareSeries:
    counted = sorted((row for row in rows if row.share and row.share.made), key=lambda row: row.time)
    return judge_series([row.share for row in counted[-MOST_RUNS:] if row.share])


def _row(target: str, series: ShareSeries, say: ReportLanguage) -> Html:
    word = "by_name" if series.word == "by_name" else "untold" if not series.beside else "at_times"
    counts = ((series.failed, series.made), (series.troubled, series.made), (series.beside_troubled, series.beside))
    return make_tag(
        "tr", make_tag("th", target, scope="row"), make_tag("td", str(series.runs), class_="n"),
        [make_tag("td", format_share(k, n, find_interval(k, n)), class_="n") for k, n in counts],
        make_tag("td", say(f"at_times.{word}")))
