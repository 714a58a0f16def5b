"""Make the small data that come with the package: `python tools/example_data.py [--keep FOLDER] [--only NAME]`.

Results are of the laboratory: every connection is real; dates, networks and countries are those written here. Runs that
FOLDER holds already are not made again. The OONI measurements are made up, after OONI's specifications. Needs the
extras `lab` and `dev`; ten minutes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers"), str(ROOT / "tests" / "analysis" / "imported" / "helpers")]
FOLDER = ROOT / "analysis" / "probe_analysis" / "examples"
NATIONAL_SCENARIO, NATIONAL_SEED = "sni-tspu1", 5
NATIONAL_BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
NATIONAL_HOURS = (0, 6, 12, 18, 30)
NETWORKS = {"KZ": range(64500, 64505), "UZ": range(64505, 64507)}
"""Country -> its networks, a volunteer in each. The first is censored from 12:00 for 18 hours; nobody has a helper."""
JOBS = 6


def make_may(folder: Path) -> None:
    """The story of `probe demo`, with fewer runs."""
    from probe_lab.timelapse import draw_slots

    _make_lapse(folder, seed=2017, schedule=[slot for slot in draw_slots() if slot.blocked or slot.at.hour != 12])


def make_telegram(folder: Path) -> None:
    """A day on which four of six addresses are dropped from 08:00 to 16:00."""
    from probe_lab.timelapse import TimelapseSlot

    day = datetime(2026, 3, 10, tzinfo=UTC)
    _make_lapse(folder, seed=3, scenario="telegram-dcs", schedule=[
        TimelapseSlot(at=day + timedelta(hours=hour, minutes=7), blocked=8 <= hour < 16) for hour in range(0, 24, 2)])


def _make_lapse(folder: Path, **options: Any) -> None:
    from probe.catalogue.load import load_catalogue
    from probe_lab.timelapse import run_timelapse

    run_timelapse(load_catalogue(search=False), folder, jobs=JOBS, progress=_tell, **options)


def make_national(folder: Path) -> None:
    """Runs in seven networks of two countries, without helpers; each network's volunteer has a name of its own."""
    from probe.store.runs.run_reader import read_runs
    from probe.store.runs.run_writer import write_run

    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        _run_networks(made)
        for network in sorted(made.iterdir()):
            for result in read_runs(network):
                vantage = replace(result.run.vantage, probe_id=f"laboratory-{network.name}")
                write_run(replace(result, run=replace(result.run, vantage=vantage)), folder, parquet=False)


def _run_networks(made: Path) -> None:
    from probe.catalogue.load import load_catalogue
    from probe_lab.draw import draw_scenario
    from probe_lab.format.scenario import load_scenario
    from probe_lab.laboratory import Laboratory, make_probe_command
    from probe_lab.scoring.trial import VANTAGE_ASN, configuration, program_environment

    catalogue = load_catalogue(search=False)
    drawn = draw_scenario(load_scenario(NATIONAL_SCENARIO), seed=NATIONAL_SEED, endpoints=catalogue.endpoints)
    jobs = [(cc, asn, NATIONAL_BEGIN + timedelta(hours=hour, minutes=7 * (asn % 9)), cc == "KZ" and 12 <= hour < 30)
            for cc, networks in NETWORKS.items() for asn in networks for hour in NATIONAL_HOURS]

    def run(job: tuple[str, int, datetime, bool]) -> None:
        cc, asn, at, blocked = job
        laboratory = censored if blocked else free
        own = laboratory.directory / f"{asn}-{at:%Y%m%dT%H%M}"
        own.mkdir()
        text = configuration(replace(drawn.world, cc=cc), helpers=False)
        (own / "probe.toml").write_text(text.replace(f"asn = {VANTAGE_ASN}", f"asn = {asn}"))
        shutil.copyfile(catalogue.path, own / "targets.csv")
        laboratory.run([*make_probe_command(), "run", "--fast", "--timed", "--config", str(own / "probe.toml"),
                        "--results", str(own / "results"), "--catalogue", "targets.csv", "--at", at.isoformat(),
                        *(part for target in drawn.targets for part in ("--input", target))],
                       env=program_environment(), timeout_s=300, cwd=own)
        shutil.copytree(own / "results", made / str(asn), dirs_exist_ok=True, ignore=shutil.ignore_patterns(".lock"))

    with (Laboratory(drawn) as censored, Laboratory(replace(drawn, rules=())) as free,
          ThreadPoolExecutor(JOBS) as pool):
        for done, _ in enumerate(pool.map(run, sorted(jobs, key=lambda job: not job[3])), start=1):
            _tell(done, len(jobs))


def list_ooni_measurements() -> Iterator[dict[str, Any]]:
    """Three days of one network: on the second Telegram's web client, Signal's addresses and a web page fail, of which
    OONI's helper was asked for the page alone."""
    from ooni_fleet import Strike, make_days, page_of, signal_of, telegram_of

    days: tuple[tuple[Strike, Strike, Strike], ...] = (("", "", ""), ("tls", "tcp", "tls"), ("", "", ""))
    for day, (telegram, signal, page) in enumerate(days):
        yield from make_days(telegram_of(telegram), since=day, days=1, line=True)
        yield from make_days(signal_of(signal), since=day, days=1)
        yield from make_days(page_of(page), since=day, days=1)


def write_ooni_measurements(path: Path) -> None:
    """The same as packed JSON Lines; the same bytes each time."""
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in list_ooni_measurements())
    path.write_bytes(gzip.compress(lines, 9, mtime=0))


MAKERS: Mapping[str, Callable[[Path], None]] = {
    "may-2017": make_may, "telegram-partial": make_telegram, "national-block": make_national,
}


def _tell(done: int, total: int) -> None:
    print(f"{done}/{total}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make every example, or the one that is named."""
    from probe.store.archive.compaction import compact_days
    from probe_analysis.examples.example_files import OONI_FILE, pack_example

    parser = argparse.ArgumentParser(description="Make the example data of the package.")
    parser.add_argument("--keep", type=Path, help="folder in which runs are kept for the next time")
    parser.add_argument("--only", choices=(*MAKERS, "ooni"), help="make only this one")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        for name in [options.only] if options.only else (*MAKERS, "ooni"):
            if name == "ooni":
                write_ooni_measurements(FOLDER / OONI_FILE)
                continue
            made = (options.keep or Path(temporary)) / name
            if not made.is_dir():
                made.mkdir(parents=True)
                MAKERS[name](made)
            packed = Path(temporary) / f"{name}-packed"
            shutil.copytree(made, packed, ignore=shutil.ignore_patterns("parquet", ".*"))
            compact_days(packed, today=date.max)
            pack_example(packed, FOLDER / f"{name}.zip")
    return 0


if __name__ == "__main__":
    sys.exit(main())
