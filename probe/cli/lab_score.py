"""`probe lab score`: how often this program is right where the truth is known."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.cli.lab_common import LEVELS, catalogue, check_machine, scenarios

if TYPE_CHECKING:
    from probe.lab.trial import Trial, TrialResult

JOBS = min(12, 4 * (os.cpu_count() or 1))


@click.command("score")
@click.option("--scenario", "patterns", multiple=True, metavar="GLOB", help="Only scenarios so named; repeat.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Seeds 1 to N.")
@click.option("--seed", type=int, help="One seed only, as a miss names it.")
@click.option("--level", type=click.Choice((*LEVELS, "both")), default="both", show_default=True,
              help="Evidence that the program can gather.")
@click.option("--no-helper", is_flag=True, help="Without test helpers: a right verdict or `inconclusive` passes.")
@click.option("--jobs", type=click.IntRange(1, 64), default=JOBS, show_default=True, help="Laboratories at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print the score as JSON.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep results and truth logs here.")
def score(patterns: tuple[str, ...], seeds: int, seed: int | None, level: str, no_helper: bool, jobs: int,
          as_json: bool, keep: Path | None) -> None:
    """Run this program in every scenario and say how often it was right; exit status 1 for a false accusation.

    \b
    Examples:
      probe lab score
      probe lab score --scenario 'dns-*' --scenario clean --seeds 10
      probe lab score --scenario sni-gfw2 --seed 7 --level socket --keep /tmp/why
    """
    from probe.lab.score import score as add_up
    from probe.lab.score_text import as_json as to_json
    from probe.lab.score_text import as_text
    from probe.lab.trial import Trial

    check_machine()
    chosen = scenarios(patterns)
    numbers = [seed] if seed is not None else list(range(1, seeds + 1))
    levels = LEVELS if level == "both" else (level,)
    trials = [
        Trial(scenario=scenario, seed=number, level=name, helpers=not no_helper, keep=keep)
        for number in numbers for scenario in chosen for name in levels
    ]
    begin = time.monotonic()
    results = _run(trials, jobs=jobs)
    total = add_up(results)
    parts = {name: add_up(result for result in results if result.level == name) for name in levels}
    if as_json:
        names = [scenario.name for scenario in chosen]
        click.echo(json.dumps(to_json(total, parts, seed=numbers[0], scenarios=names), indent=2))
    else:
        click.echo(as_text(parts, wall_s=time.monotonic() - begin))
    sys.exit(1 if total.false_accusations else 0)


def _run(trials: Sequence[Trial], *, jobs: int) -> tuple[TrialResult, ...]:
    from probe.lab.errors import LabUnavailable
    from probe.lab.score import run_trials
    from probe.lab.toml_table import ScenarioError

    rows = catalogue()
    try:
        if not sys.stderr.isatty():
            return run_trials(trials, catalogue=rows, jobs=jobs, progress=lambda _: None)
        with click.progressbar(length=len(trials), label="Scenarios", file=sys.stderr) as bar:
            return run_trials(trials, catalogue=rows, jobs=jobs, progress=lambda _: bar.update(1))
    except (ScenarioError, LabUnavailable) as error:
        raise click.ClickException(str(error)) from error
