"""`probe fleet`: how a fleet of volunteers does; and, of the laboratory's distribution, made-up fleets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.plugins import FLEET_COMMANDS
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.exit_codes import EXIT_FAILED
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.commands.plugin_group import PluginGroup
from probe.upkeep.commands.progress_bar import show_progress
from probe_analysis.cli.fleet_rollout import rollout

if TYPE_CHECKING:
    from probe_analysis.alerts.alert_round import PlaceRound
    from probe_analysis.fleet_health.fleet_health import FleetHealth


class _FleetGroup(PluginGroup):
    """The commands of those who run a fleet, and the laboratory's."""

    brought_by = FLEET_COMMANDS
    brought = ("score", "simulate")


@click.group(cls=_FleetGroup, short_help="Health of a fleet of volunteers; made-up fleets to score the analysis by.")
def fleet() -> None:
    """Say how a fleet of volunteers does. With the laboratory also: make up fleets with known truth."""


fleet.add_command(rollout)


@fleet.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), required=False)
@output_option("file", "Page to write, one HTML file.")
@click.option("--metrics", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the figures for Prometheus, as a text file that its node_exporter reads.")
@click.option("--dashboard", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the dashboard that Grafana imports for these figures.")
@click.option("--alert-to", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Send alerts about new troubles, and about those that are over, to the places in this file (as "
                   "probe alert --to).")
@click.option("--alert-state", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="File that remembers which alerts were sent. Default: fleet-alerts.json in this user's state "
                   "folder.")
@click.option("--rollout", "rollout_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="File that probe fleet rollout wrote: alerts also report its differences.")
@click.option("--lab", is_flag=True, help="Count the laboratory's runs, and no others.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found as JSON.")
def health(directory: Path | None, out: Path | None, metrics: Path | None, dashboard: Path | None,
           alert_to: Path | None, alert_state: Path | None, rollout_file: Path | None, lab: bool,
           as_json: bool) -> None:
    """Report on the probes whose runs `probe collect` merged into DIRECTORY (default: the configured folder).

    The report says which probes fell silent, which versions the probes have, and how wrong their clocks are. It also
    says which networks have enough probes to be named in published data.

    `probe fleet health` reads only the table `runs`, and remembers what it has read. So you can call it every hour.

    The page and the JSON of `probe fleet health` contain the names of probes. They are for the person who runs the
    fleet: do not publish them. The figures for Prometheus (--metrics) contain no names of probes.

    With --alert-to the command sends an alert when one of the following troubles begins, and another alert when it is
    over. A probe fell silent, its clock is wrong, or it has another version of the program than this machine. A network
    has fewer than half of its usual probes. Many runs ended early, or cannot be used.

    An alert names no probe. It names a network only if published data may name this network (`probe export --release`),
    and a country only if at least five probes are there. A receiver that you add to the file of --alert-to gets no
    alert about older troubles.

    \b
    Examples:
      probe fleet health collected
      probe fleet health collected -o health.html --metrics /var/lib/node_exporter/probe.prom
      probe fleet health collected --dashboard grafana.json --json
      probe fleet health collected --alert-to ~/.config/probe/alerts
    """
    from probe_analysis.alerts.alert_round import describe_round
    from probe_analysis.fleet_health.health_page import make_health_lines

    try:
        found = _describe(directory or choose_results_folder(load_settings()), lab)
        _write(found, out, metrics, dashboard)
        rounds = _alert(found, alert_to, alert_state, rollout_file) if alert_to else []
    except (StoreError, SettingsError) as error:
        raise click.ClickException(visible(str(error))) from error
    if as_json:
        click.echo(json.dumps(_as_json(found) | {"places": [asdict(one) for one in rounds]}))
    else:
        for line in (*make_health_lines(found), *map(describe_round, rounds)):
            click.echo(visible(line))
        for what, path in (("Page", out), ("Figures", metrics), ("Dashboard", dashboard)):
            if path:
                click.echo(f"{what}: {visible(str(path))}")
    if any(one.failed for one in rounds):
        sys.exit(EXIT_FAILED)


def _describe(directory: Path, lab: bool) -> FleetHealth:
    from probe.store.archive.vouched_names import read_vouched_names
    from probe_analysis.fleet_health.fleet_health import describe_fleet, find_first_day
    from probe_analysis.fleet_health.health_memory import read_fleet_days

    now = datetime.now(UTC)
    with show_progress("Reading days") as progress:
        days = read_fleet_days(directory, since=find_first_day(now), progress=progress)
    return describe_fleet(days, now=now, lab=lab, vouched=read_vouched_names(directory))


def _alert(found: FleetHealth, to: Path, state: Path | None, rollout_file: Path | None) -> list[PlaceRound]:
    """Tell what is new, and note it. Raises StoreError."""
    from probe import __version__
    from probe.config.folders import find_own_state
    from probe_analysis.alerts.alert_sending import open_sender
    from probe_analysis.alerts.alert_state import read_sent_alerts, write_sent_alerts
    from probe_analysis.alerts.alert_targets import read_targets
    from probe_analysis.alerts.fleet_alerts import read_rollout_file, send_fleet_round
    from probe_analysis.alerts.fleet_troubles import gather_facts

    kept = state or find_own_state() / "fleet-alerts.json"
    facts = gather_facts(found, now=datetime.now(UTC), version=__version__, rollout=read_rollout_file(rollout_file))
    return send_fleet_round(facts, read_targets(to), read_sent_alerts(kept), open_sender(),
                            lambda already_sent: write_sent_alerts(kept, already_sent))


def _write(found: FleetHealth, out: Path | None, metrics: Path | None, dashboard: Path | None) -> None:
    from probe.store.files.atomic import replace_file
    from probe_analysis.fleet_health.dashboard import read_dashboard
    from probe_analysis.fleet_health.health_metrics import format_metrics
    from probe_analysis.fleet_health.health_page import make_health_page

    makers: tuple[tuple[Path | None, Callable[[], str]], ...] = (
        (out, partial(make_health_page, found)), (metrics, partial(format_metrics, found)), (dashboard, read_dashboard))
    for path, make in makers:
        if path:
            replace_file(path, make().encode())


def _as_json(found: FleetHealth) -> dict[str, object]:
    from probe_analysis.fleet_health.health_page import list_findings

    networks = [{"told": plain.pop("named"), **plain} for plain in map(asdict, found.networks)]
    return asdict(found) | {"networks": networks, "findings": list(list_findings(found)), "active": len(found.active),
                            "silent": len(found.silent), "clocks_off": len(found.clocks_off)}
