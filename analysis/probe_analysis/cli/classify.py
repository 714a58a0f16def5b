"""`probe classify`: judge stored observations again, with today's rules."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from probe.catalogue.types import CatalogueError
from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.counted_words import count_things
from probe.core.verdicts import Verdict
from probe.judge.rules_version import RULES_VERSION
from probe.session.run_verdicts import judge_stored_run
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_runs
from probe.upkeep.commands.target_list import choose_run_catalogue
from probe_analysis.imported.run_judges import find_judge


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--run", "run_id", help="Only this run.")
@click.option("--catalogue", type=click.Path(dir_okay=False), help="Judge by this catalogue instead of the usual one.")
@click.option("--all", "show_all", is_flag=True, help="Show every verdict, not only the changed ones.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a verdict.")
def classify(directory: Path | None, run_id: str | None, catalogue: str | None, show_all: bool, as_json: bool) -> None:
    """Judge the observations in DIRECTORY (default: the configured folder) again with today's rules.

    Nothing is measured, nothing is overwritten.

    \b
    Examples:
      probe classify results
      probe classify results --run 20170504T100000Z_1a2b3c4d --all
    """
    try:
        settings = load_settings()
        directory = directory or choose_results_folder(settings)
        targets = choose_run_catalogue(settings, catalogue, datetime.now(UTC)).catalogue
        counts: Counter[str] = Counter()
        for result in read_runs(directory):
            if run_id and result.run.run_id != run_id:
                continue
            old = {v.target_id: v for v in result.verdicts}
            judge = find_judge(result.run)
            verdicts, _ = judge.judge_run(result) if judge else judge_stored_run(result, targets)
            for verdict in verdicts:
                before = old.get(verdict.target_id)
                changed = before is None or _essence(before) != _essence(verdict)
                counts["changed" if changed else "unchanged"] += 1
                if changed or show_all:
                    _show(result.run.run_id, before, verdict, as_json)
    except (StoreError, CatalogueError, SettingsError) as error:
        raise click.ClickException(str(error)) from error
    if not as_json:
        click.echo(f"Rules {RULES_VERSION}: {count_things(counts['unchanged'], 'verdict')} unchanged, "
                   f"{counts['changed']} changed.")


def _essence(verdict: Verdict) -> tuple[str, str, tuple[str, ...]]:
    return verdict.outcome, verdict.block_type, verdict.also


def _show(run_id: str, before: Verdict | None, now: Verdict, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"run_id": run_id, "before": asdict(before) if before else None, "now": asdict(now)}))
        return
    old = f"{before.outcome} {before.block_type}".strip() if before else "nothing"
    click.echo(f"{run_id}  {now.target_id}: {old} -> {f'{now.outcome} {now.block_type}'.strip()}  ({now.rule_id})")
