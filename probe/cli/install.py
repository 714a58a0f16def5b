"""`probe install` and `probe uninstall`: scheduled runs by cron or by systemd."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from probe.config.consent.consent_check import explain_refusal
from probe.config.consent.country_profiles import profile_of
from probe.config.destination import folder_of
from probe.config.folders import find_own_state
from probe.config.settings import Settings, SettingsError, choose_results_folder, load_settings
from probe.core.translation import say
from probe.store.files.atomic import StoreError, check_writable, make_folder
from probe.upkeep.commands.as_user import run_as_user
from probe.upkeep.commands.command_setup import stop_if_refused
from probe.upkeep.schedules import cron, systemd, units
from probe.upkeep.schedules.crontab import CronError, read_crontab, write_crontab
from probe.upkeep.schedules.installed_schedules import REMOVERS, find_last_errors, list_installed, make_own_command
from probe.upkeep.schedules.missing_runs import list_terms
from probe.upkeep.schedules.rhythm import EVERY_MIN, Rhythm, make_rhythm
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, get_month_ago, get_now, read_events
from probe.upkeep.schedules.units import SystemdError

_CONFIG = click.option("--config", type=click.Path(dir_okay=False), help="Configuration file that the runs read.")
_EVERY = click.option("--every-min", type=click.Choice([str(n) for n in EVERY_MIN]),
                      help="Minutes between runs (default: 60, more where the country's profile says so).")
_PRINT = click.option("--dry-run", "--print", "print_only", is_flag=True,
                      help="Print what would be installed, and install nothing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A schedule that is to be set up."""

    settings: Settings
    rhythm: Rhythm
    results: Path
    command: tuple[str, ...]
    deadline_s: float


@click.group()
def install() -> None:
    """Measure on a schedule from now on. Needs `probe setup` first; `probe uninstall` ends it.

    \b
    Examples:
      probe install systemd              where systemd is: for this user
      probe install cron --every-min 120
    """


@install.command("cron")
@_CONFIG
@_EVERY
@_PRINT
def install_cron(config: str | None, every_min: str | None, print_only: bool) -> None:
    """Put marked lines into this user's crontab; other lines stay as they are.

    \b
    Examples:
      probe install cron
      probe install cron --every-min 120 --print
    """
    with_errors(_install_cron)(config, every_min, print_only)


def _install_cron(config: str | None, every_min: str | None, print_only: bool) -> None:
    plan = _plan(config, every_min)
    wait_s = plan.rhythm.jitter_s
    command = cron.limit_time((*plan.command, "--wait-s", str(wait_s)), deadline_s=plan.deadline_s, wait_s=wait_s)
    text = cron.make_block(plan.rhythm, command, errors=str(find_last_errors()))
    if print_only:
        click.echo(text, nl=False)
        return
    _check_others("cron")
    before = read_crontab()
    changed = cron.add_block(before, text)
    _make_ready(plan)
    make_folder(find_last_errors().parent)
    write_crontab(changed)
    try:
        _note(plan, "cron", plan.rhythm.next_slot(datetime.now().astimezone()))
    except BaseException:
        write_crontab(before)  # all or nothing: a schedule that the log does not know would look like a gap
        raise


@install.command("systemd")
@_CONFIG
@_EVERY
@_PRINT
@click.option("--user/--system", "user", default=True,
              help="Units of this user's manager (default), or of the system: root sets them up, the user who owns the "
                   "configuration runs them.")
@click.option("--packets", is_flag=True, help="With --system: let runs capture the packets of their own connections.")
@click.option("--start/--no-start", "begin", default=True, help="Start the timer, or only write the units.")
def install_systemd(config: str | None, every_min: str | None, print_only: bool, user: bool, packets: bool,
                    begin: bool) -> None:
    """Write a service and a timer, and start the timer.

    \b
    Examples:
      probe install systemd
      sudo probe install systemd --system --config /home/me/.config/probe/probe.toml
    """
    if packets and user:
        raise click.UsageError(say("--packets needs --system: a user's own manager cannot give that capability "
                                   "away"))
    with_errors(_install_systemd)(config, every_min, print_only, user, packets, begin)


def _install_systemd(config: str | None, every_min: str | None, print_only: bool, user: bool, packets: bool,
                     begin: bool) -> None:
    plan = _plan(config, every_min)
    owner = "" if user else _owner(plan.settings)
    sealed = not user or not begin or print_only or units.can_seal()
    job = systemd.UnitJob(command=plan.command, deadline_s=plan.deadline_s, results=str(plan.results), user=owner,
                          packets=packets, sealed=sealed, upload=folder_of(plan.settings.upload.to),
                          state=_state(plan.settings, owner))
    service, timer = systemd.make_service(job), systemd.make_timer(plan.rhythm)
    if print_only:
        click.echo(f"# {systemd.SERVICE}\n{service}\n# {systemd.TIMER}\n{timer}", nl=False)
        return
    if sealed and (lost := units.list_hidden((plan.command[0], plan.settings.path, str(plan.results)))):
        raise StoreError(say("{path}: units have a /tmp of their own and cannot see it: put it elsewhere",
                             path=lost[0]))
    kind = "systemd-user" if user else "systemd-system"
    _check_others(kind)
    _make_ready(plan, owner)
    with units.restore_units_on_failure(system=not user):
        units.write_units(service, timer, system=not user)
        if begin:
            units.start_timer(system=not user)
        _note(plan, kind, plan.rhythm.next_slot(datetime.now(UTC)), owner)
    if not sealed:
        click.echo(say("This system does not let a user's units have a file system of their own: runs can write "
                       "wherever you can. With `sudo probe install systemd --system` they cannot."))
    if user:
        click.echo(say("It runs while you are logged in; to run it always: loginctl enable-linger"))


@click.command()
@_CONFIG
def uninstall(config: str | None) -> None:
    """Remove the scheduled runs of `probe install`, by cron and by systemd. Configuration and results stay.

    \b
    Example:
      probe uninstall
    """
    with_errors(_uninstall)(config)


def _uninstall(config: str | None) -> None:
    removed = [kind for kind, take in REMOVERS.items() if take()]
    if removed:
        click.echo(say("Removed: {names}. Configuration and results are as they were.", names=", ".join(removed)))
    settings = load_settings(config)
    results = choose_results_folder(settings).absolute()
    noted = bool(settings.path) and _end_terms(results)
    if noted and not removed:
        click.echo(say("Nothing was installed any more; {results} now says so.", results=results))
    elif not removed:
        click.echo(say("Nothing was installed for this user."))
    if "systemd-system" in removed and not noted:
        click.echo(say("The user whose runs these were should call `probe uninstall` once, so that the log knows."))
    if hasattr(os, "geteuid") and os.geteuid() != 0 and units.has_timer(system=True):
        click.echo(say("The system's units in {folder} stay: sudo probe uninstall",
                       folder=units.find_unit_folder(system=True)))


def _end_terms(results: Path) -> bool:
    """Write into the log that the schedule is over; whether it had one."""
    moment = get_now()
    at_work = [term for term in list_terms(read_events(results, since=get_month_ago(moment))) if term.end is None]
    if at_work:
        append_event(results, ScheduleEvent(at=moment, kind="uninstalled"))
    return bool(at_work)


def with_errors(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with its errors turned into sentences."""
    def call_command(*arguments: object) -> None:
        if sys.platform == "win32":
            raise click.ClickException(say("Windows has neither cron nor systemd: use `probe watch`, or let the "
                                           "Task Scheduler call `probe run --timed --results FOLDER`"))
        try:
            command(*arguments)
        except cron.DamagedBlockError as error:
            raise click.ClickException(
                say("The crontab has half a block of ours ({error}). Nothing was changed. Open it with `crontab "
                    "-e`, take away the lines that begin with `# >>> reachability probe` or `# <<< reachability "
                    "probe` and the runs between them, and try again.",
                    error=error)) from error
        except (SettingsError, StoreError, CronError, SystemdError, ValueError) as error:
            raise click.ClickException(str(error)) from error
    return call_command


def _plan(config: str | None, every_min: str | None) -> _Plan:
    settings = load_settings(config)
    stop_if_refused(explain_refusal(settings, lab=False))
    every = int(every_min) if every_min else profile_of(settings.vantage.cc).every_min
    results = choose_results_folder(settings).absolute()
    beat = make_rhythm(every, _minute(results))
    deadline_s = beat.deadline_s(settings.run.deadline_s)
    command = (*make_own_command(), "run", "--timed", "--config", str(Path(settings.path).absolute()),
               "--results", str(results), "--deadline-s", f"{deadline_s:g}")
    return _Plan(settings=settings, rhythm=beat, results=results, command=command, deadline_s=deadline_s)


def _minute(results: Path) -> int:
    """The minute that the schedule has already, so that an upgrade moves nothing; else one drawn at random."""
    known = [term for term in list_terms(read_events(results, since=get_month_ago(get_now()))) if term.end is None]
    return known[-1].rhythm.minute if known else secrets.randbelow(60)


def _check_others(kind: str) -> None:
    if others := [name for name in list_installed() if name != kind]:
        raise click.ClickException(say("Runs are scheduled already, by {names}; two schedules would double what "
                                       "is sent. First: probe uninstall",
                                       names=", ".join(others)))


def _make_ready(plan: _Plan, owner: str = "") -> None:
    """The folder, and the key of the probe's monthly name, which a hardened unit may read but not make."""
    def ready() -> None:
        from probe.config.month_key import make_secret

        check_writable(plan.results)
        make_secret()

    run_as_user(owner, ready) if owner else ready()


def _owner(settings: Settings) -> str:
    """Whose runs a system unit makes. Never root's: nothing in a run needs it."""
    import pwd  # Windows has none, nor any of this

    uid = Path(settings.path).stat().st_uid
    if uid == 0:
        raise SettingsError(say("{path}: belongs to root, and runs are not made as root. Set up as an ordinary "
                                "user (probe setup), then: sudo probe install systemd --system --config THAT_FILE",
                                path=settings.path))
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise SettingsError(say("{path}: belongs to user {uid}, who has no name on this system", path=settings.path,
                                uid=uid)) from None


def _state(settings: Settings, owner: str) -> str:
    """Where runs keep the lists and feeds that they fetch, and what proves their age; empty where they do neither."""
    if not (settings.update.url or settings.feed or settings.upload.issuer):
        return ""
    if not owner:
        return str(find_own_state())
    import pwd

    return str(Path(pwd.getpwnam(owner).pw_dir) / ".local/state/probe")


def _note(plan: _Plan, kind: str, first: datetime, owner: str = "") -> None:
    event = ScheduleEvent(at=get_now(), kind="installed", by=kind, every_min=plan.rhythm.every_min,
                          minute=plan.rhythm.minute,
                          first=first.astimezone(UTC))
    run_as_user(owner, lambda: append_event(plan.results, event)) if owner else append_event(plan.results, event)
    click.echo(say("Installed ({kind}): a run every {every_min} minutes, each at most {deadline_min} minutes long.\n"
                   "The first is due at {first}, up to {jitter_min} minutes later by chance. Results: {results}\n"
                   "How it goes: probe status. To end it: probe uninstall",
                   kind=kind, every_min=plan.rhythm.every_min, deadline_min=f"{plan.deadline_s / 60:.0f}",
                   first=f"{first:%H:%M %Z}", jitter_min=plan.rhythm.jitter_s // 60, results=plan.results))

