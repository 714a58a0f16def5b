"""Puts faults into commands, one a child, and says of each what came of it."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.failing_calls import KINDS, Fault, Injector, Struck
from faults.worlds import WORLDS, Holdings, World
from soaking.machine import Result, crashed

_CHANGES = re.compile(r"\b\d{8}T\d{6}Z_[0-9a-f]+|\b\d\d:\d\d\b")
"""A run's name, and a time of the day."""
LASTING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """How a command ends when nothing fails."""

    before: Holdings
    after: Holdings
    output: str
    calls: dict[int, int]
    """Errno -> the calls that can give it."""


def strike_all(folder: Path, name: str, *, count: int, seed: int,
               progress: Callable[[int, int], None] = lambda done, of: None) -> dict[str, Any]:
    """`count` faults in one command, or all there are; the figures. In a process with one thread."""
    world, injector = WORLDS[name](folder / name), Injector()
    sound = _measure(world, injector)
    faults = list(_list_faults(sound, count, random.Random(f"{seed} {name}")))
    came: Counter[str] = Counter()
    struck: Counter[str] = Counter()
    wrong: list[str] = []
    for number, fault in enumerate(faults, start=1):
        world.restore()
        outcome, call, why = _in_child(lambda fault=fault: _strike(world, injector, fault, sound))  # type: ignore[misc]
        came[outcome] += 1
        struck[call] += 1
        if why:
            wrong.append(f"{name}: {fault}: {why}")
        progress(number, len(faults))
    return {"faults": len(faults), "calls": sound.calls[errno.EIO], "came": dict(came), "struck": dict(struck),
            "wrong": wrong}


def _measure(world: World, injector: Injector) -> Sound:
    before = world.holdings()
    for _ in range(2):  # the first time modules are loaded
        world.restore()
        done = world.work()
        assert done.exit_code == 0, done.output
        output = _plain(done.output)
    after, calls = world.holdings(), {}
    for error in KINDS:
        world.restore()
        injector.arm(world.case, Fault(nth=0, error=error))
        world.work()
        calls[error] = injector.disarm().calls
    return Sound(before=before, after=after, output=output, calls=calls)


def _list_faults(sound: Sound, count: int, rng: random.Random) -> Iterator[Fault]:
    """Each error at each call that can give it, once and for good, or a sample of these."""
    every = [Fault(nth=nth, error=error, lasting=lasting) for error, calls in sound.calls.items()
             for nth in range(1, calls + 1) for lasting in ((False, True) if error in LASTING else (False,))]
    yield from sorted(rng.sample(every, min(count, len(every))), key=lambda fault: (fault.error, fault.nth))


def _strike(world: World, injector: Injector, fault: Fault, sound: Sound) -> tuple[str, str, str]:
    """(what came of it, the call that failed, what is wrong)."""
    injector.arm(world.case, fault)
    try:
        done = world.work()
    finally:
        struck = injector.disarm()
    where = f"{struck.name} {struck.path.removeprefix(str(world.case))}".strip()
    why = _judge(world, done, struck, sound)
    told = done.exit_code != 0 or _plain(done.output) != sound.output
    outcome = "wrong" if why else "told" if told else "done all the same"
    return outcome, struck.name or "none", why and f"{where}: {why}; it said {done.exit_code} {done.output[-300:]!r}"


def _judge(world: World, done: Result, struck: Struck, sound: Sound) -> str:
    quiet = done.exit_code == 0 and _plain(done.output) == sound.output
    if fault := crashed(done):
        return f"crashed: {fault}"
    if done.exit_code and not done.output.strip():
        return "no word"
    try:
        if why := world.find_wrong(sound.before, sound.after, quiet=quiet):
            return why
        following = world.work()
        if following.exit_code or crashed(following):
            return f"the next command: {following.exit_code} {crashed(following)} {following.output[-300:]!r}"
        if why := world.find_wrong(sound.before, sound.after, quiet=True):
            return f"after the next command: {why}"
    except Exception as error:
        return f"what is there cannot be read: {error!r}"
    return ""


def _plain(output: str) -> str:
    """What a command said, without what differs from time to time."""
    return _CHANGES.sub("", output)


def _in_child(work: Callable[[], tuple[str, str, str]]) -> tuple[str, str, str]:
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(ours)
            os.write(theirs, json.dumps(work()).encode()[:60_000])
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    try:
        outcome, call, why = json.loads(said)
    except ValueError:
        return "wrong", "none", "the process ended without a word"
    return outcome, call, why


def main() -> None:
    """`python -m faults.campaign FOLDER COMMAND COUNT SEED`, in a process into which the library was preloaded."""
    folder, name, count, seed = sys.argv[1:]
    print(json.dumps(strike_all(Path(folder), name, count=int(count), seed=int(seed))))


if __name__ == "__main__":
    main()
