"""Makes this process look like one on another system, as far as a program can see: to be called before `probe` is
imported. What the standard library and others decided at their import stays as Linux has it.

`python tests/helpers/pretend_system.py win32 run --dry-run` calls the command line so; with `-` in the place of
arguments it runs a program from standard input.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import importlib.abc
import importlib.machinery
import os
import platform
import select
import selectors
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import types
from collections.abc import Sequence
from pathlib import Path

import click
import click._termui_impl
import cryptography.x509
import dns
import dns.message
import dns.resolver
import msgspec
import requests
import schedule

LOADED = (asyncio, click, cryptography.x509, ctypes, dns.message, dns.resolver, msgspec, requests,
          schedule, ssl, subprocess, tempfile)
"""What other people wrote, and what asks at its import which system this is."""

MODULES = {"darwin": ("pyroute2", "spwd"),
           "win32": ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "syslog", "curses", "pyroute2",
                     "spwd")}
UNIX_ONLY = {
    os: ("fork", "forkpty", "geteuid", "getegid", "getuid", "getgid", "setuid", "setgid", "initgroups", "getgroups",
         "uname", "statvfs", "fstatvfs", "pread", "pwrite", "chown", "fchown", "lchown", "mkfifo", "nice", "killpg",
         "getpgid", "setsid", "sysconf", "getloadavg", "sched_getaffinity", "sched_setaffinity",
         "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_SYNC"),
    signal: ("SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE", "alarm", "setitimer", "pause",
             "pthread_sigmask", "sigwait"),
    socket: ("AF_UNIX", "MSG_DONTWAIT", "SO_REUSEPORT", "if_nameindex", "EAI_NODATA", "CMSG_SPACE", "SCM_RIGHTS"),
    selectors: ("EpollSelector", "PollSelector", "DevpollSelector"),
    select: ("poll", "epoll"),
}
LINUX_ONLY = {
    os: ("sched_getaffinity", "sched_setaffinity", "eventfd", "memfd_create", "splice", "sendfile"),
    socket: ("AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG", "MSG_ERRQUEUE", "MSG_NOSIGNAL", "TCP_INFO",
             "TCP_CONGESTION", "TCP_USER_TIMEOUT", "TCP_QUICKACK", "TCP_CORK", "TCP_DEFER_ACCEPT", "TCP_MD5SIG",
             "SO_BINDTODEVICE", "SO_MARK", "SO_DOMAIN", "SO_PROTOCOL", "IP_RECVERR", "IPV6_RECVERR", "IP_TRANSPARENT",
             "SOL_PACKET", "PF_PACKET", "CAN_RAW"),
    selectors: ("EpollSelector",),
}
KERNEL_FILES, MOUNTS = ("/proc/", "/sys/"), "/proc/self/mountinfo"
"""Mounts alone may be read: they tell that this is the laboratory, which runs on Linux whoever plays in it."""


class Missing(importlib.abc.MetaPathFinder):
    """Finds that modules are not there."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None,
                  ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


class Absent:
    """A method that this system's sockets have not."""

    def __get__(self, instance: object, owner: type) -> object:
        raise AttributeError("not on this system")


def pretend(system: str) -> None:
    """Be `win32` or `darwin` from now on."""
    windows = system == "win32"
    if windows:
        sys.modules["msvcrt"] = _msvcrt()
        dns.win32util = _registry(dns.resolver.Resolver().nameservers)  # type: ignore[attr-defined]
    for name in MODULES[system]:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Missing(*MODULES[system]))
    if windows:
        free = shutil.disk_usage("/")
        shutil.disk_usage = lambda path: free
        for method in ("recvmsg", "recvmsg_into", "sendmsg"):
            setattr(socket.socket, method, Absent())
        socket.socketpair = _socketpair  # type: ignore[assignment]
        os.environ.pop("TZ", None)
    selectors.DefaultSelector = selectors.SelectSelector if windows else selectors.PollSelector  # type: ignore[misc, assignment]
    for gone in (LINUX_ONLY, UNIX_ONLY) if windows else (LINUX_ONLY,):
        for module, names in gone.items():
            for name in names:
                if hasattr(module, name):
                    delattr(module, name)
    _refuse_numbers()
    sys.platform = system
    platform.system = lambda: {"win32": "Windows", "darwin": "Darwin"}[system]
    platform.release = lambda: "10.0"
    sys.addaudithook(_no_kernel_files)


def _socketpair(*_: object) -> tuple[socket.socket, socket.socket]:
    """Two ends of a connection over loopback: what Python makes on Windows."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = socket.create_connection(listener.getsockname())
        there, _ = listener.accept()
        return here, there


def _registry(nameservers: Sequence[object]) -> types.SimpleNamespace:
    """Where dnspython finds what the registry says."""
    found = types.SimpleNamespace(domain=None, nameservers=[str(server) for server in nameservers], search=[])
    return types.SimpleNamespace(get_dns_info=lambda: found)


def _msvcrt() -> types.ModuleType:
    """Locks on bytes from a file's place on: made of Linux's own that belong to an open file."""
    import fcntl

    module = types.ModuleType("msvcrt")

    def locking(descriptor: int, mode: int, count: int) -> None:
        wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK if mode else fcntl.F_UNLCK, os.SEEK_CUR, 0, count, 0)
        try:
            fcntl.fcntl(descriptor, 37, wanted)  # F_OFD_SETLK
        except OSError as error:
            raise PermissionError(errno.EACCES, "Permission denied") from error

    for name, value in {"locking": locking, "LK_UNLCK": 0, "LK_LOCK": 1, "LK_NBLCK": 2}.items():
        setattr(module, name, value)
    return module


def _refuse_numbers() -> None:
    """Options that the code knows by number mean other things elsewhere: whoever sets one is stopped."""
    plain = socket.socket.setsockopt

    def setsockopt(self: socket.socket, level: int, option: int, *value: object) -> None:
        if (level, option) in ((socket.IPPROTO_IP, 11), (socket.IPPROTO_IP, 12), (socket.IPPROTO_IPV6, 25)):
            raise AssertionError(f"option {option} of level {level} is something else on this system")
        plain(self, level, option, *value)  # type: ignore[call-overload]

    socket.socket.setsockopt = setsockopt  # type: ignore[method-assign, assignment]


def _no_kernel_files(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and str(arguments[0]).startswith(KERNEL_FILES) and str(arguments[0]) != MOUNTS:
        raise FileNotFoundError(errno.ENOENT, "not on this system", str(arguments[0]))


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    given = sys.argv[2:]
    pretend(sys.argv[1])
    if given == ["-"]:
        exec(compile(sys.stdin.read(), "program", "exec"), {"__name__": "__main__"})
    else:
        from probe.cli.main import main

        main(given)
