"""Is anything lost, torn or doubled in a year on a bad small machine? `python tools/soak.py [--only PART] [--seed N]`.

Three parts, each in a process of its own, all of them at once: a year of recorded runs with all that happens to a
machine; a process that is killed again and again; real runs in the laboratory, half of them killed. The exit status
is 1 when any figure is wrong, and the seed repeats everything that was drawn. About ten minutes.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools"), str(ROOT / "tests" / "helpers")]

from soaking.table import check, table  # noqa: E402

Progress = Callable[[int, int], None]
_LOOK_S = 0.5
_PROGRESS = "progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the proofs."""

    title: str
    count: int
    work: Callable[[Path, int, int, Progress], dict[str, Any]]


def _year(folder: Path, count: int, seed: int, progress: Progress) -> dict[str, Any]:
    from soaking.year import live

    return live(folder, hours=count, seed=seed, progress=progress)


def _kills(folder: Path, count: int, seed: int, progress: Progress) -> dict[str, Any]:
    from soaking.kills import kill_runs

    return kill_runs(folder, kills=count, seed=seed, progress=progress)


def _lab(folder: Path, count: int, seed: int, progress: Progress) -> dict[str, Any]:
    from probe_lab.laboratory import explain_unavailable
    from soaking.lab_runs import real_runs

    if reason := explain_unavailable():
        return {"left_out": reason}
    return real_runs(runs=count, seed=seed, progress=progress)


PARTS = {
    "year": Part(title="a year of hourly runs with outages, reboots, full disks and wrong clocks", count=8_760,
                 work=_year),
    "kills": Part(title="the process that writes, killed by signal 9", count=1_000, work=_kills),
    "lab": Part(title="real runs in the laboratory, half of them killed", count=300, work=_lab),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts and print what came of them."""
    options = _options(arguments)
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(31)
    if options.folder:
        (name,) = options.only
        print(json.dumps(_child(name, options.folder, options.count or PARTS[name].count, seed)))
        return 0
    names = options.only or tuple(PARTS)
    if not options.json:
        print(f"seed {seed} (to repeat: python tools/soak.py --seed {seed})")
        for name in names:
            print(f"{name}: {options.count or PARTS[name].count:,}, {PARTS[name].title}", flush=True)
    start = time.monotonic()
    found = _run_all(names, options.count, seed)
    wrong = {name: check(name, figures) for name, figures in found.items()}
    if options.json:
        print(json.dumps({"seed": seed, "figures": found, "wrong": wrong}))
    else:
        for line in table(found):
            print(line)
        for name, faults in wrong.items():
            for fault in faults[:20]:
                print(f"WRONG in {name}: {fault}")
        bad = sum(map(len, wrong.values()))
        print(f"{time.monotonic() - start:.0f} s, seed {seed}: "
              + (f"{bad} things are wrong" if bad else "nothing lost, torn or doubled"))
    return 1 if any(wrong.values()) else 0


def _run_all(names: Sequence[str], count: int | None, seed: int) -> dict[str, dict[str, Any]]:
    """All parts at once: they wait for different things. Each in a folder in memory, where syncing costs nothing."""
    memory = Path("/dev/shm")
    children: dict[str, subprocess.Popen[bytes]] = {}
    with tempfile.TemporaryDirectory(prefix="soak-", dir=memory if memory.is_dir() else None) as made:
        folder = Path(made)
        try:
            for name in names:
                (folder / name).mkdir()
                options = ["--folder", str(folder / name), "--only", name, "--seed", str(seed)]
                options += ["--count", str(count)] if count else []
                with _told(folder, name).open("wb") as out:
                    children[name] = subprocess.Popen([sys.executable, __file__, *options], stdout=out, cwd=ROOT)
            _await(folder, children)
            return {name: json.loads(_told(folder, name).read_text()) if not child.returncode else
                    {"wrong": [f"the part broke, with status {child.returncode}"]} for name, child in children.items()}
        finally:
            for child in children.values():
                child.kill()
                child.wait()


def _await(folder: Path, children: dict[str, subprocess.Popen[bytes]]) -> None:
    """Waits for all, and shows on a terminal how far they are."""
    shows = sys.stderr.isatty()
    while any(child.poll() is None for child in children.values()):
        time.sleep(_LOOK_S)
        if shows:
            far = (f"{name} {_progress_of(folder, name)}" for name in children)
            print("\r\033[K" + "   ".join(far), end="", file=sys.stderr, flush=True)
    if shows:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _progress_of(folder: Path, name: str) -> str:
    try:
        return (folder / name / _PROGRESS).read_text()
    except OSError:
        return "begins"


def _told(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _child(name: str, folder: Path, count: int, seed: int) -> dict[str, Any]:
    written = [0.0]

    def progress(done: int, of: int) -> None:
        if time.monotonic() - written[0] > _LOOK_S:
            written[0] = time.monotonic()
            (folder / _PROGRESS).write_text(f"{done:,} of {of:,}")

    return PARTS[name].work(folder, count, seed, progress)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Is anything lost, torn or doubled in a year on a bad small machine?")
    parser.add_argument("--only", action="append", choices=tuple(PARTS), help="run only this part; repeat")
    parser.add_argument("--count", type=int, help="hours, kills or runs, instead of the usual number")
    parser.add_argument("--seed", type=int, help="of everything that is drawn (default: another one each time)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
