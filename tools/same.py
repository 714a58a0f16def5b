"""Does the program still say the same of stored data? `make same` compares every verdict, service and event with those
stored in tests/frozen/digests.csv, and names the rows that changed.

    python tools/same.py                        compare; exit status 1 where a row changed
    python tools/same.py --write                store what is said today; say in the commit which rows changed and why
    python tools/same.py --record FOLDER        pack the laboratory's runs anew from what this wrote to FOLDER:
        probe lab score --seed 401202 --level packet --consent-level 3 --keep FOLDER
"""

from __future__ import annotations

import argparse
import csv
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in (".", "analysis", "operate", "lab", "tools")]

from frozen_rows import LABORATORY, FrozenRow, judge_all  # noqa: E402

DIGESTS = ROOT / "tests" / "frozen" / "digests.csv"
TABLES = ("runs", "observations", "controls", "verdicts", "services")
COLUMNS = tuple(field.name for field in fields(FrozenRow))
_MOST_SHOWN = 40


def read_stored(path: Path = DIGESTS) -> list[FrozenRow]:
    """The stored rows."""
    with path.open(newline="", encoding="utf-8") as file:
        return [FrozenRow(**row) for row in csv.DictReader(file)]


def write_stored(rows: Iterable[FrozenRow], path: Path = DIGESTS) -> None:
    """Store rows as they are."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)


def describe_changes(stored: Iterable[FrozenRow], today: Iterable[FrozenRow]) -> list[str]:
    """A line for each row that is gone, new or other; empty where nothing changed."""
    before, now = Counter(stored), Counter(today)
    gone, new = before - now, now - before
    lines = [f"- {_describe(row)}" for row in gone.elements()] + [f"+ {_describe(row)}" for row in new.elements()]
    return sorted(lines, key=lambda line: (line[2:], line[0] == "+"))


def _describe(row: FrozenRow) -> str:
    return f"{row.source} {row.table} {row.key}: {row.words} [{row.digest}]"


def record(folder: Path) -> int:
    """Pack the tables of every scenario's run, in an order and with times that are always the same; how many."""
    found = sorted(run for run in folder.iterdir() if (run / "results" / "runs").is_dir())
    LABORATORY.parent.mkdir(exist_ok=True)
    with tarfile.open(LABORATORY, "w:xz", preset=9) as packed:
        for run in found:
            scenario = run.name.rsplit("-", 2)[0]
            for path in sorted(p for table in TABLES for p in (run / "results" / table).glob("date=*/*.csv")):
                packed.add(path, f"{scenario}/{path.relative_to(run / 'results')}", filter=_plain)
    return len(found)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, write or record; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="store what the program says today")
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="pack the runs that are in this folder")
    wanted = parser.parse_args(arguments)
    if wanted.record:
        print(f"Packed {record(wanted.record)} runs into {LABORATORY.relative_to(ROOT)}.")
    print("Judging the stored data again: about a minute.", flush=True)
    today = judge_all()
    if wanted.write:
        write_stored(today)
        print(f"Stored {len(today)} rows in {DIGESTS.relative_to(ROOT)}.")
        return 0
    changes = describe_changes(read_stored(), today)
    for line in changes[:_MOST_SHOWN]:
        print(line)
    if len(changes) > _MOST_SHOWN:
        print(f"... and {len(changes) - _MOST_SHOWN} more lines")
    print(f"{len(today)} rows compared, {len(changes)} lines of change.")
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
