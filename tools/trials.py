"""All that may go wrong on a volunteer's machine, tried: `make trials`, or `python tools/trials.py [--only TRIAL]`.

Soak, spoiled lists and the tests named below, one after the other; one table, with version and commit, for
share/trials.md. Exit status 1 where a row was lost or doubled, or anything else was wrong. Some hours for all.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from grid import grid  # noqa: E402

HEAD = """# Trials of this program on bad machines, among hostile services and people

`make trials` makes this table. A try is a run of the program, a kill, a failing call or a test. "Wrong" counts what was
lost or doubled, tracebacks without a cause that is told, runs that did not end in time, and tests that failed.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of a trial; `left_out`: why it could not be made here."""

    tries: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    left_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One row of the table."""

    title: str
    make: Callable[[], Found]


def soak(part: str) -> Found:
    """A part of `tools/soak.py`."""
    told = json.loads(_run("tools/soak.py", "--only", part, "--json").stdout or "{}")
    figures = told.get("figures", {}).get(part, {})
    if "end" not in figures:
        return Found(left_out=figures.get("left_out", ""), wrong=int("left_out" not in figures))
    end = figures["end"]
    return Found(tries=figures.get("hours") or figures.get("killed") or end["runs"], lost=end["rows_lost"],
                 doubled=end["rows_doubled"], wrong=len(told["wrong"][part]))


def spoil_lists() -> Found:
    """`tools/mutated_lists.py`."""
    done = _run("tools/mutated_lists.py")
    made, wrong = re.search(r"(\d+) lists,", done.stdout), re.search(r"runs, (\d+) wrong", done.stdout)
    return Found(tries=int(made[1]) if made else 0, wrong=int(wrong[1]) if wrong else 1)


def test(*paths: str) -> Found:
    """Tests, the slow and long ones too."""
    with tempfile.TemporaryDirectory(prefix="trials-") as home:
        report = Path(home) / "junit.xml"
        _run("-m", "pytest", "-q", f"--junitxml={report}", *paths)
        if not report.is_file():
            return Found(wrong=1)
        count = {word: sum(int(suite.get(word, 0)) for suite in ElementTree.parse(report).iter("testsuite"))
                 for word in ("tests", "failures", "errors", "skipped")}
    return Found(tries=count["tests"] - count["skipped"], wrong=count["failures"] + count["errors"])


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A program of ours, whose complaints go to the terminal."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)


TRIALS: dict[str, Trial] = {
    "year": Trial(title="hours of a bad machine: cron, outages, reboots, full disks, steps of the clock",
                  make=partial(soak, "year")),
    "kills": Trial(title="the process that writes, killed by signal 9", make=partial(soak, "kills")),
    "runs": Trial(title="real runs in the laboratory, half of them killed", make=partial(soak, "lab")),
    "calls": Trial(title="calls for files that fail in each way they can; power cuts", make=partial(
        test, "tests/store/test_failing_calls.py", "tests/store/test_power_cut.py")),
    "times": Trial(title="full and read-only disks, two runs at once, a clock that is set, SIGTERM", make=partial(
        test, "tests/store/test_hard_times.py", "tests/cli/test_cli_run.py", "tests/cli/test_stopped.py")),
    "stuck": Trial(title="runs that are stuck, and schedules that end them", make=partial(
        test, "tests/upkeep/test_run_watchdog.py", "tests/upkeep/test_schedules.py")),
    "neighbours": Trial(title="others on the same machine: links, pipes, folders of theirs", make=partial(
        test, "tests/cli/test_shared_machine.py", "tests/core/test_safe_files.py")),
    "services": Trial(title="hostile services of every protocol", make=partial(
        test, "tests/lab/runs/test_lab_hostile.py", "tests/instruments/streams/test_hostile_handshakes.py",
        "tests/instruments/names/test_https_hostile.py", "tests/instruments/names/test_dns_udp.py",
        "tests/instruments/datagrams/test_quic_hostile.py", "tests/instruments/messengers")),
    "controls": Trial(title="helpers and other controls that lie", make=partial(
        test, "tests/lab/host/test_lab_false_helper.py", "tests/lab/runs/test_lab_public_faults.py",
        "tests/controls/test_control_client.py", "tests/judge/common/test_control_probation.py")),
    "updates": Trial(title="signed lists: rolled back, frozen, forged, grown", make=partial(
        test, "tests/operate/test_update_list.py", "tests/cli/test_cli_update.py", "tests/upkeep/test_update_fetch.py",
        "tests/upkeep/test_key_trust.py", "tests/upkeep/test_run_lists.py")),
    "lists": Trial(title="spoiled lists, and runs with those that are taken", make=spoil_lists),
    "inbox": Trial(title="the inbox: 200 at once, kills, a full disk, hostile volunteers", make=partial(
        test, "tests/operate/test_inbox_hard.py", "tests/operate/test_inbox_service.py")),
}
ON_DISK = ("year", "kills", "runs", "lists")
"""Those that are no tests; `make long` makes them, and all tests besides."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--only", action="append", choices=tuple(TRIALS), help="make only this trial; repeat")
    parser.add_argument("--programs", action="store_const", const=ON_DISK, dest="only", help="without the tests")
    parser.add_argument("--markdown", type=Path, help="write the table there too")
    chosen = parser.parse_args(arguments)
    rows: list[tuple[str, ...]] = []
    bad = 0
    for name in chosen.only or TRIALS:
        began = time.monotonic()
        found = TRIALS[name].make()
        bad += found.wrong + found.lost + found.doubled
        figures = (found.lost, found.doubled, found.wrong, round(time.monotonic() - began))
        rows.append((TRIALS[name].title, found.left_out or f"{found.tries:,}", *map(str, figures)))
        print(f"{name}: {found}", file=sys.stderr, flush=True)
    table = f"{HEAD}\n{_name_tree()}\n\n" + grid(
        ("trial", "tries", "rows lost", "rows doubled", "wrong", "seconds"), rows) + "\n"
    print(table)
    if chosen.markdown:
        chosen.markdown.write_text(table, encoding="utf-8")
    return int(bad > 0)


def _name_tree() -> str:
    from probe import __version__
    from probe.judge.rules_version import RULES_VERSION

    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    return f"Program {__version__}, rules {RULES_VERSION}, commit {done.stdout.strip() or 'unknown'}."


if __name__ == "__main__":
    sys.exit(main())
