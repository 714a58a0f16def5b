"""Charts of results for notebooks, as SVG that stands alone: the report's figures, without its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from probe.catalogue.packaged import load_titles
from probe.store.files.atomic import StoreError, write_file
from probe.store.verification.folder_checks import check_folder
from probe_analysis.pages.figures import draw_shares, draw_strips
from probe_analysis.pages.language import ENGLISH
from probe_analysis.pages.names import name_network, name_service
from probe_analysis.pages.png import render_png
from probe_analysis.pages.strip_rows import make_strip_rows
from probe_analysis.pages.time_buckets import make_bucket_cells, make_day_buckets
from probe_analysis.report.report_gather import NetworkPart, gather_report
from probe_analysis.report.report_page import make_drawing
from probe_analysis.report.service_section import Rows, combine_services

_STEPS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart; a notebook shows it as the last value of a cell."""

    title: str
    """What it shows, for people."""
    svg: str
    """The whole file, as text."""

    def save(self, path: str | Path) -> Path:
        """Writes an SVG file, or PNG where the name ends so. Raises StoreError."""
        file = Path(path).expanduser()
        write_file(file, render_png(self.svg) if file.suffix == ".png" else self.svg.encode())
        return file

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Mapping[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self.title}

    def __repr__(self) -> str:
        return f"<chart: {self.title}>"


class ResultCharts:
    """The charts of one results folder, which is read once; runs that are not what was signed are left out."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreError where there are no results."""
        self._parts = gather_report(folder, without=check_folder(folder).unusable)
        self._names = load_titles()

    def draw_services(self, asn: int | None = None) -> Chart:
        """A strip for each service on one network, that with most runs unless another is named. Raises StoreError."""
        part = self._choose(asn)
        drawn = make_drawing(part)
        title = ENGLISH("figure.overview", network=name_network(part.network, ENGLISH))
        rows = make_strip_rows(drawn.whole)
        return Chart(title=title, svg=draw_strips(drawn.steps, rows, title, self._names, ENGLISH))

    def draw_service(self, service: str, asn: int | None = None) -> Chart:
        """The share of runs that found a service blocked, for each of its roles. Raises StoreError."""
        part = self._choose(asn)
        drawn = make_drawing(part)
        if service not in drawn.roles:
            raise StoreError(f"nothing was measured of {service}; there are {', '.join(sorted(drawn.roles))}")
        network, name = name_network(part.network, ENGLISH), name_service(service, self._names)
        return Chart(title=ENGLISH("figure.series", service=name, network=network),
                     svg=draw_shares(drawn.steps, drawn.roles[service], name, network, ENGLISH))

    def draw_targets(self, service: str, asn: int | None = None) -> Chart:
        """A strip for each target of a service on one network. Raises StoreError."""
        part = self._choose(asn)
        rows = {target: [(row.time, row.outcome) for row in series] for target, series in sorted(part.targets.items())
                if part.roles[target][0] == service}
        return self._strips(rows, part.times, service, name_network(part.network, ENGLISH))

    def draw_networks(self, service: str) -> Chart:
        """A strip for each network: what its runs say of one service. Raises StoreError."""
        rows = {f"{part.network.probe_cc} AS{part.network.probe_asn}": combine_services(part).get(service, ())
                for part in sorted(self._parts, key=lambda part: (part.network.probe_cc, part.network.probe_asn))}
        return self._strips({name: found for name, found in rows.items() if found},
                            sorted(time for part in self._parts for time in part.times), service, "all networks")

    def _strips(self, rows: Mapping[str, Rows], times: Sequence[datetime], service: str,
                where: str) -> Chart:
        if not rows:
            raise StoreError(f"nothing was measured of {service}")
        buckets = make_day_buckets(times, most=_STEPS)
        title = ENGLISH("figure.series", service=name_service(service, self._names), network=where)
        lines = make_strip_rows({name: make_bucket_cells(buckets, found) for name, found in rows.items()})
        return Chart(title=title, svg=draw_strips(buckets, lines, title, {}, ENGLISH, note_key="chart.rows_note"))

    def _choose(self, asn: int | None) -> NetworkPart:
        wanted = [part for part in self._parts if asn is None or part.network.probe_asn == asn]
        if not wanted:
            raise StoreError(f"no run was made in AS{asn}")
        return max(wanted, key=lambda part: len(part.runs))
