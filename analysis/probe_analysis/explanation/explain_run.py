"""`probe explain RUN_ID TARGET`: how a verdict of a run came about (entry point `run` of `probe.explanations`)."""

from __future__ import annotations

import json
from pathlib import Path

import click

from probe.catalogue.types import CatalogueError
from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.screen import echo_lines
from probe_analysis.explanation.explanation_text import describe_explanation, encode_explanation
from probe_analysis.explanation.run_explanation import explain_verdict


def explain_run(run_id: str, target: str, results: Path | None, catalogue: str | None, *, as_json: bool) -> None:
    """Prints it. Raises ClickException for what is not there or cannot be read."""
    try:
        explanation = explain_verdict(choose_results_folder(load_settings(), results), run_id, target, catalogue)
    except (StoreError, CatalogueError, SettingsError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(encode_explanation(explanation), default=str))
        return
    echo_lines(describe_explanation(explanation))
