"""Puts the units where systemd looks for them, and tells it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from probe.config.folders import find_config_home
from probe.store.files.atomic import StoreError, translate_os_errors, write_file
from probe.upkeep.schedules.systemd import SERVICE, TIMER

TIMEOUT_S = 60
PRIVATE = ("/tmp", "/var/tmp")
SYSTEM_FOLDER = Path("/etc/systemd/system")


class SystemdError(Exception):
    """systemd did not do what it was asked; the text says what and what to do."""


def find_unit_folder(*, system: bool) -> Path:
    """Where units belong."""
    if system:
        return SYSTEM_FOLDER
    return find_config_home() / "systemd" / "user"


def has_timer(*, system: bool) -> bool:
    """Whether our timer is there."""
    return (find_unit_folder(system=system) / TIMER).is_file()


def write_units(service: str, timer: str, *, system: bool) -> None:
    """Write both units, in the place of earlier ones. Raises StoreError. Readable by all, as systemd expects it."""
    for name, text in ((SERVICE, service), (TIMER, timer)):
        _write_unit(find_unit_folder(system=system) / name, text.encode())


def _write_unit(path: Path, text: bytes) -> None:
    write_file(path, text)
    with translate_os_errors(path):
        path.chmod(0o644)


@contextlib.contextmanager
def restore_units_on_failure(*, system: bool) -> Iterator[None]:
    """Where what is done within fails, the units are as they were before: none is left behind half set up. Whether
    systemd can be told so or not, the first failure is what is raised."""
    paths = [find_unit_folder(system=system) / name for name in (SERVICE, TIMER)]
    before = {path: path.read_bytes() if path.is_file() else None for path in paths}
    try:
        yield
    except BaseException:
        if before[paths[1]] is None:
            with contextlib.suppress(SystemdError):
                systemctl("disable", "--now", TIMER, system=system)
        for path, text in before.items():
            with contextlib.suppress(OSError, StoreError):
                if text is None:
                    path.unlink(missing_ok=True)
                else:
                    _write_unit(path, text)
        with contextlib.suppress(SystemdError):
            systemctl("daemon-reload", system=system)
        raise


def can_seal() -> bool:
    """Whether this user's manager can give a unit a file system of its own; tried with a program that does nothing."""
    tried = [f"--property={line}" for line in ("PrivateUsers=yes", "ProtectSystem=strict", "PrivateTmp=yes")]
    command = ["systemd-run", "--user", "--wait", "--collect", "--quiet", *tried, "true"]
    try:
        return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False,
                              stdin=subprocess.DEVNULL).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def list_hidden(paths: Iterable[str]) -> tuple[str, ...]:
    """Those that a unit with a private /tmp cannot see."""
    return tuple(path for path in paths if Path(path).is_absolute()
                 and any(Path(path).is_relative_to(place) for place in PRIVATE))


def start_timer(*, system: bool) -> None:
    """Let the timer run from now on and after each start of the machine. Raises SystemdError."""
    systemctl("daemon-reload", system=system)
    systemctl("enable", "--now", TIMER, system=system)
    systemctl("restart", TIMER, system=system)


def remove_units(*, system: bool) -> bool:
    """Stop and remove the units; whether there were any. Raises StoreError or SystemdError."""
    if not has_timer(system=system):
        return False
    try:
        systemctl("disable", "--now", TIMER, system=system)
    except SystemdError:
        if _answers(system=system):
            raise  # the timer may still be at work: its file must stay for the next try
    for name in (TIMER, SERVICE):
        path = find_unit_folder(system=system) / name
        with translate_os_errors(path):
            path.unlink(missing_ok=True)
            (path.parent / "timers.target.wants" / name).unlink(missing_ok=True)
    if _answers(system=system):
        systemctl("daemon-reload", system=system)
    return True


def systemctl(*arguments: str, system: bool) -> str:
    """Call it; its output. Raises SystemdError."""
    done = _call(arguments, system=system)
    if done.returncode:
        message = (done.stderr or done.stdout).decode(errors="replace").strip()
        way = "" if system else "; without a session of systemd's for this user: `probe install cron` or `probe watch`"
        raise SystemdError(f"`systemctl {' '.join(_scope(system) + list(arguments))}` failed: {message}{way}")
    return done.stdout.decode(errors="replace")


def _answers(*, system: bool) -> bool:
    try:
        return _call(["show", "--property=Version"], system=system).returncode == 0
    except SystemdError:
        return False


def _call(arguments: Sequence[str], *, system: bool) -> subprocess.CompletedProcess[bytes]:
    command = ["systemctl", *_scope(system), *arguments]
    try:
        return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise SystemdError("there is no systemd here: use `probe install cron` or `probe watch`") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SystemdError(f"`{' '.join(command)}` could not be run: {error}") from None


def _scope(system: bool) -> list[str]:
    return [] if system else ["--user"]


