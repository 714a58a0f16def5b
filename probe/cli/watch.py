"""`probe watch`: scheduled runs where there is neither cron nor systemd."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType

import click

from probe.catalogue.laboratory_marker import read_marker
from probe.config.consent.consent_check import explain_refusal
from probe.config.consent.country_profiles import is_grave, profile_of
from probe.config.settings import Settings, SettingsError, choose_results_folder
from probe.core.translation import say
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.command_setup import load_command_settings, stop_if_refused
from probe.upkeep.commands.screen import find_terminal_size
from probe.upkeep.schedules.installed_schedules import make_own_command
from probe.upkeep.schedules.rhythm import EVERY_MIN, Rhythm, make_rhythm
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, get_now
from probe.upkeep.status.board_reading import read_board
from probe.upkeep.status.board_text import describe_board

STOP_S = 20.0
QUICK = ("--fast", "--deadline-s", "120")
"""Of the first run, where a person waits for it."""
REDRAW_S = 60.0
_JUMP = timedelta(minutes=1)


@click.command()
@click.option("--every-min", type=click.Choice([str(n) for n in EVERY_MIN]),
              help="Minutes between runs (default: 60, more where the country's profile says so).")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file, handed on to each run.")
@click.option("--results", type=click.Path(path_type=Path), help="Folder for the results, handed on to each run.")
@click.option("--once", is_flag=True, help="Make one run now and stop.")
@click.option("--plain", is_flag=True, help="Lines alone, also on a terminal, as for a screen reader.")
def watch(every_min: str | None, config: str | None, results: Path | None, once: bool, plain: bool) -> None:
    """Measure on a schedule until stopped. Each run is a process of its own.

    On a terminal it shows the messengers hour by hour: the state of each now, and since when it has this state.

    \b
    Examples:
      probe watch --every-min 60
      probe watch --plain
    """
    try:
        settings = load_command_settings(config)
        stop_if_refused(explain_refusal(settings, lab=read_marker().lab))
        folder = choose_results_folder(settings, results).absolute()
        beat = make_rhythm(int(every_min) if every_min else profile_of(settings.vantage.cc).every_min, 0)
        command = make_run_command(settings, beat, folder, config)
        if once:
            _print_status(subprocess.run(command, check=False).returncode)
            return
        append_event(folder,
                     ScheduleEvent(at=get_now(), kind="installed", by="watch", every_min=beat.every_min,
                                   first=get_now()))
        try:
            board = _LiveBoard(folder, shown=is_live_terminal() and not plain)
            quick = board.shown and not is_grave(settings.vantage.cc)  # somebody waits for it
            _watch(command, beat.every_min, beat.jitter_s, board, first=QUICK if quick else ())
        finally:
            append_event(folder, ScheduleEvent(at=get_now(), kind="uninstalled"))
    except (SettingsError, StoreError) as error:
        raise click.ClickException(str(error)) from error


def make_run_command(settings: Settings, beat: Rhythm, folder: Path, config: str | None) -> list[str]:
    """What is called for each run, which ends before its successor starts."""
    return [*make_own_command(), "run", "--timed", *(["--config", config] if config else []),
            "--results", str(folder), "--deadline-s", f"{beat.deadline_s(settings.run.deadline_s):g}"]


class _LiveBoard:
    """Messengers by hours on a terminal, drawn anew after each run and once a minute; elsewhere nothing."""

    def __init__(self, folder: Path, *, shown: bool) -> None:
        self._folder, self.shown, self._next_s = folder, shown, 0.0
        self._lab = read_marker().lab

    def draw(self, *, due: datetime | None, running: bool, at_once: bool = False) -> None:
        """Draw where it is time to; `due`: when the next run is, in local time; `running`: one goes on."""
        now_s = time.monotonic()
        if not self.shown or (now_s < self._next_s and not at_once):
            return
        self._next_s = now_s + REDRAW_S
        size = find_terminal_size()
        lines = list(describe_board(read_board(self._folder, now=get_now(), lab=self._lab), columns=size.columns,
                                    colour="NO_COLOR" not in os.environ, rows=max(1, size.lines - 8)))
        when = f"next run about {due:%H:%M}" if due else "no run is due"
        when = f"a run is going on; {when}" if running else when
        click.echo("\x1b[H\x1b[2J" + "\n".join([f"{when}; to stop: Ctrl-C"[: size.columns], *lines]))


def is_live_terminal() -> bool:
    """Whether standard output can be drawn on again and again."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _watch(command: list[str], every_min: int, jitter_s: int, board: _LiveBoard, *, first: Sequence[str] = ()) -> None:
    """Start a run at once, with these words besides, and then at each interval, late by chance; a run that goes on is
    not waited for."""
    import schedule

    runs: list[subprocess.Popen[bytes]] = []

    def start(*extra: str) -> None:
        quiet = subprocess.DEVNULL if board.shown else None  # what a run says would stand in the board
        runs.append(subprocess.Popen([*command, *extra], stdout=quiet, stderr=quiet))

    signal.signal(signal.SIGTERM, _stop)
    job = schedule.every(every_min).minutes.do(start, "--wait-s", str(jitter_s))
    watched = _Watched()
    try:
        start(*first)
        while True:
            if jump := watched.jump(datetime.now(), _up_s()):
                job.next_run = (job.next_run or datetime.now()) + jump
            for run in [run for run in runs if run.poll() is not None]:
                runs.remove(run)
                if not board.shown:
                    _print_status(run.returncode)
                board.draw(due=job.next_run, running=bool(runs), at_once=True)
            board.draw(due=job.next_run, running=bool(runs))
            time.sleep(max(0.5, min(5.0, schedule.idle_seconds() or 5.0)))
            schedule.run_pending()
    except KeyboardInterrupt:
        click.echo(say("Stopped. What the last runs found is written; a run that was going on is broken off."),
                   err=True)
    finally:
        schedule.clear()
        _end(runs)


class _Watched:
    """Notices when the clock is set, or the zone's time changes, so that nobody waits a year for the next run."""

    def __init__(self) -> None:
        self._offset: timedelta | None = None

    def jump(self, now: datetime, up_s: float) -> timedelta:
        """By how much local time `now` went wrong since the last call, beside the seconds since the machine started,
        those asleep included; nothing for less than a minute."""
        offset = now - datetime.min - timedelta(seconds=up_s)
        jump = offset - self._offset if self._offset is not None else timedelta()
        if self._offset is None or abs(jump) >= _JUMP:
            self._offset = offset
            return jump
        return timedelta()


def _up_s() -> float:
    """Seconds since the machine started, those asleep included where the system counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def _stop(number: int, stack_frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end(runs: list[subprocess.Popen[bytes]]) -> None:
    for run in runs:
        run.terminate()
    for run in runs:
        try:
            run.wait(STOP_S)
        except subprocess.TimeoutExpired:
            run.kill()


def _print_status(code: int) -> None:
    click.echo(say("run ended with status {code}", code=code), err=True)
