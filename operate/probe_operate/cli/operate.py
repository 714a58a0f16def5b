"""`probe operate`: everything that an operator of a fleet of volunteers needs to begin, and the work of each hour."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import msgspec

from probe.config.settings import SettingsError
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, replace_file
from probe.upkeep.commands.exit_codes import EXIT_FAILED
from probe.upkeep.schedules.installed_schedules import make_own_command
from probe.upkeep.updates.list_document import ListError
from probe.upkeep.updates.minisign import SignatureError
from probe_operate.cli.operate_inbox import inbox, volunteer
from probe_operate.services.operator_checks import PARTS, check_parts, format_check_metrics
from probe_operate.services.operator_choices import (
    FILE_NAME,
    OperatorChoices,
    OperatorFolder,
    check_choices,
    find_folder,
    read_choices,
)
from probe_operate.services.operator_steps import STEPS, StepName, back_up, make_step_command, note_step, run_step
from probe_operate.services.web_server import INBOX_PATH

_FOLDER = click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def operate() -> None:
    """Set up and run the services of a fleet of volunteers: inbox, helper, feeds, signed lists, analysis and site.

    The handbook is docs/operator.md.
    """


@operate.command()
@_FOLDER
@click.option("--host", help="Name of the server, as volunteers will reach it by https.")
@click.option("--operator", help="Who you are, to volunteers; one line.")
@click.option("--contact", help="Whom volunteers call when something happens to one of them, and how; one line.")
@click.option("--reviewed", help="Who has reviewed the risks to volunteers, and when; one line.")
@click.option("--vantage", help="Name of this machine's control feed, such as de-1.")
@click.option("--certificate", metavar="PEM", help="Certificate chain of the web server (whole path).")
@click.option("--key", metavar="PEM", help="Its private key.")
@click.option("--encrypt-to", metavar="age1...", help="Volunteers encrypt to this key of age; put its identity into "
              "DIR/keys/age.key.")
@click.option("--issuer/--no-issuer", default=None, help="Run an issuer (probe issuer): volunteers prove that they "
                                                         "are not new, without giving a name. Makes keys for three "
                                                         "years.")
@click.option("--origins/--no-origins", default=None, help="Record the network of each upload, and no address "
                                                           "(default: if the address can be known).")
@click.option("--client-header", metavar="NAME", help="Without a certificate: header in which the server in front "
                                                      "gives the client's address, such as X-Forwarded-For. That "
                                                      "server must set the header or append to it.")
@click.option("--web-port", type=click.IntRange(1, 65_535), help="Of the web server; without a certificate on loopback "
              "(default: 443).")
def init(directory: Path, **said: str | int | bool | None) -> None:
    """Write keys, units, a compose file, configuration and a sheet for volunteers into DIR.

    After an upgrade, or to change a choice, call the command again. It then keeps keys, policies and earlier choices,
    and writes all other files anew. The command starts nothing and sends nothing.

    `probe operate init` writes the sheet (a file of settings for volunteers) only if you name a contact for incidents,
    and who reviewed the risks. The sheet contains addresses and public keys, and nothing personal.

    \b
    Examples:
      probe operate init /srv/reachability --host probe.example.org --vantage de-1
      probe operate init /srv/reachability --operator "Example Lab" \\
        --contact "incidents@example.org, Signal +00 000" --reviewed "Ethics board of Example, 2026-11-20"
    """
    from probe_operate.services.operator_folder import explain_lacking_sheet, write_operator_folder

    try:
        folder = find_folder(directory)
        choices = _choose(folder, {name: value for name, value in said.items() if value is not None})
        write_operator_folder(choices, folder, make_own_command())
        click.echo(f"Written: {folder.root}: keys, systemd/, compose.yaml, config/ and {FILE_NAME}")
        if why := explain_lacking_sheet(choices):
            raise click.ClickException(f"{why}\nCall it again with these; everything else is there.")
        _write_sheet(choices, folder)
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from error
    click.echo("Next:\n"
               f"  probe setup --config {folder.config / 'feed.toml'}   consent for the control feed's measurements\n"
               f"  sh {folder.root / 'install.sh'}   as root: user, units, start (or: docker compose up -d)\n"
               f"  probe operate check {folder.root}   whether all are well")


def _choose(folder: OperatorFolder, said: dict[str, str | int]) -> OperatorChoices:
    """What was chosen before, changed by what is said now. Raises SettingsError."""
    if (folder.root / FILE_NAME).exists():
        choices = msgspec.structs.replace(read_choices(folder), **said)
    elif "host" in said:
        choices = OperatorChoices(**said)  # type: ignore[arg-type]
    else:
        raise SettingsError("the first call needs --host, the name by which volunteers will reach this server")
    if why := check_choices(choices):
        raise SettingsError(why)
    return msgspec.convert(msgspec.to_builtins(choices), OperatorChoices)


def _write_sheet(choices: OperatorChoices, folder: OperatorFolder) -> None:
    from probe_operate.services.operator_folder import make_sheet, write_sheet

    sheet = make_sheet(choices, folder, today=datetime.now(UTC).date())
    for path in write_sheet(sheet, choices, folder):
        click.echo(f"  for volunteers: {path}")


@operate.command()
@_FOLDER
@click.argument("steps", nargs=-1, required=True, type=click.Choice(STEPS), metavar="STEP...")
@click.option("--keys", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="FOLDER",
              help="Folder with the secrets, as a service manager provides it (default: DIR/keys).")
@click.option("--every", type=click.IntRange(1, 1440), metavar="MINUTES", help="Go on until stopped (containers).")
def work(directory: Path, steps: tuple[StepName, ...], keys: Path | None, every: int | None) -> None:
    """Do steps of an operator's recurring work, one after the other. If one step fails, the command still does the
    others.

    \b
    collect   check and merge what volunteers uploaded       analyse   count it, and find events
    site      make the public site                           health    say how the fleet does
    alert     tell what is new (keys/alerts names places)    crowd     the volunteers' control feed
    list      sign a new list where a policy changed         backup    keys and configuration
    rollout   compare those who try new targets with others

    \b
    Examples:
      probe operate work /srv/reachability collect analyse site health
      probe operate work /srv/reachability list
    """
    try:
        folder = find_folder(directory)
        while True:
            began = time.monotonic()
            failed = [step for step in steps if _work(step, read_choices(folder), folder, keys or folder.keys)]
            if not every:
                break
            time.sleep(max(1.0, every * 60 - (time.monotonic() - began)))
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from error
    if failed:
        sys.exit(EXIT_FAILED)


def _work(step: StepName, choices: OperatorChoices, folder: OperatorFolder, keys: Path) -> str:
    """Do one step and tell how it went; why it did not go well, or an empty text. Raises StoreError."""
    done: Callable[[], str]
    if step == "list":
        done = partial(_publish, choices, folder, keys)
    elif step == "backup":
        done = partial(_back_up, folder, keys)
    elif arguments := make_step_command(step, choices, folder, keys):
        done = partial(run_step, [*make_own_command(), *arguments])
    else:
        return ""
    why = note_step(folder, step, done, get_now=_now)
    click.echo(f"{step}: {visible(why) or 'done'}")
    return why


def _publish(choices: OperatorChoices, folder: OperatorFolder, keys: Path) -> str:
    from probe.catalogue.load import find_catalogue_file
    from probe_operate.services.list_publishing import publish_list

    try:
        targets = find_catalogue_file(search=False).read_text(encoding="utf-8-sig")
        click.echo(publish_list(folder, keys, targets=targets, now=_now(), percent=choices.stage_percent))
    except (ListError, SignatureError, StoreError, UnicodeDecodeError, OSError) as error:
        return str(error)
    return ""


def _back_up(folder: OperatorFolder, keys: Path) -> str:
    try:
        click.echo(f"written: {back_up(folder, keys, now=_now())}; copy it to another machine")
    except (OSError, StoreError) as error:
        return str(error)
    return ""


@operate.command()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--listen", "listen_at", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="SOCKET",
              help="Where the web server writes a line for each upload (access_log syslog:server=unix:SOCKET).")
@click.option("--prefix-key", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Key of this month's pseudonyms for prefixes; made where it is missing, and drawn anew each month.")
def origins(directory: Path, listen_at: Path, prefix_key: Path) -> None:
    """Write into DIR from which network each upload came, for `probe collect --origins`. No address is written.

    For each upload, `probe operate origins` writes the network and the country of the uploading address. It also writes
    a pseudonym for the address's prefix (/24 or /48). Within a month, the same prefix gets the same pseudonym.

    The command computes the pseudonyms with a secret key, and throws the key away after the month. It removes its files
    after 40 days.

    \b
    Examples:
      probe operate origins /srv/reachability/state/origins --listen /run/origins/lines.sock \\
        --prefix-key /run/origins/prefix.key
    """
    from probe.config.geo.geo_table import GeoError
    from probe.config.geo.packaged_table import PackedTable
    from probe_operate.origins.origin_files import OriginFiles
    from probe_operate.origins.origin_service import OriginService, listen
    from probe_operate.origins.prefix_words import PrefixWords

    try:
        files = OriginFiles(directory, table=PackedTable(), words=PrefixWords(prefix_key), inbox=INBOX_PATH)
        with listen(listen_at) as sock:
            service = OriginService(sock, files)
            signal.signal(signal.SIGTERM, lambda *_: service.stop())
            signal.signal(signal.SIGINT, lambda *_: service.stop())
            click.echo(f"listening on {visible(str(listen_at))}")
            service.serve()
    except (StoreError, GeoError, ValueError) as error:
        raise click.ClickException(visible(str(error))) from None


@operate.command()
@_FOLDER
@click.option("--only", "parts", multiple=True, type=click.Choice(PARTS), help="Check this alone; repeat.")
@click.option("--metrics", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the same for Prometheus, as a text file that its node_exporter reads.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(directory: Path, parts: tuple[str, ...], metrics: Path | None, as_json: bool) -> None:
    """Say whether the services are well, and what is wrong. Exit status 1 where anything is.

    \b
    Examples:
      probe operate check /srv/reachability
      probe operate check /srv/reachability --only helper --only disk
    """
    try:
        folder = find_folder(directory)
        wanted = [part for part in PARTS if not parts or part in parts]
        found = list(check_parts(read_choices(folder), folder, wanted, now=_now()))
        if metrics:
            replace_file(metrics, format_check_metrics(found).encode())
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from error
    if as_json:
        click.echo(json.dumps([{"part": one.part, "well": one.well, "told": one.message} for one in found]))
    else:
        for one in found:
            click.echo(f"{one.part:<7}{visible(one.message)}")
    if not all(one.well for one in found):
        sys.exit(EXIT_FAILED)


operate.add_command(inbox)
operate.add_command(volunteer)


def _now() -> datetime:
    return datetime.now(UTC)
