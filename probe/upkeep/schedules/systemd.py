"""The service and the timer, as text: hardened, late by chance, and caught up once after the machine was off. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.upkeep.schedules.rhythm import STOP_GRACE_S, Rhythm

NAME = "reachability-probe"
SERVICE, TIMER = f"{NAME}.service", f"{NAME}.timer"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitJob:
    """What the unit runs."""

    command: Sequence[str]
    deadline_s: float
    results: str
    """A folder that it may write to; must be there before."""
    upload: str = ""
    """Another one, where results are uploaded into a folder; it may be missing, as a stick is at times."""
    state: str = ""
    """Another one, for lists of targets that runs fetch; empty: they fetch none."""
    user: str = ""
    """Whose the runs are, for a system unit; empty: a unit of the user's own manager."""
    packets: bool = False
    """Whether packets may be captured (system units only)."""
    sealed: bool = True
    """Whether the unit's file system is its own: a user's manager cannot do that everywhere."""


def make_service(job: UnitJob) -> str:
    """The service. systemd.exec(5) tells each line; what is not needed is forbidden."""
    system = bool(job.user)
    capabilities = "CAP_NET_RAW" if job.packets else ""
    families = "AF_UNIX AF_INET AF_INET6 AF_NETLINK" + (" AF_PACKET" if job.packets else "")
    lines = [
        "# Written by `probe install systemd`, removed by `probe uninstall`.",
        "[Unit]",
        "Description=Reachability probe: one scheduled run",
        *(["Wants=network-online.target", "After=network-online.target"] if system else []),
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={' '.join(quote_word(word) for word in job.command)}",
        "# Another run holds the lock; there is no network; nobody agreed: `probe status` tells, no unit has failed.",
        "SuccessExitStatus=3 4 5",
        f"TimeoutStartSec={round(job.deadline_s) + STOP_GRACE_S}",
        *([f"User={job.user}"] if system else []),
        "Nice=10",
        "IOSchedulingClass=idle",
        "UMask=0077",
        "",
        "NoNewPrivileges=yes",
        *([f"AmbientCapabilities={capabilities}"] if capabilities else []),
        *([f"CapabilityBoundingSet={capabilities}"] if system else []),
        *(_list_restrictions(job) if job.sealed else []),
        *(["PrivateDevices=yes", "ProtectClock=yes", "ProtectKernelLogs=yes", "ProtectKernelModules=yes",
           "ProtectHostname=yes"] if system else []),
        f"RestrictAddressFamilies={families}",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "SystemCallArchitectures=native",
        *(["SystemCallFilter=@system-service"] if system else []),
    ]
    return "\n".join(lines) + "\n"


def _list_restrictions(job: UnitJob) -> list[str]:
    """Everything is read-only but results, uploads and new lists. In a user's manager that takes a user namespace."""
    return [
        *([] if job.user else ["PrivateUsers=yes"]),
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        f"ReadWritePaths={' '.join(_path(folder) for folder in _list_writable(job))}",
        "PrivateTmp=yes",
        "ProtectControlGroups=yes",
        "ProtectKernelTunables=yes",
    ]


def _list_writable(job: UnitJob) -> list[str]:
    """Where runs may write; those with a dash may be missing."""
    return [job.results, *(f"-{folder}" for folder in (job.upload, job.state) if folder)]


def make_timer(rhythm: Rhythm) -> str:
    """The timer; in UTC, so that no change to summer time makes a gap."""
    return "\n".join([
        "# Written by `probe install systemd`, removed by `probe uninstall`.",
        "[Unit]",
        "Description=Reachability probe: when runs are due",
        "",
        "[Timer]",
        f"OnCalendar={make_calendar(rhythm)}",
        f"RandomizedDelaySec={rhythm.jitter_s}",
        "AccuracySec=1s",
        "# After the machine was off one run is made at once, at its own time; those that were missed stay missed.",
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]) + "\n"


def make_calendar(rhythm: Rhythm) -> str:
    """A calendar expression of systemd.time(7)."""
    if rhythm.every_min < 60:
        return f"*-*-* *:{rhythm.minute:02}/{rhythm.every_min}:00 UTC"
    hours = rhythm.every_min // 60
    hour = {1: "*", 24: "00"}.get(hours, f"00/{hours}")
    return f"*-*-* {hour}:{rhythm.minute:02}:00 UTC"


def quote_word(word: str) -> str:
    """One word of a command line as systemd.service(5) reads it."""
    _one_line(word)
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if not word or set(word) & set(" \t'\";\\") else escaped


def format_lone_path(path: str) -> str:
    """A path that is all the rest of its line, where quotes are not understood."""
    _one_line(path)
    return path.replace("%", "%%")


def _path(path: str) -> str:
    """A path in a list of paths: quotes are understood there, `$` is not special."""
    _one_line(path)
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if set(path) & set(" \t'\";\\") else escaped


def _one_line(text: str) -> None:
    if "\n" in text or "\r" in text:
        raise ValueError("a path with a line break in it cannot stand in a unit")
