"""What each command works on while its file calls fail, and what must hold of it: a small world that is made once and
copied for each fault."""

from __future__ import annotations

import csv
import hashlib
import shutil
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from probe.config.settings import UploadSettings
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import write_run
from probe.store.schema import TABLES
from signed_runs import KEY, OTHER_KEY, named
from soaking.disk import no_network
from soaking.ledger import Ledger, digest
from soaking.machine import Machine, Result, one_catalogue
from soaking.recorded import Network, recorded
from soaking.shifted import Moment, shifted
from stored import a_result
from upload_world import agreed

BEGIN = datetime(2017, 5, 20, 12, tzinfo=UTC)

Holdings = Mapping[str, str]
"""What is there: a name -> the digest of its content."""


class World(ABC):
    """One command and what it works on, always at the same place."""

    name: str

    def __init__(self, home: Path) -> None:
        self.case, self._template = home / "case", home / "template"
        self.results = self.case / "results"
        self.machine = Machine(home=self.case / "home", results=self.results)
        self.case.mkdir(parents=True)
        self.machine.configure()
        self.fill()
        self.case.rename(self._template)
        self.restore()

    @abstractmethod
    def fill(self) -> None:
        """Make what the command works on, once."""

    @abstractmethod
    def work(self) -> Result:
        """The command."""

    @abstractmethod
    def holdings(self) -> Holdings:
        """What is there now. Raises StoreError for what cannot be read."""

    def find_wrong(self, before: Holdings, sound: Holdings, *, quiet: bool) -> str:
        """What is wrong with what is there after a fault; `quiet`: the command said what it says when all is well."""
        after = self.holdings()
        if lost := before.keys() - after.keys():
            return f"lost: {sorted(lost)[:3]}"
        if odd := [name for name, found in after.items() if found != sound.get(name)]:
            return f"changed, or there twice: {odd[:3]}"
        if quiet and (lacking := sound.keys() - after.keys()):
            return f"lacking, and nothing was said: {sorted(lacking)[:3]}"
        return ""

    def restore(self) -> None:
        """Everything as it was made."""
        shutil.rmtree(self.case, ignore_errors=True)
        shutil.copytree(self._template, self.case, symlinks=True)


class CompactWorld(World):
    """Signed runs of two finished days."""

    name = "compact"

    def fill(self) -> None:
        _write_days(self.results)

    def work(self) -> Result:
        return self.machine.compact()

    def holdings(self) -> Holdings:
        return _read_folder(self.results)


class VerifyWorld(CompactWorld):
    """The same; nothing is written."""

    name = "verify"

    def work(self) -> Result:
        return self.machine.call("verify", str(self.results))


class ExportWorld(CompactWorld):
    """One table as a file, which is there already, older."""

    name = "export"

    def fill(self) -> None:
        super().fill()
        (self.case / "out.csv").write_text("as it was\n")

    def work(self) -> Result:
        return self.machine.call("export", str(self.results), "--table", "observations", "-o",
                                 str(self.case / "out.csv"))

    def holdings(self) -> Holdings:
        lines = (self.case / "out.csv").read_text().splitlines()
        return dict(super().holdings()) | {
            f"exported {number} {_digest(line)}": "" for number, line in enumerate(lines)}

    def find_wrong(self, before: Holdings, sound: Holdings, *, quiet: bool) -> str:
        """The file is the one that was there, whole, or a new one: without runs of which it was said that they are left
        out, and with nothing else."""
        stored, after = super().holdings(), self.holdings()
        exported = [name.split()[2] for name in after if name.startswith("exported")]
        if quiet and after != sound:
            return "another file, and nothing was said"
        wanted = [[name.split()[2] for name in held if name.startswith("exported")] for held in (before, sound)]
        if exported != wanted[0] and (exported[:1] != wanted[1][:1] or Counter(exported) - Counter(wanted[1])):
            return "neither the file that was there nor rows of the new one"
        return "" if stored.items() <= sound.items() and len(stored) == len(sound) - len(wanted[1]) else "changed"


class CollectWorld(World):
    """Two volunteers' folders, and a data set that holds a run already."""

    name = "collect"

    def fill(self) -> None:
        for folder, key in (("alice", KEY), ("bob", OTHER_KEY)):
            for letter in "ab":
                write_run(named(a_result(f"{folder}-{letter}", text=f"=1\n{letter}"), key=key),
                          self.case / "incoming" / folder, parquet=False, signer=key)
        write_run(named(a_result("first")), self.results, parquet=False, signer=KEY)

    def work(self) -> Result:
        return self.machine.call("collect", str(self.case / "incoming"), "-o", str(self.results))

    def holdings(self) -> Holdings:
        return _read_folder(self.results) | {f"incoming {name}": found for folder in ("alice", "bob") for name, found in
                                             _read_folder(self.case / "incoming" / folder).items()}


class UploadWorld(World):
    """Three runs that wait, and a folder to put them into."""

    name = "upload"

    def fill(self) -> None:
        _write_days(self.results)
        (self.case / "place").mkdir()
        agreed(UploadSettings(to=f"file://{self.case / 'place'}"), self.case / "upload.toml")

    def work(self) -> Result:
        return self.machine.call("upload", "--config", str(self.case / "upload.toml"), "--results", str(self.results))

    def holdings(self) -> Holdings:
        place = self.case / "place"
        sent = (path for path in place.rglob("*") if path.is_file() and not path.name.startswith("."))
        return _read_folder(self.results) | {
            str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sent}


class RunWorld(World):
    """A volunteer's device with two runs; each run measures anew, so what is there grows."""

    name = "run"

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._ledger, self._moment = Ledger(home / "ledger"), Moment(BEGIN)
        self._stack = ExitStack()
        network = Network(measured=self._ledger.measured, clock=self._moment.start_clock, blocked=True)
        for context in (no_network(), shifted(self._moment), recorded(network), one_catalogue()):
            self._stack.enter_context(context)
        super().__init__(home)

    def fill(self) -> None:
        for _ in range(2):
            assert self.work().exit_code == 0

    def work(self) -> Result:
        self._moment.advance(timedelta(hours=1))
        return self.machine.run("--no-parquet")

    def holdings(self) -> Holdings:
        return _read_folder(self.results)

    def find_wrong(self, before: Holdings, sound: Holdings, *, quiet: bool) -> str:
        """Besides what was there only what the ledger says was measured may be there, and must be after a run that
        said that all is well."""
        made, _ = self._ledger.read()
        rows_of = {name.partition(" ")[0]: found for name, found in sound.items() if name not in before and " " in name}
        possible = dict(before)
        for run_id, (_, found) in made.items():
            possible |= {run_id: found, **{f"{table} of {run_id}": rows for table, rows in rows_of.items()}}
        wrong = super().find_wrong(before, possible, quiet=False)
        if not wrong and quiet and self._ledger.last_measured() not in self.holdings():
            return "the run is not there, and nothing was said"
        return wrong


WORLDS: Mapping[str, type[World]] = {
    world.name: world for world in (RunWorld, CompactWorld, CollectWorld, ExportWorld, UploadWorld, VerifyWorld)}


def _write_days(folder: Path) -> None:
    for day, letters in ((4, "ab"), (5, "c")):
        for letter in letters:
            write_run(named(a_result(f"r-{letter}", f"2017-05-0{day}T06:12:00Z", text=f"=1\n{letter}")), folder,
                      parquet=False, signer=KEY)


def _read_folder(folder: Path) -> dict[str, str]:
    """Runs as our reader finds them, and the rows of each that anybody finds who reads all files of a table."""
    found: dict[str, str] = {}
    for result in read_runs(folder):
        if result.run.run_id in found:
            raise StoreError(f"run {result.run.run_id} is read twice")
        found[result.run.run_id] = digest(result)
    for table in TABLES:
        rows: Counter[str] = Counter()
        for path in folder.glob(f"{table}/*/*.csv"):
            with path.open(newline="", encoding="utf-8") as file:
                rows.update(row["run_id"] for row in csv.DictReader(file, strict=True))
        found |= {f"{table} of {run_id}": str(count) for run_id, count in rows.items() if run_id in found}
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
