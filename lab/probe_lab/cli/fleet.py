"""`probe fleet`: made-up volunteers over months, to score event detection and to make data of any size."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.core.counted_words import count_things
from probe.core.progress import Progress
from probe_lab.cli.progress import bar
from probe_lab.lab_errors import INSTALL_FLEET

if TYPE_CHECKING:
    from probe_lab.fleet.fleet_world import FleetSize

MOST_SEED = 999_999_999
MOST_ROWS = 10_000_000_000
PLENTY = 100_000
_TARGETS = 2
"""Of each service, in made-up rows."""
_SEED = click.IntRange(0, MOST_SEED)


@click.group(short_help="Made-up volunteers over months: score event detection, make data.")
def fleet() -> None:
    """Make up volunteers, networks, censors and outages over months, with known truth.

    Nothing is measured and no packet is sent. Needs the extra `fleet` of the laboratory.
    """


@fleet.command()
@click.option("--rows", type=click.IntRange(1, MOST_ROWS), default=1_000_000, show_default=True,
              help="How many verdicts to write at least; whole days are written.")
@click.option("-o", "--output", "--out", "out",
              type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to.")
@click.option("--seed", type=_SEED, default=1, show_default=True, help="The same seed makes the same rows.")
@click.option("--volunteers", type=click.IntRange(1, PLENTY), default=200, show_default=True,
              help="More where so many rows need more.")
@click.option("--networks", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--services", type=click.IntRange(13, 500), default=50, show_default=True)
@click.option("--days", type=click.IntRange(2, 3660), default=180, show_default=True, help="Fewer for few rows.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def simulate(rows: int, out: Path, seed: int, volunteers: int, networks: int, services: int, days: int,
             as_json: bool) -> None:
    """Write verdicts, services and runs of a made-up fleet as Parquet, and what happened to it as truth.json.

    The rows have the schema of the results, and are below DIR/parquet/TABLE/date=YYYY-MM-DD. They are marked `lab`, so
    the program never mixes them with real rows. The command keeps only one day in memory at a time.

    \b
    Examples:
      probe fleet simulate --rows 1000000 -o ~/fleet
      probe fleet simulate --rows 100000000 -o ~/large --seed 7
    """
    _check()
    from probe_lab.fleet.fleet_rows import size_for, write_rows
    from probe_lab.fleet.fleet_truth import draw_truth
    from probe_lab.fleet.fleet_world import FleetSize, draw_world

    size = FleetSize(volunteers=volunteers, networks=networks, services=services, targets=_TARGETS, days=days)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with bar("Rows", wanted=not as_json) as tell:
            written = write_rows(rows, out, seed, size, tell)
        world = draw_world(seed, size_for(rows, size))
        truth = {"seed": seed, "countries": world.countries, "asns": world.asns, "services": world.services,
                 **asdict(draw_truth(world))}
        (out / "truth.json").write_text(json.dumps(truth, indent=1), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{error.filename or out}: {error.strerror}") from error
    if as_json:
        click.echo(json.dumps({"seed": seed, "out": str(out), **asdict(written)}))
    else:
        click.echo(f"{out}: {count_things(written.verdicts, 'verdict')}, {count_things(written.services, 'service')} "
                   f"and {count_things(written.runs, 'run')} of "
                   f"{count_things(written.volunteers, 'volunteer')} in {count_things(written.days, 'day')}; "
                   f"truth.json says what happened.")


@fleet.command()
@click.option("--seed", type=_SEED, help="The first seed; at random, and printed, if not given.")
@click.option("--seeds", type=click.IntRange(1, 1000), default=1, show_default=True,
              help="So many seeds, one after another from the first.")
@click.option("--volunteers", type=click.IntRange(1, PLENTY), default=200, show_default=True)
@click.option("--networks", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--services", type=click.IntRange(13, 500), default=50, show_default=True)
@click.option("--days", type=click.IntRange(21, 3660), default=180, show_default=True)
@click.option("--hard", is_flag=True, help="Simulate what is hard to find: blocks that pause or hit only some users, "
                                           "services that often fail anyway, countries with one network, and a "
                                           "defect of the program that goes on to the end.")
@click.option("--peers", is_flag=True, help="Also try other detectors on the same counts: OONI's CUSUM, a control "
                                            "chart, and PELT of the package ruptures, if it is installed.")
@click.option("--sybils", type=click.IntRange(0, PLENTY), default=0, metavar="NAMES",
              help="Also simulate liars, who send false runs for some networks. In each of these networks they have "
                   "this many new probes' names, or a few names known for days. Compare with honest fleets.")
@click.option("--grid/--no-grid", default=True, show_default=True,
              help="Also print recall by the number of volunteers who saw a block, and by their uptime.")
@click.option("--hourly", "hourly_days", type=click.IntRange(0, 3660), default=0, metavar="DAYS",
              help="Also repeat the analysis for each hour of this many last days, and say what was reported when, "
                   "what was false, and what was withdrawn later. Each hour takes as long as one analysis.")
@click.option("--series", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Score on these real counts (CSV: time, network, target, n, failed) with blocks put into them.")
@click.option("--json", "as_json", is_flag=True, help="Print the score as JSON.")
def score(seed: int | None, seeds: int, volunteers: int, networks: int, services: int, days: int, hard: bool,
          peers: bool, sybils: int, grid: bool, hourly_days: int, series: Path | None, as_json: bool) -> None:
    """Say how well the analysis detects events, in simulated fleets in which the true blocks are known.

    Recall is the share of true blocks of six hours or longer that were found. Precision is the share of found events
    that are true. The onset error is the time between a block's true beginning and the beginning that the analysis
    found.

    With --series, FILE says for each hour or day how many measurements failed, in the form that `probe analyse` reads.
    Networks have names such as RU-AS12389.

    \b
    Examples:
      probe fleet score --seeds 10
      probe fleet score --seed 7 --no-grid --json | jq .precision
      probe fleet score --series counts.csv --seeds 5
      probe fleet score --hard --volunteers 1000 --peers
      probe fleet score --volunteers 60 --networks 8 --services 14 --days 60 --sybils 60 --json | jq .forgers_needed
      probe fleet score --volunteers 60 --networks 8 --services 14 --days 60 --hourly 14 --no-grid
    """
    _check()
    from probe_lab.fleet.fleet_world import FleetSize

    first = random.SystemRandom().randint(1, MOST_SEED - seeds) if seed is None else seed
    numbers = range(first, first + seeds)
    if seed is None:
        click.echo(f"Seed {first} (the same again: --seed {first})", err=True)
    if series is not None:
        _score_series(series, numbers, as_json=as_json)
    else:
        size = FleetSize(volunteers=volunteers, networks=networks, services=services, days=days, hard=hard)
        if peers:
            _score_peers(numbers, size, as_json=as_json)
            return
        if sybils:
            _score_sybils(numbers, size, sybils, as_json=as_json)
            return
        _score_fleets(numbers, size, grid=grid, hourly_days=hourly_days, as_json=as_json)


def _score_fleets(seeds: range, size: FleetSize, *, grid: bool, hourly_days: int, as_json: bool) -> None:
    from probe_lab.fleet.fleet_score import score_fleet, score_grid, together
    from probe_lab.fleet.score_words import as_json as to_json
    from probe_lab.fleet.score_words import as_text

    total, parts = len(seeds) * size.days, []
    with bar("Fleets", wanted=not as_json) as tell:
        for place, seed in enumerate(seeds):
            parts.append(score_fleet(seed, size, hourly_days=hourly_days,
                                     tell=partial(_told, tell, place * size.days, total)))
    cells = []
    if grid:
        with bar("Witnesses and uptime", wanted=not as_json) as tell:
            cells = score_grid(seeds[0], tell)
    whole = together(parts)
    click.echo(json.dumps(to_json(whole, parts, cells), indent=2) if as_json else as_text(whole, cells))


def _score_peers(seeds: range, size: FleetSize, *, as_json: bool) -> None:
    from probe_lab.fleet.peer_score import peer_text, score_peers

    with bar("Fleets", wanted=not as_json) as tell:
        scores = score_peers(seeds, size, tell)
    click.echo(json.dumps({"detectors": [asdict(score) for score in scores]}, indent=2) if as_json
               else peer_text(scores))


def _score_sybils(seeds: range, size: FleetSize, sybils: int, *, as_json: bool) -> None:
    from probe_lab.fleet.sybil_score import score_sybils
    from probe_lab.fleet.sybil_words import sybils_json, sybils_text

    with bar("Attacks", wanted=not as_json) as tell:
        result = score_sybils(seeds, size, sybils, tell)
    click.echo(json.dumps(sybils_json(result), indent=2) if as_json else sybils_text(result))


def _told(tell: Progress, before: int, total: int, done: int, _: int) -> None:
    tell(before + done, total)


def _score_series(path: Path, seeds: range, *, as_json: bool) -> None:
    from probe_lab.fleet.score_words import series_json, series_text
    from probe_lab.fleet.series_file import SeriesError, read_series, score_series

    try:
        table, step, rejected = read_series(path, datetime.now(UTC))
        with bar("Seeds", wanted=not as_json) as tell:
            scores = []
            for place, seed in enumerate(seeds, start=1):
                scores.append(score_series(table, step, seed, rejected))
                tell(place, len(seeds))
    except SeriesError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(series_json(seeds, scores), indent=2) if as_json else series_text(scores))


def _check() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("numpy", "pandas", "pyarrow") if find_spec(name) is None]
    if missing:
        click.echo(f"Made-up fleets need {', '.join(missing)}; in a checkout of the project run: {INSTALL_FLEET}",
                   err=True)
        sys.exit(1)
