"""The chart of an event: share of blocked runs in each step with its interval, where it began and ended, and n.

It is drawn in per cent of the width, so that words keep their size on a phone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from probe.judge.common.planned_looks import find_wilson_interval
from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.findings.finding_values import LookFinding
from probe_analysis.pages.language import ENGLISH
from probe_analysis.pages.strips import AXIS, draw_step_titles, draw_ticks
from probe_analysis.pages.time_buckets import MIN_DECIDED, BucketCell
from probe_analysis.site.site_values import EventSeries

_TOP, _HIGH, _LOW = 46.0, 200.0, 46.0
"""Above the plot, of the plot, and of the bars of n below it, in pixels."""
_BASE = _TOP + _HIGH
_N_BASE = _BASE + 8 + _LOW
HEIGHT = int(_N_BASE) + AXIS + 4
_FEW_TITLES = 120


def draw_event_chart(series: EventSeries, finding: LookFinding, label: str) -> Html:
    """The picture, as wide as its place and `HEIGHT` pixels tall."""
    steps, line = series.steps, series.line
    begin, end = steps.start, steps.begin(steps.count)

    def at(moment: datetime) -> float:
        return 100 * min(1.0, max(0.0, (moment - begin) / (end - begin)))

    most = max((cell.decided() for cell in line), default=0)
    inner = make_tag("svg", _bars(line), _whiskers(line), _counts(line, most),
                     draw_step_titles(steps, line, _N_BASE - _TOP, ENGLISH, most=_FEW_TITLES),
                     x="0", y=_TOP, width="100%", height=_N_BASE - _TOP, preserveAspectRatio="none",
                     viewBox=f"0 0 {steps.count} {_N_BASE - _TOP:g}", class_="steps")
    return make_tag(
        "svg", _grid(), list(_brackets(finding, at)), inner,
        _word("100 % blocked", _TOP + 12), _word("50 %", _TOP + _HIGH / 2 + 12),
        _word(f"n of each step, at most {most}", _BASE + 20),
        draw_ticks(begin, end, at, _N_BASE, ENGLISH),
        role="img", aria_label=label, class_="strip event-chart", width="100%", height=HEIGHT)


def _grid() -> list[Html]:
    return [make_tag("line", class_="lane", x1="0", x2="100%", y1=y, y2=y)
            for y in (_TOP + 0.5, _TOP + _HIGH / 2, _BASE + 0.5, _N_BASE + 0.5)]


def _word(text: str, y: float) -> Html:
    return make_tag("text", text, x="4", y=y, class_="first scale-word")


def _brackets(finding: LookFinding, at: Callable[[datetime], float]) -> Iterator[Html]:
    """When it began and ended, each as the interval in which it did."""
    yield from _bracket("onset", "began", finding.onset_from, finding.onset_until, at)
    if finding.end_from is not None:
        yield from _bracket("end", "ended", finding.end_from, finding.end_until or finding.last, at)


def _bracket(kind: str, word: str, first: datetime | None, last: datetime,
             at: Callable[[datetime], float]) -> Iterator[Html]:
    left, right = (at(first) if first else 0.0), at(last)
    yield make_tag("rect", class_=f"band {kind}", x=f"{left:.3f}%", y=_TOP - 12, height=_HIGH + 12,
                   width=f"{max(right - left, 0.3):.3f}%")
    for x in (left, right):
        yield make_tag("line", class_="edge", x1=f"{x:.3f}%", x2=f"{x:.3f}%", y1=_TOP - 12, y2=_TOP - 4)
    yield make_tag("line", class_="edge", x1=f"{left:.3f}%", x2=f"{max(right, left + 0.3):.3f}%", y1=_TOP - 12,
                   y2=_TOP - 12)
    # Each word has a line of its own: what began and ended soon after would be written over itself.
    side = "first" if left < 8 else "last" if right > 92 else ""
    row = 32 if kind == "onset" else 18
    yield make_tag("text", word if first else f"{word} before", class_=f"mark {side}".strip(), y=_TOP - row,
                   x=f"{left if side == 'first' else right if side == 'last' else (left + right) / 2:.3f}%")


def _bars(line: Sequence[BucketCell]) -> Html:
    """A share of fewer than `MIN_DECIDED` is none."""
    d = "".join(f"M{at + 0.1:g} {_HIGH:g}h.8v-{_HIGH * cell.blocked_share:.1f}h-.8z" for at, cell in enumerate(line)
                if cell.decided() >= MIN_DECIDED and cell.blocked_share)
    return make_tag("path", class_="bar blocked", d=d) if d else join_html()


def _whiskers(line: Sequence[BucketCell]) -> Html:
    d = ""
    for at, cell in enumerate(line):
        if (n := cell.decided()) >= MIN_DECIDED:
            low, high = find_wilson_interval(cell.n("blocked"), n)
            d += f"M{at + 0.5:g} {_HIGH * (1 - low):.1f}V{_HIGH * (1 - high):.1f}"
    return make_tag("path", class_="whisker", vector_effect="non-scaling-stroke", d=d) if d else join_html()


def _counts(line: Sequence[BucketCell], most: int) -> Html:
    base = _HIGH + 8 + _LOW
    d = "".join(f"M{at + 0.1:g} {base:g}h.8v-{_LOW * 0.6 * cell.decided() / most:.1f}h-.8z"
                for at, cell in enumerate(line) if most and cell.decided())
    return make_tag("path", class_="count", d=d) if d else join_html()
