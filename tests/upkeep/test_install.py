"""Installing and removing schedules, `probe watch`, the lock, and what a timed run writes into the log."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probe.cli import run as run_module
from probe.cli.main import cli
from probe.core.tables.consent_words import TEXT_NUMBER
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.as_user import run_as_user
from probe.upkeep.commands.exit_codes import EXIT_LOCKED, EXIT_NO_CONSENT, EXIT_USAGE
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock, read_held_since
from probe.upkeep.commands.timed_log import TimedLog
from probe.upkeep.schedules import cron, systemd, units
from probe.upkeep.schedules.installed_schedules import make_own_command
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, get_now, read_events
from project_root import ROOT

PERSONS = "# my own\nMAILTO=me\n5 4 * * * backup --all 100\\%\n"
STAND_IN = """#!/bin/sh
case "$1" in
  -l) [ -e "$HOME/spool" ] || { echo "no crontab for me" >&2; exit 1; }; cat "$HOME/spool";;
  -r) rm "$HOME/spool";;
  -) cat > "$HOME/spool.new"; [ -z "$(tail -c 1 "$HOME/spool.new")" ] || exit 1; mv "$HOME/spool.new" "$HOME/spool";;
esac
"""
OWN_SPOOL = "mount -t tmpfs t /var/spool/cron && mkdir -m 1730 /var/spool/cron/crontabs"
"""In a mount namespace of its own a test has a crontab of its own, whatever the person who runs it has."""


@pytest.fixture
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with a configuration to which somebody agreed; no crontab of anybody else is in reach."""
    monkeypatch.setenv("HOME", str(in_folder))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "PROBE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ("$XDG_CONFIG_HOME/probe/probe.toml",))
    monkeypatch.setattr(units, "SYSTEM_FOLDER", in_folder / "system")
    monkeypatch.setattr(units, "PRIVATE", ())  # this home is in /tmp
    bin_folder = in_folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "crontab").write_text(STAND_IN)
    (bin_folder / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
    assert call("setup", "--agree", str(TEXT_NUMBER), "--country", "DE", "--results", "out").exit_code == 0
    return in_folder


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def kinds(results: Path) -> list[str]:
    return [event.kind for event in read_events(results, since=get_now() - timedelta(days=1))]


BROKEN_SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$HOME/asked"
case "$*" in *"$FAILS"*) echo "no bus" >&2; exit 1;; esac
"""


@pytest.mark.parametrize("fails", ["daemon-reload", "enable", "restart"])
@pytest.mark.parametrize("before", [False, True])
def test_units_are_there_whole_or_as_they_were(home: Path, fails: str, before: bool,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "bin/systemctl").write_text(BROKEN_SYSTEMCTL)
    (home / "bin/systemctl").chmod(0o755)
    (home / "bin/systemd-run").write_text("#!/bin/sh\n")
    (home / "bin/systemd-run").chmod(0o755)
    monkeypatch.setenv("FAILS", "nothing of this")
    if before:
        assert call("install", "systemd").exit_code == 0
    folder = home / ".config/systemd/user"
    kept = {path.name: path.read_text() for path in folder.glob("reachability*")}
    noted = kinds(home / "out")
    monkeypatch.setenv("FAILS", fails)
    assert call("install", "systemd", "--every-min", "120").exit_code == 1
    assert {path.name: path.read_text() for path in folder.glob("reachability*")} == kept
    assert bool(kept) is before
    assert kinds(home / "out") == noted
    if not before:
        assert call("install", "cron").exit_code == 0, "nothing is left that would be a second schedule"


def test_a_crontab_is_as_it_was_where_the_log_cannot_be_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreError("the disk is full")

    (home / "spool").write_text(PERSONS)
    monkeypatch.setattr("probe.cli.install.append_event", fail)
    assert call("install", "cron").exit_code == 1
    assert (home / "spool").read_text() == PERSONS


# ---- cron

def test_a_crontab_is_installed_upgraded_and_left_as_it_was(home: Path) -> None:
    (home / "spool").write_text(PERSONS)
    assert call("install", "cron").exit_code == 0
    first = (home / "spool").read_text()
    assert first.startswith(PERSONS)
    assert first.count(cron.BEGIN) == 1
    assert " run --timed " in first
    assert f"/timeout -k 10 {900 + 600 + 90} " in first, "deadline, wait, and as much as systemd gives"
    assert f"--results {home / 'out'} --deadline-s 900" in first
    minute = first.splitlines()[-2].split()[0]
    assert call("install", "cron", "--every-min", "120").exit_code == 0
    second = (home / "spool").read_text()
    assert second.splitlines()[-2].startswith(f"{minute} */2 * * * ")
    assert second.count(cron.BEGIN) == 1
    assert kinds(home / "out") == ["installed", "installed"]
    assert call("uninstall").exit_code == 0
    assert (home / "spool").read_text() == PERSONS
    assert kinds(home / "out")[-1] == "uninstalled"
    assert "Nothing was installed" in call("uninstall").output
    assert (home / ".local/state/probe/identity.key").stat().st_mode & 0o777 == 0o600


def test_a_crontab_that_was_not_there_is_not_there_again(home: Path) -> None:
    assert call("install", "cron").exit_code == 0
    assert (home / "spool").read_text().startswith(cron.BEGIN)
    assert call("uninstall").exit_code == 0
    assert not (home / "spool").exists()


@pytest.mark.parametrize("crontab", [PERSONS, ""])
def test_crons_own_program_takes_it(home: Path, crontab: str) -> None:
    real = shutil.which("crontab", path="/usr/bin:/bin:/usr/local/bin")
    if real is None:
        pytest.skip("no cron is installed here")
    (home / "bin" / "crontab").unlink()
    probe = f"{sys.executable} -m probe"
    steps = "\n".join([
        "set -e", OWN_SPOOL, f"printf %s '{crontab}' > given", "[ ! -s given ] || crontab given",
        f"{probe} install cron", "crontab -l > first", f"{probe} install cron --every-min 30", "crontab -l > second",
        f"{probe} uninstall", "crontab -l > last 2>/dev/null || echo none > last",
    ])
    tried = subprocess.run(["unshare", "-rm", "sh", "-c", OWN_SPOOL], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"a crontab of its own cannot be made here: {tried.stderr.strip()}")
    done = subprocess.run(["unshare", "-rm", "sh", "-c", steps], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
    first, second, last = ((home / name).read_text() for name in ("first", "second", "last"))
    assert [cron.has_block(text) for text in (first, second, last)] == [True, True, False]
    assert cron.remove_block(first) == cron.remove_block(second) == crontab
    assert last == (crontab or "none\n")


def test_half_a_block_is_told_and_left(home: Path) -> None:
    spoiled = PERSONS + cron.BEGIN + "\n"
    (home / "spool").write_text(spoiled)
    for command in (("install", "cron"), ("uninstall",)):
        result = call(*command)
        assert (result.exit_code, type(result.exception)) == (1, SystemExit)
        assert "crontab -e" in result.output
        assert (home / "spool").read_text() == spoiled


def test_without_cron_the_ways_round_are_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))
    result = call("install", "cron")
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "probe install systemd" in result.output
    result = call("install", "systemd")
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "probe install cron" in result.output


def test_printing_installs_nothing(home: Path) -> None:
    before = sorted(home.rglob("*"))
    assert cron.BEGIN in call("install", "cron", "--print").output
    assert "OnCalendar" in call("install", "systemd", "--print").output
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize("command", [("install", "cron"), ("install", "systemd"), ("watch", "--once")])
def test_nothing_is_scheduled_that_nobody_agreed_to(home: Path, command: tuple[str, ...]) -> None:
    file = home / ".config/probe/probe.toml"
    file.write_text(file.read_text().replace("consent_level = 1", "consent_level = 2"))
    result = call(*command)
    assert (result.exit_code, type(result.exception)) == (EXIT_NO_CONSENT, SystemExit)
    assert "probe setup" in result.output
    assert not (home / "out").exists()


# ---- systemd

def test_units_are_written_and_removed(home: Path) -> None:
    result = call("install", "systemd", "--no-start")
    assert result.exit_code == 0, result.output
    folder = home / ".config/systemd/user"
    assert sorted(path.name for path in folder.iterdir()) == [systemd.SERVICE, systemd.TIMER]
    assert f"ReadWritePaths={home / 'out'}" in (folder / systemd.SERVICE).read_text()
    assert kinds(home / "out") == ["installed"]
    second = call("install", "cron")
    assert second.exit_code == 1
    assert "probe uninstall" in second.output
    assert call("uninstall").exit_code == 0
    assert not list(folder.iterdir())
    assert kinds(home / "out")[-1] == "uninstalled"


def test_a_system_unit_is_nobodys_who_is_root(home: Path) -> None:
    result = call("install", "systemd", "--system", "--print")
    if os.getuid() == 0:
        assert result.exit_code == 1
        assert "root" in result.output
        os.chown(home / ".config/probe/probe.toml", 1, 1)
        result = call("install", "systemd", "--system", "--print")
        assert "User=daemon" in result.output
    assert result.exit_code == 0
    assert "CapabilityBoundingSet=\n" in result.output
    packets = call("install", "systemd", "--system", "--packets", "--print")
    assert "CapabilityBoundingSet=CAP_NET_RAW\n" in packets.output
    assert call("install", "systemd", "--packets", "--print").exit_code == EXIT_USAGE


def test_what_a_unit_cannot_see_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "PRIVATE", (str(home),))
    result = call("install", "systemd", "--no-start")
    assert result.exit_code == 1
    assert "put it elsewhere" in result.output
    assert not (home / ".config/systemd").exists()


def test_root_writes_nothing_where_another_may_lay_links(home: Path) -> None:
    if os.getuid():
        pytest.skip("only root becomes another user")
    home.chmod(0o777)
    for folder in home.parents:
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    made, secret = home / "made", home / "secret"
    secret.touch(mode=0o600)
    run_as_user("daemon", made.touch)
    assert made.stat().st_uid == 1
    with pytest.raises(StoreError, match=r"as daemon: .*[Pp]ermission"):
        run_as_user("daemon", lambda: print(secret.read_text()))


# ---- the lock

HOLD = """
import subprocess, sys
from pathlib import Path
from probe.upkeep.commands.run_lock import hold_run_lock
with hold_run_lock(Path(sys.argv[1])):
    child = subprocess.Popen(["sleep", "600"])
    print(child.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "r")], stdin=subprocess.PIPE, text=True,
                               stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout
    child = int(process.stdout.readline())
    yield process
    os.kill(child, signal.SIGKILL)
    process.kill()
    process.wait()


def test_a_lock_is_free_after_kill_9_though_a_child_lives_on(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    folder = tmp_path / "r"
    with pytest.raises(LockedError), hold_run_lock(folder):
        pass
    since = read_held_since(folder)
    assert since
    assert abs(datetime.now(UTC) - datetime.fromisoformat(since)) < timedelta(hours=1)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert read_held_since(folder) is None
    with hold_run_lock(folder):
        assert read_held_since(folder)


def test_a_fault_within_a_run_is_not_taken_for_one_of_the_lock(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), hold_run_lock(tmp_path):
        Path("absent/file").read_text()


# ---- what a timed run leaves in the log

def test_an_overlap_is_told_and_is_a_gap(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hold_run_lock(home / "out"):
        result = call("run", "--timed")
        assert (result.exit_code, type(result.exception)) == (EXIT_LOCKED, SystemExit)
        assert "Another run" in result.output
        assert "since 20" in result.output
        assert call("run").exit_code == EXIT_LOCKED, "by hand"
    assert kinds(home / "out") == ["overlap"], "only what the schedule started is in its log"


def test_a_full_disk_is_in_the_log_where_there_is_room_for_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreError("out: the disk is full: free some space or choose another results folder")

    monkeypatch.setattr(run_module, "_measure", full)
    result = call("run", "--timed")
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "free some space" in result.output
    assert kinds(home / "out") == ["started", "failed"]


def test_a_run_finds_out_what_was_missed_and_once(tmp_path: Path) -> None:
    begin = get_now() - timedelta(hours=5, minutes=30)
    append_event(tmp_path, ScheduleEvent(at=begin, kind="installed", by="cron", every_min=60, first=begin))
    append_event(tmp_path, ScheduleEvent(at=begin, kind="started"))
    append_event(tmp_path, ScheduleEvent(at=begin, kind="ended", run_id="r"))
    for _ in range(2):
        with TimedLog(tmp_path, True).run() as ended:
            ended("r-2")
    events = read_events(tmp_path, since=begin)
    (gap,) = [event for event in events if event.kind == "gap"]
    assert (gap.n, gap.why, gap.first) == (4, "not_started", begin + timedelta(hours=1))
    assert [event.kind for event in events][-4:] == ["started", "ended", "started", "ended"]


def test_a_log_that_cannot_be_written_stops_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "schedule").write_text("")
    with TimedLog(tmp_path, True).run() as ended:
        ended("r")
    assert "was not written" in capsys.readouterr().err


# ---- watch

WATCH = """
import sys
from probe.cli import watch
RUN = "import sys; print('ran', *sys.argv[1:], flush=True); sys.stdin.read()"
watch.make_own_command = lambda: (sys.executable, "-c", RUN)
watch.watch()
"""


def test_watching_starts_at_once_and_ends_tidily(home: Path) -> None:
    watching = subprocess.Popen([sys.executable, "-c", WATCH, "--every-min", "15"], cwd=home, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        assert watching.stdout
        line = watching.stdout.readline()
        assert line.startswith("ran run --timed ")
        assert "--deadline-s 630" in line
        watching.send_signal(signal.SIGTERM)
        _, told = watching.communicate(timeout=60)
    finally:
        watching.kill()
    assert watching.returncode == 0, told
    assert "Stopped" in told
    assert "Traceback" not in told
    assert kinds(home / "out") == ["installed", "uninstalled"]


def test_a_single_run_is_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.cli.watch.make_own_command", lambda: (sys.executable, "-c", "raise SystemExit(3)"))
    result = call("watch", "--once")
    assert result.exit_code == 0
    assert "status 3" in result.output


def test_a_schedule_calls_this_very_program() -> None:
    done = subprocess.run([*make_own_command(), "--version"], capture_output=True, text=True, check=True,
                          cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stdout.startswith("probe")
