"""The dashboard for Grafana that shows the metrics: a file of this package, given out as it is."""

from __future__ import annotations

from importlib.resources import files


def read_dashboard() -> str:
    """JSON that Grafana imports; it asks which Prometheus to read from."""
    return files("probe_analysis.fleet_health").joinpath("dashboard.json").read_text(encoding="utf-8")
