"""What a power cut at any moment would leave, told from the order of the calls that write, name and sync files.

A file's content is safe once it was synced after its last write; a name is safe once its folder was synced after it
came to be (fsync(2): syncing a file does not sync its entry in the folder). So a file is synced before it gets its
name, the folder after, and the file that makes a run exist comes when all others are safe in both ways.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True, slots=True)
class Call:
    """One call that matters: create, write, sync, name (a rename or a link), mkdir or unlink."""

    kind: str
    path: str
    source: str = ""
    """name: what the file was called before."""


def dangers(calls: Iterable[Call], *, below: Path, last: Callable[[str], bool],
            careless: Callable[[str], bool]) -> list[str]:
    """What a power cut could destroy below a folder; `last` is a file whose name vouches for all others, `careless`
    one that may be lost."""
    unsynced: set[str] = set()
    unnamed: set[str] = set()
    known: set[str] = set()
    found: list[str] = []
    for call in calls:
        if not call.path.startswith(str(below)) or careless(call.path):
            continue
        if call.kind == "sync":
            unsynced.discard(call.path)
            unnamed = {path for path in unnamed if os.path.dirname(path) != call.path}
        elif call.kind == "write":
            unsynced.add(call.path)
        elif call.kind == "unlink":
            unsynced.discard(call.path)
            unnamed.discard(call.path)
            known.discard(call.path)
        elif call.kind != "create" or call.path not in known:  # opening for writing what is there makes no name
            unnamed.add(call.path)
            known.add(call.path)
        if call.kind == "name":
            unnamed.discard(call.source)
            if call.source in unsynced:
                found.append(f"{call.path} gets its name before its content is safe")
            others = (unsynced | unnamed) - {call.path, call.source}
            if last(call.path) and others:
                found.append(f"{call.path} gets its name while these are not safe: {', '.join(sorted(others))}")
    return found + [f"{path} is never safe" for path in sorted(unsynced | unnamed)]


def recorded_calls(work: Callable[[], object]) -> list[Call]:
    """The calls that some work makes through `os`, in this process."""
    calls: list[Call] = []

    def opened(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if flags & os.O_CREAT and not os.path.lexists(path):
            calls.append(Call("create", str(path)))
        if flags & (os.O_WRONLY | os.O_RDWR):
            calls.append(Call("write", str(path)))
        return real["open"](path, flags, *rest, **named)  # type: ignore[no-any-return]

    def after(name: str, kind: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            result = real[name](*arguments, **named)
            if kind == "name":
                calls.append(Call(kind, str(arguments[1]), str(arguments[0])))
            elif kind == "sync":
                calls.append(Call(kind, os.readlink(f"/proc/self/fd/{arguments[0]}")))
            else:
                calls.append(Call(kind, str(arguments[0])))
            return result

        return call

    kinds = {"fsync": "sync", "replace": "name", "rename": "name", "link": "name", "mkdir": "mkdir", "unlink": "unlink"}
    real = {name: getattr(os, name) for name in ("open", *kinds)}
    with ExitStack() as stack:
        stack.enter_context(patch.object(os, "open", opened))
        for name, kind in kinds.items():
            stack.enter_context(patch.object(os, name, after(name, kind)))
        work()
    return calls


_TRACED = "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,unlink,unlinkat"
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)(.*)$")
_BEGUN = re.compile(r"^(?P<thread>\d+) +(?P<call>.*?) *<unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(?P<thread>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)$")
_QUOTED = re.compile(r'"([^"]*)"')
_DESCRIPTOR = re.compile(r"^\d+<([^>]*)>")
_RESULT = re.compile(r"<([^>]*)>")


def traced_calls(code: str, *, cwd: Path, log: Path, timeout_s: float) -> list[Call]:
    """The calls that the kernel sees from a Python program. Raises CalledProcessError where strace cannot."""
    strace = ["strace", "-f", "-y", "-s", "0", "-e", f"trace={_TRACED}", "-o", str(log)]
    subprocess.run([*strace, sys.executable, "-c", code], cwd=cwd, check=True, timeout=timeout_s, capture_output=True)
    return list(parse_trace(log.read_text(errors="replace").splitlines()))


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Whole calls: one during which another thread was seen stands in two lines, and is over with the second."""
    begun: dict[str, str] = {}
    for line in lines:
        if half := _BEGUN.match(line):
            begun[half["thread"]] = half["call"]
        elif half := _RESUMED.match(line):
            yield begun.pop(half["thread"], "") + half["rest"]
        else:
            yield line


def parse_trace(lines: Iterable[str]) -> Iterator[Call]:
    """The calls of a trace in the order in which they ended; what failed and what does not matter is left out."""
    for line in _joined(lines):
        match = _LINE.match(line)
        if not match or match[3].startswith("-"):
            continue
        name, arguments, rest = match[1], match[2], match[4]
        quoted = _QUOTED.findall(arguments)
        if name == "openat":
            path = _RESULT.match(rest)
            if path and "O_CREAT" in arguments:
                yield Call("create", path[1])
        elif name in ("write", "pwrite64", "fsync", "fdatasync"):
            if path := _DESCRIPTOR.match(arguments):
                yield Call("sync" if "sync" in name else "write", path[1])
        elif name.startswith(("rename", "link")):
            yield Call("name", quoted[1], quoted[0])
        else:
            yield Call("mkdir" if name.startswith("mkdir") else "unlink", quoted[0])
