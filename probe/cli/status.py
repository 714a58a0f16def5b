"""`probe status`: how do the runs go, and what is to be done?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from probe.catalogue.laboratory_marker import read_marker
from probe.config.consent.consent_check import explain_lacking_consent
from probe.config.consent.consent_language import describe_machine_made
from probe.config.settings import Settings, SettingsError, choose_results_folder, load_settings
from probe.core.translation import current_language, isolate, say
from probe.upkeep.commands.command_setup import advise_on_settings
from probe.upkeep.commands.run_lock import read_held_since
from probe.upkeep.commands.screen import echo_lines, find_columns, name_folder_option
from probe.upkeep.schedules.installed_schedules import find_last_errors, list_installed
from probe.upkeep.status.answer_json import encode_answer
from probe.upkeep.status.first_screen import COLUMNS, describe_first_screen
from probe.upkeep.status.installation_checks import check_capture, check_links, check_resolver
from probe.upkeep.status.status_facts import StatusFacts, gather_status_facts
from probe.upkeep.status.status_findings import BAD, NOTE, OK, StatusFinding, list_findings


@click.command()
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Folder of the results.")
@click.option("--details", is_flag=True, help="Say what is in order too, and blocks target by target.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def status(config: str | None, results: Path | None, details: bool, as_json: bool) -> None:
    """Say which messengers work, what is wrong with the runs of the last 30 days, and what to do. Sends nothing.

    The exit status is 1 if you should change something.

    \b
    Examples:
      probe status
      probe status --details
      probe status --json | jq '.findings[] | select(.state == "bad")'
    """
    try:
        settings = load_settings(config)
    except SettingsError as error:
        raise click.ClickException(f"{error}\n" + advise_on_settings(config)) from error
    facts = _facts(settings, choose_results_folder(settings, results).absolute())
    found = (*list_findings(facts), *_device())
    if as_json:
        click.echo(json.dumps(_as_json(facts, found)))
    else:
        if machine := describe_machine_made(current_language()):
            echo_lines([machine])
        _tell_answer(facts, where=name_folder_option(results))
        marks = {OK: say("ok"), NOTE: say("note"), BAD: say("BAD")}
        width = max(map(len, marks.values()))
        for finding in found if details else [one for one in found if one.state != OK]:
            mark = marks[finding.state].ljust(width)
            echo_lines([f"{isolate(mark)}  {say(finding.what)}: {finding.text}"])
            if finding.todo:
                echo_lines(["        " + say("to do: {todo}", todo=finding.todo)])
    if any(finding.state == BAD for finding in found):
        sys.exit(1)


def _tell_answer(facts: StatusFacts, *, where: str) -> None:
    """The last run's answer; where it says nothing of services, also the last one that does."""
    if facts.answer is None and facts.runs:
        echo_lines([say("The last run or the list of targets cannot be read, so nothing is said of messengers: see "
                        "below."), ""])
        return
    if facts.answer is None:
        click.echo(say("Nothing was measured in the last 30 days. To do so: probe run --fast"))
        return
    screen = partial(describe_first_screen, where=where, columns=find_columns() or COLUMNS)
    echo_lines(screen(facts.answer))
    if facts.said_last:
        click.echo("\n" + say("Before that:"))
        echo_lines(screen(facts.said_last))
    click.echo()


def _facts(settings: Settings, results: Path) -> StatusFacts:
    try:
        errors = find_last_errors().read_text(encoding="utf-8", errors="replace")[-4000:]
    except OSError:
        errors = ""
    return gather_status_facts(settings, results, now=datetime.now(UTC),
                               not_agreed="" if read_marker().lab else explain_lacking_consent(settings),
                               at_work=list_installed(), running_since=read_held_since(results), errors=errors)


def _device() -> list[StatusFinding]:
    """What `probe doctor` finds of this device as it is now."""
    todo = {"network": say("connect this device"), "resolver": say("look at /etc/resolv.conf")}
    return [StatusFinding(what=f"{what} now" if what != "packets" else "privilege", state=OK if ok else BAD, text=text,
                          todo="" if ok else todo.get(what, "probe doctor"))
            for what, ok, text in (check_links(), check_resolver(), check_capture())]


def _as_json(facts: StatusFacts, found: tuple[StatusFinding, ...]) -> dict[str, object]:
    term, sent = facts.term, facts.uploads
    return {
        "answer": encode_answer(facts.answer) if facts.answer else None,
        "said_last": encode_answer(facts.said_last) if facts.said_last else None,
        "findings": [asdict(finding) for finding in found],
        "schedule": {"by": term.by, "every_min": term.rhythm.every_min} if term else None,
        "gaps": [{"first": gap.first.isoformat(), "last": gap.last.isoformat(), "n": gap.n, "why": gap.why}
                 for gap in facts.gaps],
        "runs": [{"run_id": run.run_id, "start": run.measurement_start_time, "outcome": run.outcome,
                  "block_type": run.block_type, "bytes_written": run.bytes_written, "bytes_read": run.bytes_read}
                 for run in facts.runs],
        "blocked": [{"target_id": v.target_id, "block_type": v.block_type, "confirmed": v.confirmed}
                    for v in facts.blocked],
        "upload": {"to": sent.place, "there": sent.there, "waiting": sent.waiting, "last_answer": sent.last_answer,
                   "failures": sent.failures, "failure": sent.failure,
                   "last_success": sent.last_success.isoformat() if sent.last_success else None,
                   "lost": sent.lost} if sent else None,
        "disk_bytes": facts.disk_bytes, "free_bytes": facts.free_bytes, "results": str(facts.results),
    }
