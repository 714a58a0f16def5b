"""Bytes flipped in every kind of file that commands read: no crash, and a word or an answer; what is signed never
passes.

`pytest -m slow` flips a thousand; the quick tests a few of each kind.
"""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from feeds_made import feed, put_feed
from ooni_data import measurement
from probe.catalogue.load import load_catalogue
from probe.cli.main import cli
from probe.config.settings import UploadSettings
from probe.store.runs.run_writer import write_run
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event
from probe.upkeep.upload.upload_state import UploadState, find_state_file, write_state
from probe_analysis.publication.datapackage import write_package
from signed import OURS, document, put
from stored import a_result
from update_world import settle, today
from upload_world import agreed

QUICK, ALL = 3, 90
"""Flips of each kind of file."""
RESULTS = Path("results")
NOW = datetime.now(UTC).replace(microsecond=0)
PLACE = "http://127.0.0.1:9/"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A file, and the command that reads it."""

    make: Callable[[], Path]
    command: tuple[str, ...]
    signed: bool = False


def own_list() -> Path:
    """The first rows of the program's own."""
    lines = Path(load_catalogue(search=False).path).read_text(encoding="utf-8").splitlines(keepends=True)
    Path("own.csv").write_text("".join(lines[:12]), encoding="utf-8")
    return Path("own.csv")


def signed_list() -> Path:
    Path("ours.pub").write_text(OURS.public_file)
    return put(Path(), document(day=today()))


def control_feed() -> Path:
    settings(f'[[feed]]\nurls = ["de-1.json"]\nkey = "{OURS.public_line}"\n')
    return put_feed(Path(), feed(made=NOW))


def settings(more: str = "") -> Path:
    Path("probe.toml").write_text(
        '[vantage]\ncc = "RU"\nasn = 64500\n[run]\ntier = 1\npace_s = 2.5\n' + more)
    return Path("probe.toml")


def results(table: str, suffix: str) -> Path:
    write_run(a_result("r-1"), RESULTS, parquet=True)
    (file,) = (path for path in RESULTS.rglob(f"*{suffix}") if table in path.parts)
    return file


def package() -> Path:
    write_run(a_result("r-1"), RESULTS, parquet=False)
    write_package(RESULTS)
    return RESULTS / "datapackage.json"


def schedule() -> Path:
    write_run(a_result("r-1"), RESULTS, parquet=False)
    for kind in ("installed", "started", "ended", "started"):
        append_event(RESULTS, ScheduleEvent(at=NOW, kind=kind, by="cron" if kind == "installed" else ""))
    (file,) = RESULTS.rglob("schedule/*.jsonl")
    return file


def upload_state() -> Path:
    agreed(UploadSettings(to=PLACE), Path("probe.toml"))
    write_run(a_result("r-1"), RESULTS, parquet=False)
    write_state(RESULTS, UploadState(to=PLACE))
    return find_state_file(RESULTS, PLACE)


def measurements() -> Path:
    Path("ooni.jsonl").write_text("".join(json.dumps(measurement()) + "\n" for _ in range(3)))
    return Path("ooni.jsonl")


KINDS = {
    "own list": Kind(make=own_list, command=("targets", "check", "own.csv")),
    "signed list": Kind(make=signed_list, signed=True,
                        command=("update", "--from", "list.json", "--key", "ours.pub", "--json")),
    "control feed": Kind(make=control_feed, signed=True, command=("update", "feeds", "--json")),
    "settings": Kind(make=settings, command=("status", "--results", "results")),
    "state of uploads": Kind(make=upload_state, command=("upload", "--dry-run", "--results", "results")),
    "log of the schedule": Kind(make=schedule, command=("status", "--results", "results")),
    "data package": Kind(make=package, command=("report", "results", "-o", "report.html")),
    "OONI's measurements": Kind(make=measurements, command=("import", "ooni", "ooni.jsonl", "--out", "made")),
    **{f"{table}, CSV": Kind(make=partial(results, table, ".csv"), command=(*command, "results", *more))
       for table, command, more in (
           ("runs", ("export",), ("--table", "runs")), ("verdicts", ("export",), ()),
           ("observations", ("export",), ("--table", "observations")))},
    "verdicts, Parquet": Kind(make=lambda: results("verdicts", ".parquet"),
                              command=("analyse", "results", "--out", "analysis", "--threads", "1")),
}


def run(kind: Kind) -> Result:
    """The command, from the same state each time."""
    for folder in ("made", "analysis", ".local"):
        shutil.rmtree(folder, ignore_errors=True)
    return CliRunner().invoke(cli, kind.command)


def flips(raw: bytes, count: int, dice: random.Random) -> Iterator[bytes]:
    """The bytes with one of them changed."""
    for _ in range(count):
        place = dice.randrange(len(raw))
        yield raw[:place] + bytes([raw[place] ^ dice.randrange(1, 256)]) + raw[place + 1:]


def check(kind: Kind, sound: Result) -> str:
    """What came of a flip: the same, another answer, or a word."""
    got = run(kind)
    assert got.exception is None or isinstance(got.exception, SystemExit), repr(got.exception)
    assert "Traceback" not in got.output
    if got.exit_code != sound.exit_code:
        assert got.output.strip(), "no word"
        return "refused"
    if got.output == sound.output:
        return "the same"
    return "answered otherwise"


@pytest.mark.parametrize("count", [
    QUICK, pytest.param(ALL, marks=[pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)])])
@pytest.mark.parametrize("name", KINDS)
def test_a_flipped_byte_crashes_nothing(in_folder: Path, monkeypatch: pytest.MonkeyPatch, rng: random.Random,
                                        name: str, count: int) -> None:
    settle(in_folder, monkeypatch)
    kind = KINDS[name]
    file = kind.make()
    RESULTS.mkdir(exist_ok=True)
    raw, sound, found = file.read_bytes(), run(kind), Counter[str]()
    assert sound.exception is None or isinstance(sound.exception, SystemExit), repr(sound.exception)
    for flipped in flips(raw, count, rng):
        file.write_bytes(flipped)
        try:
            found[check(kind, sound)] += 1
        except AssertionError as error:
            raise AssertionError(f"{name}: {msgspec.json.encode(flipped[:4000].decode('latin-1')).decode()}") from error
    print(f"FLIPS {name}: {sound.exit_code} {dict(found)}")
    if kind.signed:
        assert found["refused"] == count, dict(found)
