"""All that may go wrong on a volunteer's machine, tried: `make trials`, or `python tools/trials.py [--only TRIAL]`.

Soak, spoiled lists and the tests named below, one after the other; one table, with the commit of each row, for
share/trials.md. A row is written as soon as it is known, in place of the one before, so that parts can be made one by
one. Exit status 1 where a row was lost or doubled, or anything else was wrong. An hour or two for all.
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
from trial_attacks import ATTACKS, BEFORE  # noqa: E402

HEAD = """# Trials of this program on bad machines, among hostile services and people

`make trials` makes this table, each row in a tree of the commit that it names. "Wrong" counts whatever was lost or
doubled, ended with a traceback or too late, and each test that failed; "tracebacks" are those of these that show one.
"""
ATTACKS_HEAD = """## Attacks that succeeded once

Most were tried again in the last tree in which they succeeded; the others were read there. A test refuses each now.
"""
COLUMNS = ("trial", "tries", "rows lost", "rows doubled", "tracebacks", "wrong", "seconds", "program, rules, commit")
_TOLD_CHARS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of a trial; `left_out`: why it could not be made here."""

    tries: str = ""
    lost: int = 0
    doubled: int = 0
    wrong: tuple[str, ...] = ()
    left_out: str = ""

    @property
    def tracebacks(self) -> int:
        """How much of what is wrong shows a traceback."""
        return sum("traceback" in text.lower() for text in self.wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One row of the table."""

    title: str
    make: Callable[[int | None], Found]
    """By how many hours, kills or runs, where that can be chosen; None: as many as usual."""


def soak(part: str, unit: str, count: int | None) -> Found:
    """A part of `tools/soak.py`."""
    told = json.loads(_run("tools/soak.py", "--only", part, "--json", *_say("--count", count)).stdout or "{}")
    figures = told.get("figures", {}).get(part, {})
    if "end" not in figures:
        return Found(left_out=figures.get("left_out", ""), wrong=() if "left_out" in figures else ("it broke",))
    end = figures["end"]
    tries = figures.get("hours") or figures.get("runs") or figures["killed"]
    return Found(tries=f"{tries:,} {unit}", lost=end["rows_lost"],
                 doubled=end["rows_doubled"], wrong=tuple(told["wrong"][part]))


def spoil_lists(count: int | None) -> Found:
    """`tools/mutated_lists.py`."""
    told = _run("tools/mutated_lists.py", *_say("--runs", count)).stdout
    made, runs = re.search(r"(\d+) lists, (\d+) refused", told), re.search(r"(\d+) runs, \d+ wrong", told)
    wrong = re.findall(r"^WRONG: .*(?:\n(?!WRONG|\d+ runs,).*)*", told, re.M)
    if not made or not runs:
        return Found(wrong=(*wrong, "it broke"))
    taken = int(made[1]) - int(made[2])
    return Found(tries=f"{int(made[1]):,} lists: {made[2]} refused, runs with {runs[1]} of the {taken} others",
                 wrong=tuple(wrong))


def test(paths: Sequence[str], _: int | None) -> Found:
    """Tests, the slow and long ones too."""
    with tempfile.TemporaryDirectory(prefix="trials-") as home:
        report = Path(home) / "junit.xml"
        _run("-m", "pytest", "-q", f"--junitxml={report}", *paths)
        if not report.is_file():
            return Found(wrong=("it broke",))
        cases = list(ElementTree.parse(report).iter("testcase"))
    wrong = (f"{case.get('classname')}.{case.get('name')}: {bad.get('message')}\n{bad.text}"
             for case in cases for bad in (*case.iter("failure"), *case.iter("error")))
    return Found(tries=f"{sum(case.find('skipped') is None for case in cases):,} tests", wrong=tuple(wrong))


def _say(option: str, count: int | None) -> tuple[str, ...]:
    return (option, str(count)) if count else ()


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A program of ours, whose complaints go to the terminal."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)


TRIALS: dict[str, Trial] = {
    "year": Trial(title="hours of a bad machine: cron, outages, reboots, full disks, steps of the clock",
                  make=partial(soak, "year", "hours")),
    "kills": Trial(title="the process that writes, killed by signal 9", make=partial(soak, "kills", "kills")),
    "runs": Trial(title="real runs in the laboratory, half of them ended by signal 9 or 15",
                  make=partial(soak, "lab", "runs")),
    "calls": Trial(title="calls for files that fail in each way they can; power cuts", make=partial(test, (
        "tests/store/test_failing_calls.py", "tests/store/test_power_cut.py"))),
    "times": Trial(title="full and read-only disks, two runs at once, a clock set, SIGTERM", make=partial(test, (
        "tests/store/test_hard_times.py", "tests/upkeep/test_ended_runs.py", "tests/cli/test_cli_run.py",
        "tests/cli/test_stopped.py"))),
    "stuck": Trial(title="runs that are stuck, and schedules that end them", make=partial(test, (
        "tests/upkeep/test_run_watchdog.py", "tests/upkeep/test_schedules.py"))),
    "neighbours": Trial(title="others on the same machine: links, pipes, folders of theirs", make=partial(test, (
        "tests/cli/test_shared_machine.py", "tests/core/test_safe_files.py"))),
    "services": Trial(title="hostile services of every protocol", make=partial(test, (
        "tests/lab/runs/test_lab_hostile.py", "tests/instruments/streams/test_hostile_handshakes.py",
        "tests/instruments/names", "tests/instruments/datagrams", "tests/instruments/messengers"))),
    "controls": Trial(title="helpers and other controls that lie", make=partial(test, (
        "tests/lab/host/test_lab_false_helper.py", "tests/lab/runs/test_lab_public_faults.py",
        "tests/controls/test_control_client.py", "tests/judge/common/test_control_probation.py"))),
    "updates": Trial(title="signed lists: rolled back, frozen, forged, grown", make=partial(test, (
        "tests/operate/test_update_list.py", "tests/cli/test_cli_update.py", "tests/upkeep/test_update_fetch.py",
        "tests/upkeep/test_key_trust.py", "tests/upkeep/test_run_lists.py"))),
    "lists": Trial(title="spoiled lists, and runs with those that are taken", make=spoil_lists),
    "inbox": Trial(title="the inbox: 200 at once, kills, a full disk, hostile volunteers", make=partial(test, (
        "tests/operate/test_inbox_hard.py", "tests/operate/test_inbox_service.py",
        "tests/operate/test_inbox_listings.py", "tests/operate/test_inbox_places.py"))),
}
ON_DISK = ("year", "kills", "runs", "lists")
"""Those that are no tests; `make long` makes them, and all tests besides."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--only", action="append", choices=tuple(TRIALS), help="make only this trial; repeat")
    parser.add_argument("--programs", action="store_const", const=ON_DISK, dest="only", help="without the tests")
    parser.add_argument("--count", type=int, help="hours, kills or runs, instead of the usual number")
    parser.add_argument("--markdown", type=Path, help="write the rows there too, each in place of the one before")
    chosen = parser.parse_args(arguments)
    tree, text, bad = name_tree(), "", 0
    for name in chosen.only or TRIALS:
        began = time.monotonic()
        found = TRIALS[name].make(chosen.count)
        bad += len(found.wrong) + found.lost + found.doubled
        for fault in found.wrong:
            print(f"WRONG: {name}: {fault[-_TOLD_CHARS:]}", file=sys.stderr, flush=True)
        if chosen.markdown and chosen.markdown.is_file():  # read now: another part may have written meanwhile
            text = chosen.markdown.read_text(encoding="utf-8")
        text = put_row(text, make_row(TRIALS[name], found, seconds=round(time.monotonic() - began), tree=tree))
        if chosen.markdown:
            chosen.markdown.write_text(text, encoding="utf-8")
    print(text)
    return int(bad > 0)


def make_row(trial: Trial, found: Found, *, seconds: int, tree: str) -> tuple[str, ...]:
    """The cells of a trial."""
    tries = f"left out: {found.left_out}" if found.left_out else found.tries
    figures = (found.lost, found.doubled, found.tracebacks, len(found.wrong), seconds)
    return (trial.title, tries, *map(str, figures), tree)


def put_row(text: str, row: tuple[str, ...]) -> str:
    """The document with the row in it, in the order of the trials; rows of trials that are no more go."""
    rows = {cells[0]: cells for line in text.splitlines() if line.startswith("| ")
            if len(cells := tuple(cell.strip() for cell in line.strip("| ").split(" | "))) == len(COLUMNS)}
    rows[row[0]] = row
    attacks = [(a.deed, a.before, f"`{a.file}`: `{a.test}`") for a in ATTACKS]
    return (f"{HEAD}\n{grid(COLUMNS, [rows[t.title] for t in TRIALS.values() if t.title in rows])}\n\n{ATTACKS_HEAD}\n"
            f"{grid(('attack', f'in tree {BEFORE}', 'the test that refuses it now'), attacks)}\n")


def name_tree() -> str:
    """Version of the program, of its rules, and commit; the reports in share/ do not count as changes."""
    from probe import __version__
    from probe.judge.rules_version import RULES_VERSION

    commit, changed = (subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout
                       for words in (("rev-parse", "--short=12", "HEAD"),
                                     ("status", "--porcelain", "--untracked-files=no", "--", ".", ":!share")))
    return f"{__version__}, {RULES_VERSION}, {commit.strip() or 'unknown'}{'-changed' if changed.strip() else ''}"


if __name__ == "__main__":
    sys.exit(main())
