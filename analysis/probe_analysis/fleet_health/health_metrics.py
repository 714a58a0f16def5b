"""A fleet's health for Prometheus, in the text format 0.0.4. Pure.

No probe's name is a label: what Prometheus keeps for years would outlast the month that a name lasts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from probe.core.stamps import parse_time
from probe.core.visible_text import visible
from probe_analysis.fleet_health.fleet_health import FleetHealth, NetworkHealth

MOST_SAMPLES = 2000
"""Of one metric: the largest; a hostile volunteer can name any number of networks and versions."""
Samples = Iterable[tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric, a gauge."""

    about: str
    labels: tuple[str, ...]
    samples: Callable[[FleetHealth], Samples]


def _one(value: Callable[[FleetHealth], float]) -> Callable[[FleetHealth], Samples]:
    return lambda health: [({}, value(health))]


def _by_network(value: Callable[[NetworkHealth], float]) -> Callable[[FleetHealth], Samples]:
    return lambda health: [({"cc": each.cc, "asn": str(each.asn)}, value(each)) for each in health.networks]


def _by_word(label: str, counts: Callable[[FleetHealth], Mapping[str, float]]) -> Callable[[FleetHealth], Samples]:
    return lambda health: [({label: word}, count) for word, count in counts(health).items()]


def _by_version(kind: str) -> Callable[[FleetHealth], Samples]:
    return _by_word("version", lambda health: health.versions.get(kind, {}))


METRICS: Mapping[str, Metric] = {
    "probe_fleet_generated_timestamp_seconds": Metric(
        about="When these figures were made.", labels=(),
        samples=_one(lambda health: parse_time(health.generated).timestamp())),
    "probe_fleet_newest_run_timestamp_seconds": Metric(
        about="When the newest run began; absent without any.", labels=(),
        samples=lambda health: [({}, parse_time(health.newest_run).timestamp())] if health.newest_run else []),
    "probe_fleet_probes": Metric(
        about="Probes by state: active, silent, or former, whose name ended with the month.", labels=("state",),
        samples=_by_word("state", lambda health: {
            "active": len(health.active), "silent": len(health.silent),
            "former": sum(probe.former for probe in health.probes)})),
    "probe_fleet_runs": Metric(
        about="Runs that began in a span: today and yesterday by UTC, and the last 30 days.", labels=("span",),
        samples=_by_word("span", lambda health: {"today": health.runs_today, "yesterday": health.runs_yesterday,
                                                 "month": health.runs_month})),
    "probe_fleet_left_runs": Metric(
        about="Runs that count for no probe: nameless, dated ahead, not as signed, unreadable.", labels=("why",),
        samples=_by_word("why", lambda health: {
            "nameless": health.nameless_runs, "ahead": health.ahead_runs, "unusable": health.unusable_runs,
            "unreadable": health.unreadable_runs})),
    "probe_fleet_run_outcomes": Metric(
        about="Yesterday's runs by what they say of the whole network.", labels=("outcome",),
        samples=_by_word("outcome", lambda health: health.outcomes_yesterday)),
    "probe_fleet_cut_runs": Metric(
        about="Yesterday's runs that ended before all of their targets were tried.", labels=(),
        samples=_one(lambda health: health.cut_yesterday)),
    "probe_fleet_observations": Metric(
        about="Observations of yesterday's runs.", labels=(),
        samples=_one(lambda health: health.observations_yesterday)),
    "probe_fleet_bytes": Metric(
        about="What yesterday's runs moved on the volunteers' lines.", labels=("direction",),
        samples=_by_word("direction", lambda health: {"read": health.bytes_read_yesterday,
                                                      "written": health.bytes_written_yesterday})),
    "probe_fleet_clock_off_probes": Metric(
        about="Active probes whose clock is wrong by more than a minute.", labels=(),
        samples=_one(lambda health: len(health.clocks_off))),
    "probe_fleet_consent_probes": Metric(
        about="Active probes by the level of consent of their last run.", labels=("level",),
        samples=_by_word("level", lambda health: {str(level): n for level, n in health.consent_levels.items()})),
    "probe_fleet_software_probes": Metric(
        about="Active probes by version of the program.", labels=("version",), samples=_by_version("software")),
    "probe_fleet_catalogue_probes": Metric(
        about="Active probes by version of their list of targets.", labels=("version",),
        samples=_by_version("catalogue")),
    "probe_fleet_rules_probes": Metric(
        about="Active probes by version of their rules.", labels=("version",), samples=_by_version("rules")),
    "probe_fleet_network_probes": Metric(
        about="Probes of a network that began a run in the last 24 hours.", labels=("cc", "asn"),
        samples=_by_network(lambda network: network.probes)),
    "probe_fleet_network_usual_probes": Metric(
        about="Median of its probes a day in the last seven finished days.", labels=("cc", "asn"),
        samples=_by_network(lambda network: network.usual_probes)),
    "probe_fleet_network_quiet": Metric(
        about="1 where fewer than half of its usual probes are there.", labels=("cc", "asn"),
        samples=_by_network(lambda network: network.quiet)),
    "probe_fleet_network_runs": Metric(
        about="Its runs of yesterday.", labels=("cc", "asn"),
        samples=_by_network(lambda network: network.runs_yesterday)),
    "probe_fleet_network_told": Metric(
        about="1 where a release names the network, 0 where it says the country alone.", labels=("cc", "asn"),
        samples=_by_network(lambda network: network.named)),
}


def format_metrics(health: FleetHealth) -> str:
    """The exposition, of at most `MOST_SAMPLES` samples a metric."""
    lines = []
    for name, metric in METRICS.items():
        lines += [f"# HELP {name} {metric.about}", f"# TYPE {name} gauge"]
        summed = Counter[tuple[str, ...]]()
        for labels, value in metric.samples(health):
            summed[tuple(visible(labels[label]) for label in metric.labels)] += value  # type: ignore[assignment]
        lines += [f"{name}{_format_labels(metric.labels, values)} {float(value):.15g}"
                  for values, value in summed.most_common(MOST_SAMPLES)]
    return "\n".join(lines) + "\n"


def _format_labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
