"""`probe fleet rollout`: what the first find who try a catalogue, a program or rules, compared with the rest."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, replace_file, translate_os_errors
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.updates.list_document import MAX_BYTES, ListDocument, ListError, read_document

if TYPE_CHECKING:
    from probe_analysis.rollout.rollout_rows import RolloutQuestion
    from probe_analysis.rollout.rollout_summary import Rollout


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option("--list", "list_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Signed list with staged targets: compare the probes that were drawn to try them with the "
                   "others.")
@click.option("--software", metavar="VERSION", help="Compare probes with this version of the program with all "
                                                    "others.")
@click.option("--rules", metavar="VERSION", help="Compare probes with this version of the rules with all others.")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True,
              help="How many days are compared.")
@click.option("--lab", is_flag=True, help="Count the laboratory's runs, and no others.")
@output_option("file", "File to write what was found to, as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def rollout(directory: Path | None, list_file: Path | None, software: str | None, rules: str | None, days: int,
            lab: bool, out: Path | None, as_json: bool) -> None:
    """Compare probes that try something first with the others.

    Some probes already have new targets, or a new version of the program or its rules. The command compares them with
    the other probes of the same country on the same day. It reads what `probe collect` merged into DIRECTORY (default:
    the configured folder).

    There are two groups of probes: those that have the new targets or the new version, and the others. For each
    outcome, such as `blocked`, the command prints by how much its share differs between the two groups. It prints the
    difference, with a 95 % interval, for all services together and for each service.

    For single services, the printed intervals are wider than usual. The reason: among many usual 95 % intervals, some
    are wrong by chance. With the wider ones, the probability is 95 % that none of them is wrong.

    Some probes were drawn by lot to measure a list's new targets early. With --list, `probe fleet rollout` compares
    these probes with the other probes. It computes from a probe's name whether the probe was drawn. New targets are
    listed separately, because the other probes do not measure them.

    \b
    Examples:
      probe fleet rollout collected --list public/lists/list.json
      probe fleet rollout collected --rules 2026.11 --days 14 --json
    """
    if sum(one is not None for one in (list_file, software, rules)) != 1:
        raise click.UsageError("name one of --list, --software and --rules")
    now = datetime.now(UTC)
    since = (now.date() - timedelta(days=days)).isoformat()
    try:
        place = choose_results_folder(load_settings(), directory)
        document = _read_list(list_file) if list_file else None
        if document and not document.stage:
            _give(None, out, as_json)
            return
        found = _compare(place, _ask(document, software, rules, since, lab), document, now)
        _give(found, out, as_json)
    except (StoreError, SettingsError, ListError) as error:
        raise click.ClickException(visible(str(error))) from error


def _read_list(path: Path) -> ListDocument:
    with translate_os_errors(path), path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    try:
        return read_document(raw)
    except ListError as error:
        raise ListError(f"{path}: {error}") from None


def _ask(document: ListDocument | None, software: str | None, rules: str | None, since: str,
         lab: bool) -> RolloutQuestion:
    from probe_analysis.rollout.rollout_rows import RolloutQuestion
    from probe_analysis.rollout.rollout_summary import ask_for_stage

    if document:
        return ask_for_stage(document, since=since, until="", lab=lab)
    return RolloutQuestion(column="software_version" if software else "rules_version", first=software or rules or "",
                           since=since, lab=lab)


def _compare(place: Path, question: RolloutQuestion, document: ListDocument | None, now: datetime) -> Rollout:
    from probe_analysis.rollout.rollout_rows import read_rollout
    from probe_analysis.rollout.rollout_summary import describe_rollout

    with tempfile.TemporaryDirectory(prefix="probe-rollout-") as folder:
        rows = read_rollout(place, question, now=now, temporary=Path(folder))
    return describe_rollout(rows, question, document.stage if document else None)


def _give(found: Rollout | None, out: Path | None, as_json: bool) -> None:
    from probe_analysis.rollout.rollout_summary import make_rollout_lines

    document = found.to_json() if found else {"first": "", "differs": False}
    if out:
        replace_file(out, json.dumps(document).encode())
    if as_json:
        click.echo(json.dumps(document))
        return
    for line in make_rollout_lines(found) if found else ["The list stages no targets: all measure the same."]:
        click.echo(visible(line))
