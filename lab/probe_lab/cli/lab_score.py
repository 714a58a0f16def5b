"""`probe lab score`: how often this program is right where the truth is known."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from probe.core.json_decoders import decode_json
from probe.core.tables.consent_words import LEVELS as CONSENT_LEVELS
from probe_lab.cli.lab_common import LEVELS, catalogue, check_machine, scenarios

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue
    from probe_lab.scoring.score_report import Report
    from probe_lab.scoring.trial import Line, Trial, TrialResult

JOBS = min(64, 20 * (os.cpu_count() or 1))
"""Trials mostly wait: two cores are busy with twenty each."""
MOST_SEED = 999_999_999

FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


def _read_country(cc: str | None) -> str | None:
    """Two letters, in capitals. Raises BadParameter."""
    if cc is not None and not (len(cc) == len("ES") and cc.isascii() and cc.isalpha()):
        raise click.BadParameter(f"{cc!r} is no country of two letters")
    return cc and cc.upper()


@click.command("score")
@click.option("--scenario", "patterns", multiple=True, metavar="GLOB",
              help="Only scenarios so named, or one in a .toml file; repeat.")
@click.option("--seed", type=click.IntRange(0, MOST_SEED), help="The first seed; at random, and printed, if not given.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True,
              help="So many seeds, one after another from the first.")
@click.option("--repeats", type=click.IntRange(1, 100), default=1, show_default=True,
              help="How often to run each trial, to see which verdicts differ.")
@click.option("--level", type=click.Choice((*LEVELS, "both")), default="both", show_default=True,
              help="Evidence level: what the program can gather.")
@click.option("--consent-level", type=click.IntRange(min(CONSENT_LEVELS), max(CONSENT_LEVELS)),
              default=max(CONSENT_LEVELS), show_default=True,
              help="Consent level: what the volunteer agreed to. What the scenarios expect stays the same.")
@click.option("--no-helper", is_flag=True, help="Leave test helpers out: a right verdict or `inconclusive` passes.")
@click.option("--loss", type=click.FloatRange(0, 0.5), metavar="SHARE",
              help="Share of the client's packets to lose in every scenario, each way.")
@click.option("--rtt-ms", type=click.FloatRange(1, 2000), help="Round-trip time in every scenario.")
@click.option("--cc", callback=lambda _, __, cc: _read_country(cc), metavar="CC",
              help="The client's country in every scenario that names none; RU unless given. At consent level 2 the "
                   "probe looks for the place of a block only in countries that need no care.")
@click.option("--spread", is_flag=True,
              help="Let each run take minutes, as scheduled runs do, and not be `--fast`.")
@click.option("--jobs", type=click.IntRange(1, 64), default=JOBS,
              help="Laboratories at a time (default: twenty for each core).")
@click.option("--json", "as_json", is_flag=True, help="Print the score as JSON.")
@click.option("--html", type=FILE, help="Write the score to this file, as one page.")
@click.option("--markdown", type=FILE, help="Write the score to this file, as Markdown.")
@click.option("--keep-failing", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write a small file here for each trial that went wrong; tests run it again.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep results and truth logs here.")
def score(patterns: tuple[str, ...], seed: int | None, seeds: int, repeats: int, level: str, consent_level: int,
          no_helper: bool, loss: float | None, rtt_ms: float | None, cc: str | None, spread: bool, jobs: int,
          as_json: bool, html: Path | None, markdown: Path | None, keep_failing: Path | None, keep: Path | None,
          ) -> None:
    """Run the probe in every scenario, and say how often it was right.

    The exit status is 1 if the probe accused falsely, or if no trial could be judged.

    \b
    Examples:
      probe lab score
      probe lab score --scenario 'dns-*' --scenario clean --seeds 10 --html score.html
      probe lab score --loss 0.05 --rtt-ms 300
      probe lab score --consent-level 1 --level socket --spread
      probe lab score --consent-level 2 --level socket --cc ES
      probe lab score --scenario sni-gfw2 --seed 7 --level socket --keep ~/why
    """
    from probe_lab.scoring.trial import Line, Trial

    check_machine()
    line = Line(loss=loss, rtt_ms=rtt_ms, cc=cc, spread=spread)
    chosen = scenarios(patterns)
    first = random.SystemRandom().randint(1, MOST_SEED - seeds) if seed is None else seed
    numbers = tuple(range(first, first + seeds))
    levels = LEVELS if level == "both" else (level,)
    click.echo(f"Seed {first} (the same again: --seed {first})", err=True)
    trials = [
        Trial(scenario=scenario, seed=number, level=name, consent_level=consent_level, helpers=not no_helper,
              line=line, repetition=repetition, keep=keep)
        for repetition in range(repeats) for number in numbers for scenario in chosen for name in levels
    ]
    begin = time.monotonic()
    rows = catalogue()
    results = _run(trials, rows, jobs=jobs)
    report = _report(trials, results, rows, patterns=patterns, repeats=repeats, line=line,
                     wall_s=time.monotonic() - begin)
    _write(report, as_json=as_json, html=html, markdown=markdown)
    if keep_failing is not None:
        _keep_failing(results, keep_failing)
    sys.exit(1 if report.total.false_accusations or report.total.accuracy is None else 0)


def _run(trials: Sequence[Trial], rows: Catalogue, *, jobs: int) -> tuple[TrialResult, ...]:
    from probe_lab.lab_errors import LabUnavailable
    from probe_lab.scoring.score_run import run_trials

    try:
        if not sys.stderr.isatty():
            return run_trials(trials, catalogue=rows, jobs=jobs, progress=lambda _: None)
        with click.progressbar(length=len(trials), label="Scenarios", file=sys.stderr) as bar:
            return run_trials(trials, catalogue=rows, jobs=jobs, progress=lambda _: bar.update(1))
    except LabUnavailable as error:
        raise click.ClickException(str(error)) from error


def _keep_failing(results: Sequence[TrialResult], folder: Path) -> None:
    from probe_lab.scoring.failing_seeds import write_failing

    try:
        kept = write_failing(results, folder)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
    click.echo(f"Trials that went wrong: {len(kept)}{f', kept in {folder}' if kept else ''}", err=True)


def _report(trials: Sequence[Trial], results: Sequence[TrialResult], rows: Catalogue, *, patterns: tuple[str, ...],
            repeats: int, line: Line, wall_s: float) -> Report:
    from probe import __version__
    from probe_lab.scoring.score_report import Report
    from probe_lab.scoring.score_run import add_up_trials as add_up

    judge = _judge()
    levels = dict.fromkeys(trial.level for trial in trials)
    return Report(
        patterns=patterns,
        seeds=tuple(dict.fromkeys(trial.seed for trial in trials)),
        repeats=repeats,
        helpers=trials[0].helpers,
        consent_level=trials[0].consent_level,
        scenarios=tuple({trial.scenario.name: trial.scenario for trial in trials}.values()),
        total=add_up(results, capped=judge.capped),
        levels={name: add_up((result for result in results if result.level == name), capped=judge.capped)
                for name in levels},
        wall_s=wall_s,
        software=f"Program {__version__}, rules {judge.rules_version}, catalogue {rows.version}.",
        rule_ids=judge.rule_ids,
        line=line,
    )


class _Rule(msgspec.Struct):
    id: str
    decides_fast_runs: bool
    """Trials run with --fast, in one time slot."""
    capped: bool = False
    """It is less sure than it would be by itself."""


class _Judge(msgspec.Struct):
    """What the program under test says of its rules."""

    rules_version: str
    rules: list[_Rule]

    @property
    def rule_ids(self) -> tuple[str, ...]:
        return tuple(rule.id for rule in self.rules if rule.decides_fast_runs)

    @property
    def capped(self) -> frozenset[str]:
        return frozenset(rule.id for rule in self.rules if rule.capped)


def _judge() -> _Judge:
    said = subprocess.run([sys.executable, "-P", "-m", "probe", "explain", "--rules", "--json"], capture_output=True,
                          check=True, timeout=60).stdout
    return decode_json(said, _Judge)


def _write(report: Report, *, as_json: bool, html: Path | None, markdown: Path | None) -> None:
    from probe_lab.scoring.score_html import as_html
    from probe_lab.scoring.score_json import as_json as to_json
    from probe_lab.scoring.score_markdown import as_markdown
    from probe_lab.scoring.score_text import as_text

    click.echo(json.dumps(to_json(report), indent=2) if as_json else as_text(report))
    try:
        if html is not None:
            html.write_text(as_html(report), encoding="utf-8")
        if markdown is not None:
            markdown.write_text(as_markdown(report), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
