"""`probe show`: one run, messenger or verdict, with its history and what it rests on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from probe.catalogue.types import CatalogueError
from probe.config.settings import Settings, SettingsError, choose_results_folder, load_settings
from probe.core.stamps import parse_time
from probe.core.translation import say
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, write_file
from probe.store.runs.run_reader import read_run
from probe.upkeep.commands.earlier_series import read_series
from probe.upkeep.commands.output_option import tell_new_folder
from probe.upkeep.commands.run_summary import describe_run
from probe.upkeep.commands.screen import echo_lines, find_columns, name_folder_option
from probe.upkeep.commands.target_list import choose_run_catalogue
from probe.upkeep.status.answer_lookup import Shown, UnknownWordError, find_shown
from probe.upkeep.status.board_reading import read_board
from probe.upkeep.status.first_screen import COLUMNS
from probe.upkeep.status.service_answer import gather_catalogue_facts
from probe.upkeep.status.shown_text import describe_shown, encode_shown


@click.command()
@click.argument("word", default="", metavar="[RUN|MESSENGER|TARGET]")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path),
              help="Folder of the results (default: the configured one).")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--details", is_flag=True, help="Of a run: target by target, with rule and confidence.")
@click.option("-o", "--output", "--page", "page", type=click.Path(dir_okay=False, path_type=Path),
              callback=tell_new_folder, help="Write it as one HTML file that needs no network.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, as for somebody who is to judge a verdict.")
def show(word: str, results: Path | None, config: str | None, details: bool, page: Path | None, as_json: bool) -> None:
    """Say what a run found, or what is known of one messenger or one target: now, before, and why. Sends nothing.

    Without an argument the command shows the last run. RUN is a run's id, or its first characters. MESSENGER is a name
    such as signal. TARGET is a target_id, or the URL of one endpoint in the list of targets.

    \b
    Examples:
      probe show
      probe show whatsapp
      probe show whatsapp.web.client --json
      probe show --page messengers.html
    """
    try:
        settings = load_settings(config)
        folder = choose_results_folder(settings, results)
        shown = _find(settings, folder, word)
    except UnknownWordError as error:
        raise click.UsageError(str(error)) from error
    except (StoreError, SettingsError, CatalogueError) as error:
        raise click.ClickException(visible(str(error))) from error
    if page:
        _write_page(shown, folder, page)
    if as_json:
        click.echo(json.dumps(encode_shown(shown), default=str))
        return
    if page:
        click.echo(say("Page: {page}", page=str(page)))
        return
    echo_lines(describe_shown(shown, where=name_folder_option(results), columns=find_columns() or COLUMNS,
                              details=details))
    if details and not shown.service and not shown.verdict:
        result = read_run(folder, shown.run.run_id)
        echo_lines(describe_run(result, read_series(folder, result)))


def _find(settings: Settings, folder: Path, word: str) -> Shown:
    facts = gather_catalogue_facts(choose_run_catalogue(settings, None, datetime.now(UTC)).catalogue)
    return find_shown(folder, word, facts)


def _write_page(shown: Shown, folder: Path, page: Path) -> None:
    from probe.upkeep.page.answer_page import make_answer_page

    try:
        ended = parse_time(shown.run.measurement_end_time or shown.run.measurement_start_time)
        board = read_board(folder, now=ended, lab=shown.run.vantage.lab)
        write_file(page, make_answer_page(shown, board).encode())
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
