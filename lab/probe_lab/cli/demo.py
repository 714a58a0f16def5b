"""`probe demo`: WeChat in Russia, May 2017."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
import msgspec

from probe_lab.cli.progress import bar

if TYPE_CHECKING:
    from collections.abc import Sequence

TITLE = "WeChat in Russia, May 2017 (laboratory)"
SEED = 2017


@click.command(short_help="WeChat in Russia, May 2017: a time-lapse in the laboratory.")
@click.option("-o", "--output", "--out", "out",
              type=click.Path(file_okay=False, path_type=Path), default=Path("results/demo"),
              show_default=True, help="Folder for the results; must be empty or absent.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Runs at a time (default: six for each core).")
def demo(out: Path, jobs: int | None) -> None:
    """WeChat in Russia, May 2017: a time-lapse of scheduled runs across a block and its end, in the laboratory.

    Needs no network and no root. Nothing leaves this machine.

    \b
    Example:
      probe demo -o ~/demo
    """
    from probe.catalogue.load import load_catalogue
    from probe_lab import timelapse
    from probe_lab.lab_errors import LabFailed, LabUnavailable
    from probe_lab.laboratory import explain_unavailable

    if why := explain_unavailable():
        raise click.ClickException(f"no laboratory can be built here: {why}")
    check_folder(out)
    schedule = timelapse.draw_slots()
    click.echo("In May 2017 Russia blocked WeChat, and a week later let it go. The same in the laboratory:")
    click.echo(f"{len(schedule)} scheduled runs, 1 to 13 May 2017, each against real servers in a closed internet.")
    begin = time.monotonic()
    with make_beside(out) as fresh:
        try:
            with bar("Runs") as progress:
                timelapse.run_timelapse(load_catalogue(search=False), fresh, seed=SEED,
                                        jobs=jobs or timelapse.default_jobs(), progress=progress)
        except (LabUnavailable, LabFailed, RuntimeError) as error:
            raise click.ClickException(str(error)) from error
        made = _make_report(fresh)
    made = msgspec.structs.replace(made, report=out / made.report.name)
    _tell(made, out, time.monotonic() - begin)
    if not _right(made.changes):
        click.echo("The dates found are not the dates of the block. A busy machine can be the cause: try again with\n"
                   "--jobs 1 when it is quiet. If it says the same then, it is a defect: please report it.", err=True)
        sys.exit(1)


MARKER = ".demo"
"""Says that a demo made the folder, which another may replace."""


def check_folder(out: Path) -> None:
    """An earlier demo's results may be replaced, anything else is left alone. Raises UsageError."""
    if out.exists() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise click.UsageError(f"{out} holds something that no demo made; name another folder with --out")


@contextmanager
def make_beside(out: Path) -> Iterator[Path]:
    """A fresh folder that takes the place of `out` when all went well: until then an earlier demo stays, and whoever
    stops this one has it still."""
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh, former = (out.with_name(f".{out.name}.{word}") for word in ("new", "old"))
    for left in (fresh, former):
        shutil.rmtree(left, ignore_errors=True)
    fresh.mkdir()
    (fresh / MARKER).touch()
    try:
        yield fresh
        if out.exists():
            out.rename(former)
        fresh.rename(out)
        shutil.rmtree(former, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


class _Change(msgspec.Struct, frozen=True):
    """A target began (`onset`) or ceased (`end`) to be blocked, some time between two runs."""

    target_id: str
    kind: Literal["onset", "end"]
    earliest: datetime
    latest: datetime
    block_type: str


class _Report(msgspec.Struct, frozen=True):
    """What `probe report --json` prints."""

    report: Path
    changes: tuple[_Change, ...]


def _make_report(out: Path) -> _Report:
    """The page that `probe report` makes of the results, and the changes that it found."""
    import subprocess

    from probe_lab.laboratory import make_probe_command

    done = subprocess.run([*make_probe_command(), "report", str(out), "--title", TITLE, "--json"],
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise click.ClickException(f"no report could be made: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return msgspec.json.decode(done.stdout, type=_Report, dec_hook=lambda kind, value: kind(value))


def _right(found: Sequence[_Change]) -> bool:
    """Both change points, and nothing else: the block begins and ends inside the brackets."""
    from probe_lab.timelapse import BLOCKED_FROM, BLOCKED_UNTIL

    truth = {"onset": BLOCKED_FROM, "end": BLOCKED_UNTIL}
    kinds = {c.kind for c in found}
    return kinds == set(truth) and all(c.earliest <= truth[c.kind] <= c.latest for c in found)


def _tell(made: _Report, out: Path, took_s: float) -> None:
    from probe_lab.timelapse import BLOCKED_FROM, BLOCKED_UNTIL

    click.echo(f"\nThe censor was switched on at {BLOCKED_FROM:%d %B %H:%M} and off at {BLOCKED_UNTIL:%d %B %H:%M} UTC."
               " What the probe found:")
    words = {"onset": "blocked from", "end": "open again from"}
    for change in sorted(made.changes, key=lambda c: (c.earliest, c.target_id)):
        click.echo(f"  {change.target_id:<26} {words[change.kind]:<15} "
                   f"between {change.earliest:%d %b %H:%M} and {change.latest:%d %b %H:%M}  {change.block_type}")
    click.echo(f"\nIn {took_s:.0f} s. Files: {out} (CSV and Parquet; `probe classify {out}` judges them again)")
    click.echo(f"Report: {made.report}")
