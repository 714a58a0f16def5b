"""The charts as files for papers: SVG that stands alone, light, in pixels, with its numbers and its words.

PNG is drawn from these very files (`probe.research.report.png`), where it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from probe.catalogue.packaged import titles
from probe.research.report.charts import decided, summed
from probe.research.report.language import Tongue
from probe.research.report.markup import Html, join, tag
from probe.research.report.png import check_png, png_of
from probe.research.report.report_findings import called, network_name
from probe.research.report.report_gather import Part
from probe.research.report.service_section import whole_services
from probe.research.report.strips import AXIS, STRIP, legend_shape, share_chart, strip_of, ticks
from probe.research.report.target_sentences import LETTERS, counted
from probe.research.report.time_buckets import Buckets, Cell, cells, day_buckets
from probe.research.report.verdict_series import Network
from probe.results.files.atomic import write_file

_WIDTH = 960
_NAME, _N = 170, 60
_ROW = 22
_STEPS = 800
_MAX_FIGURES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What is drawn of one network, wherever it was counted."""

    network: Network
    steps: Buckets
    whole: Mapping[str, Sequence[Cell]]
    """Service -> a cell for each step, over all its roles."""
    roles: Mapping[str, Mapping[str, Sequence[Cell]]]
    """Service that has a figure of its own -> role -> a cell for each step."""


def drawn_of(part: Part) -> Drawn:
    """The runs of a network: every service has a figure."""
    buckets = day_buckets(part.times, most=_STEPS)
    whole = whole_services(part)
    return Drawn(
        network=part.network, steps=buckets,
        whole={service: cells(buckets, rows) for service, rows in whole.items()},
        roles={service: {role: cells(buckets, rows) for (owner, role), rows in sorted(part.services.items())
                         if owner == service} for service in whole},
    )


def write_figures(networks: Sequence[Drawn], folder: Path, say: Tongue, *, png: bool = False) -> tuple[Path, ...]:
    """An overview of each network and a figure of each service on it; returns the files. Raises StoreError.

    `png`: a PNG beside each SVG.
    """
    written = []
    for name, content in figures(networks, say).items():
        files_of = {folder / name: content.encode()}
        if png:
            files_of[(folder / name).with_suffix(".png")] = png_of(content)
        for path, data in files_of.items():
            write_file(path, data)
            written.append(path)
    return tuple(written)


def check_png_here() -> None:
    """Raises StoreError, saying what to do, where charts cannot be drawn as PNG."""
    check_png(_css())


def figures(networks: Sequence[Drawn], say: Tongue) -> Mapping[str, str]:
    """File name -> SVG. Names hold only letters, digits and hyphens, whatever a service is called."""
    names = titles()
    found: dict[str, str] = {}
    for number, drawn in enumerate(networks, start=1):
        network = network_name(drawn.network, say)
        lab = "lab-" if drawn.network.lab else ""
        stem = f"{number}-{lab}as{drawn.network.probe_asn}-{drawn.network.probe_cc.lower()}"
        found[f"overview-{_slug(stem)}.svg"] = _overview(drawn, network, names, say)
        for place, (service, roles) in enumerate(drawn.roles.items(), start=1):
            if len(found) < _MAX_FIGURES:
                found[f"service-{_slug(stem)}-{place:02}-{_slug(service)}.svg"] = _service(
                    drawn.steps, roles, called(service, names), network, say)
    return found


def _overview(network: Drawn, title: str, names: Mapping[str, str], say: Tongue) -> str:
    buckets = network.steps
    width = _WIDTH - _NAME - _N - 10
    y = 44
    drawn: list[Html] = [tag("text", say("figure.n"), x=_NAME + _N - 12, y=y - 6, class_="n")]
    states = set()
    for service, line in network.whole.items():
        states |= {cell.state for cell in line}
        name = called(service, names)
        picture = strip_of(buckets, line, say, f"{name}: {counted(summed(line), say)}")
        drawn += [
            tag("text", name if len(name) < 26 else name[:25] + "…", x=4, y=y + 13, class_="name"),
            tag("text", str(decided(line)), x=_NAME + _N - 12, y=y + 13, class_="n"),
            tag("svg", picture, x=_NAME + _N, y=y, width=width, height=STRIP),
        ]
        y += _ROW
    begin, end = buckets.start, buckets.begin(buckets.count)
    axis = ticks(begin, end, lambda time: 100 * ((time - begin) / (end - begin)), 0, say)
    drawn += [tag("svg", axis, x=_NAME + _N, y=y, width=width, height=AXIS, class_="over")]
    legend, height = _legend(states, y + AXIS + 22, say)
    note = tag("text", say("chart.strip_note", first=say.day(begin), last=say.day(end),
                           step=say.duration(buckets.width)), x=4, y=height + 6, class_="note")
    return _alone(join(drawn, legend, note), height + 16, say("figure.overview", network=title))


def _service(buckets: Buckets, roles: Mapping[str, Sequence[Cell]], title: str, network: str, say: Tongue) -> str:
    drawn: list[Html] = []
    y = 34
    states = set()
    for role, line in roles.items():
        states |= {cell.state for cell in line}
        words = f"{say.known('role', role)}: n = {decided(line)} ({counted(summed(line), say)})"
        drawn += [
            tag("text", words, x=56, y=y + 14, class_="name"),
            tag("text", "100 %", x=48, y=y + 30, class_="n"), tag("text", "0 %", x=48, y=y + 54, class_="n"),
            tag("svg", share_chart(buckets, line, say, words), x=56, y=y + 22, width=_WIDTH - 76, height=70,
                class_="over"),
        ]
        y += 100
    legend, height = _legend(states, y + 14, say)
    return _alone(join(drawn, legend), height, say("figure.series", service=title, network=network))


def _legend(states: set[str], y: int, say: Tongue) -> tuple[Html, int]:
    """One line a state, two beside each other; and where it ends."""
    known = [state for state in LETTERS if state in states and state != "none"]
    drawn = []
    for place, state in enumerate(known):
        x, top = 4 + (place % 2) * (_WIDTH // 2), y + (place // 2) * _ROW
        drawn += [tag("svg", legend_shape(state), x=x, y=top - 12, width=STRIP, height=STRIP),
                  tag("text", say(f"state.{state}"), x=x + 24, y=top, class_="note")]
    return join(drawn), y + (len(known) + 1) // 2 * _ROW + 4


def _alone(body: Html, height: int, title: str) -> str:
    """A file of its own: style within, a white ground, words for those who do not see it."""
    ground = tag("rect", width=_WIDTH, height=height, fill="#ffffff")
    picture = tag(
        "svg", tag("title", title), tag("style", Html(_css())), ground,
        tag("text", title if len(title) < 110 else title[:109] + "…", x=4, y=18, class_="title"), body,
        xmlns="http://www.w3.org/2000/svg", width=_WIDTH, height=height, viewBox=f"0 0 {_WIDTH} {height}", role="img",
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{picture}\n'


def _css() -> str:
    return files("probe.research.report").joinpath("figure.css").read_text(encoding="utf-8")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "unnamed"
