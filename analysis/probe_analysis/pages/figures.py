"""The charts as files for papers: SVG that stands alone, light, in pixels, with its numbers and its words.

PNG is drawn from these very files (`probe_analysis.pages.png`), where it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from probe.catalogue.packaged import load_titles
from probe.store.files.atomic import write_file
from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.events.verdict_series import ReportNetwork
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.names import name_network, name_service
from probe_analysis.pages.png import check_png, render_png
from probe_analysis.pages.strip_rows import (
    LETTERS,
    StripRow,
    count_decided,
    format_counts,
    make_strip_rows,
    sum_outcomes,
)
from probe_analysis.pages.strips import AXIS, STRIP, draw_legend_shape, draw_share_chart, draw_states, draw_ticks
from probe_analysis.pages.time_buckets import BucketCell, TimeBuckets

_WIDTH = 960
_NAME, _N = 170, 60
_ROW = 22
_STEPS = 800
_MAX_FIGURES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDrawing:
    """What is drawn of one network, wherever it was counted."""

    network: ReportNetwork
    steps: TimeBuckets
    whole: Mapping[str, Sequence[BucketCell]]
    """Service -> a cell for each step, over all its roles."""
    roles: Mapping[str, Mapping[str, Sequence[BucketCell]]]
    """Service that has a figure of its own -> role -> a cell for each step."""


def write_figures(networks: Sequence[NetworkDrawing], folder: Path, say: ReportLanguage, *,
                  png: bool = False) -> tuple[Path, ...]:
    """An overview of each network and a figure of each service on it; returns the files. Raises StoreError.

    `png`: a PNG beside each SVG.
    """
    written = []
    for name, content in draw_figures(networks, say).items():
        files_of = {folder / name: content.encode()}
        if png:
            files_of[(folder / name).with_suffix(".png")] = render_png(content)
        for path, data in files_of.items():
            write_file(path, data)
            written.append(path)
    return tuple(written)


def check_png_here() -> None:
    """Raises StoreError, saying what to do, where charts cannot be drawn as PNG."""
    check_png(_css())


def draw_figures(networks: Sequence[NetworkDrawing], say: ReportLanguage) -> Mapping[str, str]:
    """File name -> SVG. Names hold only letters, digits and hyphens, whatever a service is called."""
    names = load_titles()
    found: dict[str, str] = {}
    for number, drawn in enumerate(networks, start=1):
        network = name_network(drawn.network, say)
        lab = "lab-" if drawn.network.lab else ""
        stem = f"{number}-{lab}as{drawn.network.probe_asn}-{drawn.network.probe_cc.lower()}"
        found[f"overview-{_slug(stem)}.svg"] = draw_strips(
            drawn.steps, make_strip_rows(drawn.whole), say("figure.overview", network=network), names, say)
        for place, (service, roles) in enumerate(drawn.roles.items(), start=1):
            if len(found) < _MAX_FIGURES:
                found[f"service-{_slug(stem)}-{place:02}-{_slug(service)}.svg"] = draw_shares(
                    drawn.steps, roles, name_service(service, names), network, say)
    return found


def draw_strips(buckets: TimeBuckets, rows: Mapping[str, StripRow], title: str, names: Mapping[str, str],
                say: ReportLanguage, *, note_key: str = "chart.strip_note") -> str:
    """A strip for each service, or whatever else the rows are of; `names`: what is written for their keys."""
    width = _WIDTH - _NAME - _N - 10
    y = 44
    drawn: list[Html] = [make_tag("text", say("figure.n"), x=_NAME + _N - 12, y=y - 6, class_="n")]
    states = set()
    for service, row in rows.items():
        states |= set(row.states)
        name = name_service(service, names)
        picture = draw_states(row.states, f"{name}: {format_counts(row.outcomes, say)}")
        drawn += [
            make_tag("text", name if len(name) < 26 else name[:25] + "…", x=4, y=y + 13, class_="name"),
            make_tag("text", str(row.decided), x=_NAME + _N - 12, y=y + 13, class_="n"),
            make_tag("svg", picture, x=_NAME + _N, y=y, width=width, height=STRIP),
        ]
        y += _ROW
    begin, end = buckets.start, buckets.begin(buckets.count)
    axis = draw_ticks(begin, end, lambda time: 100 * ((time - begin) / (end - begin)), 0, say)
    drawn += [make_tag("svg", axis, x=_NAME + _N, y=y, width=width, height=AXIS, class_="over")]
    legend, height = _legend(states, y + AXIS + 22, say)
    note = make_tag("text", say(note_key, first=say.day(begin), last=say.day(end),
                                step=say.duration(buckets.width)), x=4, y=height + 6, class_="note")
    return make_figure(join_html(drawn, legend, note), height + 16, title)


def draw_shares(buckets: TimeBuckets, roles: Mapping[str, Sequence[BucketCell]], title: str, network: str,
                say: ReportLanguage) -> str:
    """The share of decided runs that found a service blocked, for each of its roles."""
    drawn: list[Html] = []
    y = 34
    states = set()
    for role, line in roles.items():
        states |= {cell.state for cell in line}
        words = f"{say.name_word('role', role)}: n = {count_decided(line)} ({format_counts(sum_outcomes(line), say)})"
        drawn += [
            make_tag("text", words, x=56, y=y + 14, class_="name"),
            make_tag("text", "100 %", x=48, y=y + 30, class_="n"), make_tag("text", "0 %", x=48, y=y + 54, class_="n"),
            make_tag("svg", draw_share_chart(buckets, line, say, words), x=56, y=y + 22, width=_WIDTH - 76, height=70,
                     class_="over"),
        ]
        y += 100
    legend, height = _legend(states, y + 14, say)
    return make_figure(join_html(drawn, legend), height, say("figure.series", service=title, network=network))


def _legend(states: set[str], y: int, say: ReportLanguage) -> tuple[Html, int]:
    """One line a state, two beside each other; and where it ends."""
    known = [state for state in LETTERS if state in states and state != "none"]
    drawn = []
    for place, state in enumerate(known):
        x, top = 4 + (place % 2) * (_WIDTH // 2), y + (place // 2) * _ROW
        drawn += [make_tag("svg", draw_legend_shape(state), x=x, y=top - 12, width=STRIP, height=STRIP),
                  make_tag("text", say(f"state.{state}"), x=x + 24, y=top, class_="note")]
    return join_html(drawn), y + (len(known) + 1) // 2 * _ROW + 4


def make_figure(body: Html, height: int, title: str) -> str:
    """A file of its own: style within, a white ground, words for those who do not see it."""
    ground = make_tag("rect", width=_WIDTH, height=height, fill="#ffffff")
    picture = make_tag(
        "svg", make_tag("title", title), make_tag("style", Html(_css())), ground,
        make_tag("text", title if len(title) < 110 else title[:109] + "…", x=4, y=18, class_="title"), body,
        xmlns="http://www.w3.org/2000/svg", width=_WIDTH, height=height, viewBox=f"0 0 {_WIDTH} {height}", role="img",
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{picture}\n'


def _css() -> str:
    return files("probe_analysis.pages").joinpath("figure.css").read_text(encoding="utf-8")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "unnamed"
