"""Runs the probe with lists of targets that somebody spoiled or made to do harm: `python tools/mutated_lists.py`.

Each list is some rows of targets.csv with changes drawn from a seed. A list must be refused by row and reason, or runs
with it in the laboratory must end within five seconds of their deadline. Exit status 1 where one does not.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from probe.catalogue.load import parse_catalogue  # noqa: E402
from probe.catalogue.target_rows import COLUMNS  # noqa: E402
from probe.catalogue.types import CatalogueError, Problem  # noqa: E402
from probe.upkeep.commands.exit_codes import EXIT_NO_NETWORK  # noqa: E402

LISTS, SEED = 1000, 1
DEADLINE_S, MOST_LATE_S = 5, 5.0
TRIES = 3
_KILL_AFTER_S = 60.0
_PATTERNS = (r"text:^(.+)+\x00$", "hex:(a|aa)+$", r"text:(.*)*x", "hex:^([0-9a-f]+)+z", r"text:(a)\1", "hex:",
             "text:" + ".*a" * 60, "text:" + "a?" * 60 + "a" * 60, "hex:[0-9a-f]{250}", "hex:(", "text:[", "len:x",
             "hex:" + "(0|1)" * 9)
_PORTS = (0, 22, 25, 53, 80, 443, 3306, 5222, 6379, 8080, 19302, 65535, 65536, 10**9)
_ODD = ("", " ", "\0", "\n", '"', "|" * 500, "x" * 2001, "é", "\u202e", "%s%n", "../../etc/passwd", "=1+1", "{rand16}",
        "-1", "1e9", "[0]" * 600, "a" + ".b" * 900, "any|closed|NXDOMAIN")
Row = dict[str, str]


def make_list(number: int, seed: int = SEED) -> bytes:
    """The content of one spoiled list."""
    rng = random.Random(f"{seed}:{number}")
    rows = [dict(row) for row in rng.sample(read_shipped(), rng.randint(1, 30))]
    for _ in range(rng.randint(1, 3)):
        rows = rng.choice(CHANGES)(rng, rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator=rng.choice(("\n", "\r\n")), restval="")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode("utf-8", "surrogatepass")
    return _spoil_bytes(rng, content) if rng.random() < 0.1 else content


@cache
def read_shipped() -> list[Row]:
    """The rows of targets.csv."""
    with (ROOT / "targets.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _put_odd_text(rng: random.Random, rows: list[Row]) -> list[Row]:
    rng.choice(rows)[rng.choice(COLUMNS)] = rng.choice(_ODD)
    return rows


def _put_pattern(rng: random.Random, rows: list[Row]) -> list[Row]:
    for row in rng.sample(rows, rng.randint(1, len(rows))):
        row["expect_reply"] = rng.choice(_PATTERNS)
    return rows


def _swap_cells(rng: random.Random, rows: list[Row]) -> list[Row]:
    one, other, column = rng.choice(rows), rng.choice(rows), rng.choice(COLUMNS)
    one[column], other[column] = other[column], one[column]
    return rows


def _put_port(rng: random.Random, rows: list[Row]) -> list[Row]:
    row = rng.choice(rows)
    scheme, _, rest = row["input"].partition("://")
    row["input"] = f"{scheme}://{rest.partition('/')[0].rpartition(':')[0] or rest}:{rng.choice(_PORTS)}"
    row["port"] = ""
    return rows


def _flood(rng: random.Random, rows: list[Row]) -> list[Row]:
    """Many rows like one: of one address, one zone, one service, or one protocol."""
    like, n = rng.choice(rows), rng.choice((5, 30, 300, 3000))
    form = rng.choice(("tcpconnect://8.8.8.8:{0}", "tlshandshake://n{0}.example.org:443", "https://telegram.org/{0}",
                       "tcpconnect://[2001:4860:4860::{0}]:443", "tlshandshake://mail.n{0}.example:465"))
    protocol = "smtp" if form.endswith("465") and rng.random() < 0.5 else ""
    like = like | dict.fromkeys(("host", "port", "address", "sni", "trust"), "") | {"protocol": protocol}
    return rows + [like | {"input": form.format(i), "status": "active"} for i in range(1, n)]


def _spoil_bytes(rng: random.Random, content: bytes) -> bytes:
    raw = bytearray(content)
    for _ in range(rng.randint(1, 20)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw[:rng.randint(1, len(raw))] if rng.random() < 0.3 else raw)


CHANGES: tuple[Callable[[random.Random, list[Row]], list[Row]], ...] = (
    _put_odd_text, _put_pattern, _swap_cells, _put_port, _flood)


def find_problems(content: bytes) -> tuple[Problem, ...]:
    """What is wrong with a list, as of one that was signed; empty where a run may use it."""
    try:
        parse_catalogue(content, "signed list", "signed")
    except CatalogueError as error:
        return error.problems
    return ()


def run_lists(lists: Iterator[tuple[int, Path]]) -> int:
    """Make a run with each, in the laboratory; the exit status. What was wrong is tried again, for the machine may have
    been busy; what a list does, it does each time."""
    wrong = made = again = 0
    for number, path in lists:
        made += 1
        for _ in range(TRIES):
            if not (fault := run_list(path)):
                break
            again += 1
        else:
            wrong += 1
            print(f"WRONG: list {number}: {fault}", flush=True)
    print(f"{made} runs, {wrong} wrong, {again} tries failed", flush=True)
    return int(wrong > 0)


def run_list(path: Path) -> str:
    """One run with it; what is wrong, empty if nothing."""
    command = [sys.executable, "-m", "probe", "run", "--fast", "--deadline-s", str(DEADLINE_S), "--tier", "3",
               "--no-parquet", "--catalogue", str(path), "--results", str(path.with_suffix(".results"))]
    began = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_KILL_AFTER_S, check=False)
        code, told = done.returncode, done.stderr
    except subprocess.TimeoutExpired:
        code, told = -1, "it went on and on"
    over_s = time.monotonic() - began - DEADLINE_S
    if over_s <= MOST_LATE_S and code in (0, EXIT_NO_NETWORK) and "Traceback" not in told:
        return ""
    return f"{over_s:.1f} s after its deadline, status {code}: {told[-2000:]}"


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--lists", type=int, default=LISTS)
    parser.add_argument("--runs", type=int, help="with so many of the lists that are taken (default: all)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        return run_lists((int(path.stem), path) for path in sorted(chosen.inside.glob("*.csv")))
    with tempfile.TemporaryDirectory(prefix="mutated-lists-") as home:
        good = []
        for number in range(chosen.lists):
            content = make_list(number, chosen.seed)
            if not find_problems(content):
                good.append((number, content))
        print(f"{chosen.lists} lists, {chosen.lists - len(good)} refused", flush=True)
        for number, content in good[:chosen.runs]:
            (Path(home) / f"{number}.csv").write_bytes(content)
        return subprocess.run([sys.executable, "-m", "probe", "lab", "exec", "clean", "--", sys.executable, __file__,
                               "--inside", home], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
