"""`probe lab`: scenarios, programs against a known censor, and the score of this program."""

from __future__ import annotations

import fnmatch
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue
    from probe.lab.scenario import Scenario
    from probe.lab.trial import Trial, TrialResult

LEVELS = ("socket", "packet")
EXEC_TIMEOUT_S = 86_400.0
JOBS = min(12, 4 * (os.cpu_count() or 1))


@click.group()
def lab() -> None:
    """Run programs against known censors in a closed internet.

    Nothing that runs in the laboratory can reach the real network. Needs the extra `lab`, Linux, and the right to
    make namespaces; `probe doctor` says whether this machine has it.
    """


@lab.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of {name, title, kind, expect}.")
def list_(as_json: bool) -> None:
    """Name the scenarios.

    \b
    Examples:
      probe lab list
      probe lab list --json | jq '.[] | select(.kind == "innocent").name'
    """
    scenarios = _scenarios(())
    if as_json:
        click.echo(json.dumps([_described(scenario) for scenario in scenarios], indent=2))
        return
    width = max(len(scenario.name) for scenario in scenarios)
    for scenario in scenarios:
        click.echo(f"{scenario.number:4} {scenario.name:{width}}  {scenario.kind:10}  {scenario.title}")


def _described(scenario: Scenario) -> dict[str, object]:
    expects = [
        {
            "of": expect.of, "outcome": list(expect.outcomes), "block_type": expect.block_type,
            "min_depth": expect.min_depth, "level": expect.level,
        }
        for expect in scenario.expects
    ]
    return {"name": scenario.name, "title": scenario.title, "kind": scenario.kind, "expect": expects}


@lab.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("scenario")
@click.option("--seed", type=int, default=1, show_default=True, help="What is drawn: targets, addresses, delays.")
@click.option("--level", type=click.Choice(LEVELS), default="packet", show_default=True,
              help="socket: raw sockets are refused, as to an ordinary user.")
@click.option("--pcap", type=click.Path(file_okay=False, path_type=Path), help="Folder for captures of every wire.")
@click.option("--no-helper", is_flag=True, help="Leave the test helpers out.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(scenario: str, seed: int, level: str, pcap: Path | None, no_helper: bool, command: tuple[str, ...]) -> None:
    """Run any program on the client side of SCENARIO; its exit status becomes ours.

    What was drawn is written to standard error first: the targets, and who is censored how. $PROBE_CONFIG names a
    configuration with this world's helpers.

    \b
    Examples:
      probe lab exec clean -- curl -sv https://www.facebook.com/
      probe lab exec sni-gfw2 --seed 7 --pcap /tmp/wires -- probe run --fast
      probe lab exec dns-gfw-3 -- bash
    """
    from probe.lab.draw import draw
    from probe.lab.laboratory import LabFailed, Laboratory, LabUnavailable
    from probe.lab.toml_table import ScenarioError
    from probe.lab.trial import configuration, program_environment

    _check_machine()
    try:
        drawn = draw(_load(scenario), seed=seed, endpoints=_catalogue().endpoints)
        if pcap is not None:
            pcap.mkdir(parents=True, exist_ok=True)
        click.echo(f"{drawn.name} (seed {seed}): {drawn.title}", err=True)
        for alias, inputs in drawn.aliases.items():
            if ":" not in alias:
                click.echo(f"  @{alias}: {' '.join(inputs)}", err=True)
        with Laboratory(drawn, level=level, helpers=not no_helper, pcap_dir=pcap) as laboratory:
            config = laboratory.directory / "probe.toml"
            config.write_text(configuration(drawn.world, helpers=not no_helper))
            done = laboratory.run(
                command, env={**program_environment(), "PROBE_CONFIG": str(config)}, timeout_s=EXEC_TIMEOUT_S,
                stdout=None, stderr=None,
            )
    except (ScenarioError, LabFailed, LabUnavailable) as error:
        raise click.ClickException(str(error)) from error
    # A program that a signal ended has a negative status; shells write 128 and the signal.
    sys.exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)


@lab.command("score")
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

    _check_machine()
    scenarios = _scenarios(patterns)
    numbers = [seed] if seed is not None else list(range(1, seeds + 1))
    levels = LEVELS if level == "both" else (level,)
    trials = [
        Trial(scenario=scenario, seed=number, level=name, helpers=not no_helper, keep=keep)
        for number in numbers for scenario in scenarios for name in levels
    ]
    begin = time.monotonic()
    results = _run(trials, jobs=jobs)
    total = add_up(results)
    parts = {name: add_up(result for result in results if result.level == name) for name in levels}
    if as_json:
        names = [scenario.name for scenario in scenarios]
        click.echo(json.dumps(to_json(total, parts, seed=numbers[0], scenarios=names), indent=2))
    else:
        click.echo(as_text(parts, wall_s=time.monotonic() - begin))
    sys.exit(1 if total.false_accusations else 0)


def _run(trials: Sequence[Trial], *, jobs: int) -> tuple[TrialResult, ...]:
    from probe.lab.errors import LabUnavailable
    from probe.lab.score import run_trials
    from probe.lab.toml_table import ScenarioError

    catalogue = _catalogue()
    try:
        if not sys.stderr.isatty():
            return run_trials(trials, catalogue=catalogue, jobs=jobs, progress=lambda _: None)
        with click.progressbar(length=len(trials), label="Scenarios", file=sys.stderr) as bar:
            return run_trials(trials, catalogue=catalogue, jobs=jobs, progress=lambda _: bar.update(1))
    except (ScenarioError, LabUnavailable) as error:
        raise click.ClickException(str(error)) from error


def _scenarios(patterns: Sequence[str]) -> tuple[Scenario, ...]:
    """The scenarios that match any of the patterns, all without one, in the order of their numbers."""
    from probe.lab.scenario import names

    chosen = [n for n in names() if not patterns or any(fnmatch.fnmatchcase(n, pattern) for pattern in patterns)]
    if not chosen:
        raise click.ClickException(f"no scenario is named like {', '.join(patterns)}; see `probe lab list`")
    return tuple(sorted(map(_load, chosen), key=_order))


def _order(scenario: Scenario) -> tuple[str, int, str]:
    digits = scenario.number.lstrip("C")
    return scenario.number.removesuffix(digits), int(digits or 0), scenario.name


def _load(name: str) -> Scenario:
    try:
        from probe.lab.scenario import load
        from probe.lab.toml_table import ScenarioError
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    try:
        return load(name)
    except ScenarioError as error:
        raise click.ClickException(str(error)) from error


def _catalogue() -> Catalogue:
    from probe.catalogue.load import load
    from probe.catalogue.types import CatalogueError

    try:
        return load(search=False)
    except CatalogueError as error:
        raise click.ClickException(str(error)) from error


def _check_machine() -> None:
    try:
        from probe.lab.laboratory import unavailable
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    reason = unavailable()
    if reason:
        raise click.ClickException(f"no laboratory on this machine: {reason}")


def _missing(error: ModuleNotFoundError) -> click.ClickException:
    return click.ClickException(f"the laboratory needs {error.name}; run: pip install 'reachability-probe[lab]'")
