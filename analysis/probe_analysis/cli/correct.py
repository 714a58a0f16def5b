"""`probe correct`: say of an event that it was wrong, or print the reply of somebody concerned."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import click

from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, append_lines, translate_os_errors
from probe_analysis.cells.file_names import EVENTS_FILE
from probe_analysis.events.corrections import (
    KINDS,
    CorrectionKind,
    find_corrections_file,
    make_correction,
    read_corrections,
    write_line,
)
from probe_analysis.events.event_log import LogRow, list_current, retract_event
from probe_analysis.events.log_file import read_log


@click.command()
@click.argument("event")
@click.argument("analysis", metavar="[ANALYSIS]", default="analysis",
                type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--kind", required=True, type=click.Choice(get_args(CorrectionKind)),
              help="retraction: it was wrong, and is told no more; correction: a detail was wrong; reply: what "
                   "somebody concerned says.")
@click.option("--by", required=True, help="Who says so, as they want to be named.")
@click.option("--text", required=True, help="What is said, for everybody to read.")
@click.option("--link", default="", help="Where more can be read: an https address.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def correct(event: str, analysis: Path, kind: CorrectionKind, by: str, text: str, link: str, as_json: bool) -> None:
    """Correct an event in what `probe analyse` keeps in ANALYSIS, or print a reply beside it.

    EVENT is the event's id in events.jsonl, or the key in the address of its page. The next `probe site` shows the
    correction on the event's page and on the page of all corrections, in the feeds and in events.json. `probe alert`
    tells of a retraction. Nothing can be taken back: write another correction.

    A retracted event is not told again, unless more networks or clearly more failures show.

    \b
    Examples:
      probe correct 2026-03-01-ru-signal --kind reply --by "Example Telecom" --text "We had an outage." \\
          --link https://example.org/statement
      probe correct 2026-03-01-ru-signal --kind retraction --by "The editors" --text "A defect of version 0.4."
    """
    try:
        log = read_log(analysis / EVENTS_FILE)
        known = _find_event(event, log)
        now = datetime.now(UTC).replace(microsecond=0)
        made = make_correction(known, kind=kind, by=by, text=text, link=link, now=now)
        read_corrections(find_corrections_file(analysis))
        row = retract_event(known, now) if kind == "retraction" else None
        with translate_os_errors(analysis):
            append_lines(find_corrections_file(analysis), write_line(made))
            if row:
                append_lines(analysis / EVENTS_FILE, (json.dumps(row, ensure_ascii=False) + "\n").encode())
    except (StoreError, ValueError) as error:
        raise click.ClickException(visible(f"{event}: {error}")) from error
    if as_json:
        click.echo(write_line(made).decode().rstrip())
    else:
        click.echo(visible(f"{made.event_id}: {KINDS[kind]}. Call `probe site` and `probe alert` to tell."))


def _find_event(name: str, log: list[LogRow]) -> LogRow:
    """The last row of an event by its id or its page's key. Raises StoreError where there is none."""
    from probe_analysis.site.site_names import name_events

    current = list_current(log)
    ids = {key: event_id for event_id, key in name_events(log).items()}
    known = current.get(name) or current.get(ids.get(name, ""))
    if known is None:
        raise StoreError("the log has no such event; probe analyse --json and the site's addresses name them")
    return known
