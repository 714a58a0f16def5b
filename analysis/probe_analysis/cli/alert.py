"""`probe alert`: what is new, to a webhook, by e-mail, Telegram or Matrix."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from probe.core.country_codes import explain_no_country
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.exit_codes import EXIT_FAILED
from probe_analysis.commands.site_address import address_option
from probe_analysis.pages.language import LANGUAGES, ReportLanguage


def check_countries(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The codes in capitals. Raises BadParameter for one that no country has."""
    for value in values:
        if why := explain_no_country(value, made_up=True):
            raise click.BadParameter(why)
    return tuple(value.strip().upper() for value in values)


@click.command()
@click.argument("analysis", metavar="[ANALYSIS]", default="analysis", type=click.Path(file_okay=False, path_type=Path))
@click.option("--to", "to", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="File with lines `NAME URL`, for you alone (chmod 600): where alerts go.")
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), default=None,
              help="File that remembers which alerts were sent. Default: alerts.json in ANALYSIS.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the alerts.")
@click.option("--service", "services", multiple=True, help="Only of this service; repeat.")
@click.option("--country", "countries", multiple=True, metavar="CC", callback=check_countries,
              help="Only of this country (two letters); repeat.")
@click.option("--confirmed", is_flag=True, help="No alerts about events that were never confirmed.")
@address_option()
@click.option("--dry-run", is_flag=True, help="Send and keep nothing; print what would be sent to a new place.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def alert(analysis: Path, to: Path, state: Path | None, lang: str, services: tuple[str, ...],
          countries: tuple[str, ...], confirmed: bool, address: str, dry_run: bool, as_json: bool) -> None:
    """Tell what is new in what `probe analyse` keeps in ANALYSIS: events that begin, end, are revised or withdrawn.

    Each line of the file of --to names one receiver. Each receiver gets one alert when an event begins, ends, is
    revised or is withdrawn. A receiver that you add later gets alerts only about what is found from then on.

    Alerts contain only what may be published. An alert about probes' results comes a day after they were measured. An
    alert does not name a network in which few probes measure.

    A receiver's URL contains a password or a token. So it is in the file of --to and never an argument, and the command
    never prints it. Examples of lines:

    \b
      desk    mailtos://user:password@mail.example.org?to=desk@example.org
      hook    jsons://hooks.example.org/path
      group   tgram://TOKEN/CHAT
      room    matrixs://user:password@matrix.example.org/#room

    \b
    Examples:
      probe analyse collected && probe alert --to ~/.config/probe/alerts
      probe alert --to alerts --country RU --country IR --lang ru --address https://example.org/blocked/
      probe alert --to alerts --dry-run
    """
    from probe_analysis.alerts.alert_round import describe_round, send_round
    from probe_analysis.alerts.alert_sending import open_sender
    from probe_analysis.alerts.alert_state import read_sent_alerts, write_sent_alerts
    from probe_analysis.alerts.alert_targets import read_targets
    from probe_analysis.alerts.alert_texts import list_alerts
    from probe_analysis.site.site_gather import gather_site

    kept, wanted = state or analysis / "alerts.json", {cc.upper() for cc in countries}
    try:
        targets, already_sent = read_targets(to), read_sent_alerts(kept)
        data = gather_site(analysis, now=datetime.now(UTC).replace(microsecond=0), operators={})
        chosen = {event.key for event in data.events if (not services or event.service in services) and (
            not wanted or event.cc in wanted)}
        every = list_alerts(data, data.events, ReportLanguage(lang), address)
        alerts = [one for one in every if one.event in chosen and (one.sure or not confirmed)]
        others = frozenset(one.name for one in every) - {one.name for one in alerts}
        if dry_run:
            for one in alerts:
                click.echo(f"{one.title}\n{one.text}\n")
            return
        rounds = send_round(alerts, others, targets, already_sent, open_sender(),
                            lambda now: write_sent_alerts(kept, now))
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    if as_json:
        click.echo(json.dumps({"state": str(kept), "places": [asdict(one) for one in rounds]}))
    else:
        for done in rounds:
            click.echo(describe_round(done))
    if any(done.failed for done in rounds):
        sys.exit(EXIT_FAILED)
