"""Living scenarios in which control feeds are made and read: at vantage points, behind the censor, by a client."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe.controls.feeds.feed_board import MAX_AHEAD_S
from probe.controls.feeds.feed_document import read_feed, write_feed
from probe.upkeep.updates.minisign import PublicKey
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import Scenario, load_scenario
from probe_lab.host.public_network import API_PORT
from probe_lab.lab_types import DrawnScenario
from probe_lab.laboratory import CLIENT, Laboratory, make_probe_command
from probe_lab.scoring.expect import Judgement, judge
from probe_lab.scoring.trial import FULL_CONSENT, configuration, program_environment, read_rows
from probe_lab.truth import read_log
from probe_operate.lists.signing import read_secret_key

SEED = int(os.environ["PROBE_TEST_SEED"])
Row = Mapping[str, str]
T = TypeVar("T")


@dataclass(kw_only=True)
class World:
    """A living scenario with feeds, and what runs of its client said of the target."""

    laboratory: Laboratory
    drawn: DrawnScenario
    folder: Path
    catalogue: Path
    consent_level: int = FULL_CONSENT
    more: str = ""
    """Of the client's configuration."""
    verdicts: dict[str, Row] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    controls: dict[str, Sequence[Row]] = field(default_factory=dict)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of the last feed of each name: what its maker was told of it."""

    @property
    def target(self) -> str:
        return self.drawn.aliases["t"][0]

    @property
    def key(self) -> PublicKey:
        return read_secret_key(self.folder / "key").public

    def call(self, *arguments: str, host: str = CLIENT) -> tuple[int, str, str]:
        """(exit status, output, errors) of this program there; what it keeps stays in this world."""
        state = str(self.folder / f"state-{arguments[-1].rpartition('/')[2]}")
        done = self.laboratory.run([*make_probe_command(), *arguments], timeout_s=200, host=host,
                                   env={**program_environment(), "XDG_STATE_HOME": state})
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def publish(self, name: str, *, host: str, asn: int, cc: str) -> Path:
        """Make a feed at one place."""
        config = self.folder / f"maker-{name}.toml"
        config.write_text(f'[run]\nconsent_level = 3\n[vantage]\ncc = "{cc}"\nasn = {asn}\n')
        status, out, errors = self.call(
            "feed", "--fast", "--small", "--json", "--key", str(self.folder / "key"), "--name", name,
            "-o", str(self.folder / f"feeds-{name}"), "--catalogue", str(self.catalogue), "--config", str(config),
            host=host)
        assert status == 0, (out, errors)
        self.reports[name] = json.loads(out)
        return self.folder / f"feeds-{name}" / f"{name}.json"

    def publish_public(self, name: str, *options: str) -> tuple[int, Path]:
        """Let the public network's probes make a feed: the exit status, and where it lies."""
        config = self.folder / f"maker-{name}.toml"
        config.write_text(f'[public_controls]\nglobalping_url = "{public_url(self.drawn)}"\n')
        status, out, errors = self.call(
            "feed", "--with", "globalping", "--fast", "--small", "--json", "--key", str(self.folder / "key"), "--name",
            name, "-o", str(self.folder / f"feeds-{name}"), "--catalogue", str(self.catalogue), "--config", str(config),
            *options, host=self.drawn.world.vantages[0].control_id)
        print(errors)
        self.reports[name], self.told[name] = json.loads(out), errors
        return status, self.folder / f"feeds-{name}" / f"{name}.json"

    def measure(self, case: str, *feeds: Path, after: str = "", consent_level: int | None = None) -> None:
        """A run of the client with these feeds; `after` is the case before it, whose results it finds."""
        config = self.folder / f"client-{case}.toml"
        level = self.consent_level if consent_level is None else consent_level
        agreed = configuration(self.drawn.world, helpers=False, consent_level=level)
        config.write_text(agreed + self.more + "".join(
            f'\n[[feed]]\nurls = ["{path}"]\nkey = "{self.key.text}"\n' for path in feeds))
        results = self.folder / f"results-{case}"
        if after:
            shutil.copytree(self.folder / f"results-{after}", results)
        errors = self.run(results, config)
        said = [row for row in read_rows(results, "verdicts") if row["input"] == self.target]
        self.verdicts[case], self.told[case] = max(said, key=lambda row: row["run_id"]), errors
        self.controls[case] = [row for row in read_rows(results, "controls")
                               if row["input"] == self.target and row["run_id"] == self.verdicts[case]["run_id"]]

    def run(self, results: Path, config: Path, *, host: str = CLIENT) -> str:
        """A run of all targets; what it said on standard error."""
        inputs = [part for url in self.drawn.targets for part in ("--input", url)]
        status, out, errors = self.call(
            "run", "--fast", "--no-parquet", "--deadline-s", "90", "--results", str(results),
            "--catalogue", str(self.catalogue), *inputs, "--config", str(config), host=host)
        assert status == 0, (out, errors)
        return errors

    def again(self, path: Path, name: str, **changes: object) -> Path:
        """The same feed, otherwise, signed by its maker."""
        made = msgspec.structs.replace(read_feed(path.read_bytes()), name=name, **changes)
        there = path.with_name(f"{name}.json")
        raw = write_feed(made)
        there.write_bytes(raw)
        there.with_name(there.name + ".minisig").write_bytes(read_secret_key(self.folder / "key").sign(raw, "again"))
        return there

    def later(self, path: Path, name: str) -> Path:
        """The same, as if it had been made so much later that it surely followed a failure of just before: its times
        are whole seconds."""
        made, by = read_feed(path.read_bytes()), timedelta(seconds=MAX_AHEAD_S + 1)
        return self.again(path, name, begun=made.begun + by, made=made.made + by)

    def judge(self, case: str) -> Judgement:
        """What the case's run said of everything, held against what the laboratory did."""
        results = self.folder / f"results-{case}"
        last = max(row["run_id"] for row in read_rows(results, "runs"))
        self.laboratory.settle()
        rows, runs, services = ([row for row in read_rows(results, table) if row["run_id"] == last]
                                for table in ("verdicts", "runs", "services"))
        return judge(self.drawn, rows, runs[0], read_log(self.laboratory.log_path), level="socket", helpers=True,
                     services=services)

    def outcome(self, case: str) -> tuple[str, str, str]:
        """What the run said of the target, and what controls said to it."""
        row = self.verdicts[case]
        print(case, row["rule_id"], row["reason"])
        return row["outcome"], row["block_type"], row["control"]


def public_url(drawn: DrawnScenario) -> str:
    """Where the public network's server is."""
    return f"{drawn.world.vantages[0].url.removesuffix(':443/')}:{API_PORT}"


@contextmanager
def world(scenario: str, *, fits: Callable[[DrawnScenario], bool] = lambda drawn: True,
          change: Callable[[DrawnScenario], DrawnScenario] = lambda drawn: drawn,
          rewrite: Callable[[Scenario], Scenario] = lambda read: read, number: int = 0,
          folder: Path | None = None, **settings: Any) -> Iterator[World]:
    """A scenario without helpers, as the seed of this `number` among those that fit draws it, with a key and a
    catalogue of the targets and the controls. `rewrite` is done to the scenario's file, `change` to what was drawn.

    What is made is kept in `folder`, so that another world may go on with it; else in the laboratory's own. `settings`
    are further ones of the laboratory.
    """
    catalogue = load_catalogue(search=False)
    seeds = random.Random(f"feed {scenario} {SEED}").sample(range(1, 100_000), 100)
    read = rewrite(load_scenario(scenario))
    worlds = (draw_scenario(read, seed=seed, endpoints=catalogue.endpoints) for seed in seeds)
    drawn = change(next(islice(filter(fits, worlds), number, None)))
    print(f"{scenario}: seed {drawn.seed}")
    with forked(drawn, **{"helpers": False, **settings}) as laboratory:
        made = World(laboratory=laboratory, drawn=drawn, folder=folder or laboratory.directory,
                     catalogue=laboratory.directory / "targets.csv")
        with Path(catalogue.path).open(newline="") as rows, made.catalogue.open("w", newline="") as out:
            reader = csv.DictReader(rows)
            assert reader.fieldnames
            writer = csv.DictWriter(out, reader.fieldnames, lineterminator="\n")
            writer.writeheader()
            writer.writerows(row for row in reader if row["role"] == "control" or row["input"] in drawn.targets)
        if not (made.folder / "key").exists():
            assert made.call("feed", "--new-key", str(made.folder / "key"))[0] == 0
        yield made


def side_by_side(*jobs: Callable[[], T]) -> list[T]:
    """Results of calls that need not wait for each other."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(lambda job: job(), jobs))
