"""Control feeds end to end: made at the laboratory's vantage points and behind the censor, read by a client that has no
helper.

Two worlds live side by side, in which the client's runs do so as well: most of their time is waiting.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from probe.catalogue.load import load as load_catalogue
from probe.control.feed_board import AHEAD_S
from probe.control.feed_document import Feed, read_feed, write_feed
from probe.lab.draw import draw
from probe.lab.format.scenario import load
from probe.lab.laboratory import CLIENT, Laboratory, unavailable
from probe.lab.scoring.trial import configuration, probe_command, program_environment, read_rows
from probe.lab.types import Drawn
from probe.updates.minisign import PublicKey
from probe.updates.sign import read_key

SEED = int(os.environ["PROBE_TEST_SEED"])
ELSEWHERE = (64999, "IS")
"""What the censored place says of itself."""

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]
Row = Mapping[str, str]
T = TypeVar("T")


@dataclass(kw_only=True)
class World:
    """A living scenario with feeds, and what runs of its client said of the target."""

    laboratory: Laboratory
    drawn: Drawn
    folder: Path
    catalogue: Path
    verdicts: dict[str, Row] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    controls: dict[str, Sequence[Row]] = field(default_factory=dict)

    @property
    def target(self) -> str:
        return self.drawn.aliases["t"][0]

    @property
    def key(self) -> PublicKey:
        return read_key(self.folder / "key").public

    def call(self, *arguments: str, host: str = CLIENT) -> tuple[int, str, str]:
        """(exit status, output, errors) of this program there; what it keeps stays in this world."""
        state = str(self.folder / f"state-{arguments[-1].rpartition('/')[2]}")
        done = self.laboratory.run([*probe_command(), *arguments], timeout_s=200, host=host,
                                   env={**program_environment(), "XDG_STATE_HOME": state})
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def publish(self, name: str, *, host: str, asn: int, cc: str) -> Path:
        """Make a feed at one place."""
        config = self.folder / f"maker-{name}.toml"
        config.write_text(f'[run]\nconsent_level = 3\n[vantage]\ncc = "{cc}"\nasn = {asn}\n')
        status, out, errors = self.call(
            "feed", "--fast", "--small", "--key", str(self.folder / "key"), "--name", name,
            "-o", str(self.folder / f"feeds-{name}"), "--catalogue", str(self.catalogue), "--config", str(config),
            host=host)
        assert status == 0, (out, errors)
        return self.folder / f"feeds-{name}" / f"{name}.json"

    def measure(self, case: str, *feeds: Path, after: str = "") -> None:
        """A run of the client with these feeds; `after` is the case before it, whose results it finds."""
        config = self.folder / f"client-{case}.toml"
        config.write_text(configuration(self.drawn.world, helpers=False) + "".join(
            f'\n[[feed]]\nurls = ["{path}"]\nkey = "{self.key.text}"\n' for path in feeds))
        results = self.folder / f"results-{case}"
        if after:
            shutil.copytree(self.folder / f"results-{after}", results)
        inputs = [part for url in self.drawn.targets for part in ("--input", url)]
        status, out, errors = self.call(
            "run", "--fast", "--no-parquet", "--deadline-s", "90", "--results", str(results),
            "--catalogue", str(self.catalogue), *inputs, "--config", str(config))
        assert status == 0, (out, errors)
        said = [row for row in read_rows(results, "verdicts") if row["input"] == self.target]
        self.verdicts[case], self.told[case] = max(said, key=lambda row: row["run_id"]), errors
        self.controls[case] = [row for row in read_rows(results, "controls")
                               if row["input"] == self.target and row["run_id"] == self.verdicts[case]["run_id"]]

    def again(self, path: Path, name: str, **changes: object) -> Path:
        """The same feed, otherwise, signed by its maker."""
        made = msgspec.structs.replace(read_feed(path.read_bytes()), name=name, **changes)
        there = path.with_name(f"{name}.json")
        raw = write_feed(made)
        there.write_bytes(raw)
        there.with_name(there.name + ".minisig").write_bytes(read_key(self.folder / "key").sign(raw, "again"))
        return there

    def outcome(self, case: str) -> tuple[str, str, str]:
        """What the run said of the target, and what controls said to it."""
        row = self.verdicts[case]
        print(case, row["rule_id"], row["reason"])
        return row["outcome"], row["block_type"], row["control"]


@contextmanager
def world(scenario: str) -> Iterator[World]:
    """A scenario without helpers, with a key and a catalogue of the targets and the controls."""
    catalogue = load_catalogue(search=False)
    seed = random.Random(f"feed {scenario} {SEED}").randrange(1, 100_000)
    print(f"{scenario}: seed {seed}")
    drawn = draw(load(scenario), seed=seed, endpoints=catalogue.endpoints)
    with Laboratory(drawn, helpers=False) as laboratory:
        made = World(laboratory=laboratory, drawn=drawn, folder=laboratory.directory,
                     catalogue=laboratory.directory / "targets.csv")
        with Path(catalogue.path).open(newline="") as rows, made.catalogue.open("w", newline="") as out:
            reader = csv.DictReader(rows)
            assert reader.fieldnames
            writer = csv.DictWriter(out, reader.fieldnames, lineterminator="\n")
            writer.writeheader()
            writer.writerows(row for row in reader if row["role"] == "control" or row["input"] in drawn.targets)
        assert made.call("feed", "--new-key", str(made.folder / "key"))[0] == 0
        yield made


def side_by_side(*jobs: Callable[[], T]) -> list[T]:
    """Results of calls that need not wait for each other."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(lambda job: job(), jobs))


@pytest.fixture(scope="module")
def censored() -> Iterator[World]:
    """All packets to the target's addresses vanish on the client's way."""
    if reason := unavailable():
        pytest.skip(reason)
    with world("ip-drop") as here:
        one, _ = here.drawn.world.vantages[:2]
        here.measure("before")
        early, behind = side_by_side(
            lambda: here.publish("early", host=one.control_id, asn=one.asn, cc=one.cc),
            lambda: here.publish("behind", host=CLIENT, asn=ELSEWHERE[0], cc=ELSEWHERE[1]))
        made, later = read_feed(early.read_bytes()), timedelta(seconds=AHEAD_S)
        good = here.again(early, "good", begun=made.begun + later, made=made.made + later)
        earlier = timedelta(hours=3)
        stale = here.again(good, "stale", begun=made.begun - earlier, made=made.made - earlier)
        tampered = here.again(good, "tampered")
        tampered.write_bytes(tampered.read_bytes().replace(b'"cc":', b'"cc": ', 1))
        side_by_side(lambda: here.measure("good", good, after="before"), lambda: here.measure("first", good),
                     lambda: here.measure("early", early, after="before"), lambda: here.measure("stale", stale),
                     lambda: here.measure("tampered", tampered),
                     lambda: here.measure("quarrel", good, behind, after="before"))
        yield here


@pytest.fixture(scope="module")
def down() -> Iterator[World]:
    """Nothing listens on the target's addresses."""
    if reason := unavailable():
        pytest.skip(reason)
    with world("server-down") as here:
        one, two = here.drawn.world.vantages[:2]
        first, second = side_by_side(
            lambda: here.publish("one", host=one.control_id, asn=one.asn, cc=one.cc),
            lambda: here.publish("two", host=two.control_id, asn=two.asn, cc=two.cc))
        neighbour = here.again(second, "neighbour", cc=one.cc)
        side_by_side(lambda: here.measure("both", first, second), lambda: here.measure("one", first),
                     lambda: here.measure("neighbours", first, neighbour))
        yield here


def entry_of(path: Path, url: str) -> tuple[Feed, str]:
    made = read_feed(path.read_bytes())
    found = made.entry(url)
    assert found is not None
    return made, found.state


def test_a_feed_made_elsewhere_convicts_a_block(censored: World) -> None:
    made, state = entry_of(censored.folder / "feeds-early/good.json", censored.target)
    assert state == "ok"
    assert [entry.input for entry in made.entries if entry.state != "ok"] == []
    assert censored.outcome("good") == ("blocked", "ip.blackhole", "contrary")
    assert censored.verdicts["good"]["control_ids"] == "feed-good"
    (row,) = (row for row in censored.controls["good"] if row["state"] == "answered")
    assert (row["source"], row["asn"], row["cc"]) == ("feed", str(made.asn), made.cc)
    assert row["before"] == "false"
    assert -AHEAD_S <= int(row["age_s"]) < 600


@pytest.mark.parametrize("case", ["first", "early"])
def test_it_convicts_nothing_that_was_not_failing_before_as_well(censored: World, case: str) -> None:
    """Whose first failure this is, or who had failed too short a time before, may see an outage that began since."""
    assert censored.outcome("before")[:2] == ("inconclusive", "inconclusive.no_control")
    assert censored.outcome(case)[:2] == ("inconclusive", "inconclusive.control_failed")
    assert [row["before"] for row in censored.controls[case] if row["state"] == "answered"] == ["true"]


def test_nothing_of_the_maker_s_own_is_in_it(censored: World) -> None:
    raw = (censored.folder / "feeds-early/early.json").read_text()
    place = censored.drawn.world.vantages[0]
    for own in (place.ipv4, place.ipv6, censored.drawn.world.resolver):
        assert own not in raw


def test_a_stale_feed_leaves_it_undecided(censored: World) -> None:
    assert censored.outcome("stale")[0] == "inconclusive"
    assert [row["reason"] for row in censored.controls["stale"]] == ["the feed is too old to count"]


def test_a_feed_that_was_altered_is_refused_and_said_to_be(censored: World) -> None:
    assert "altered" in censored.told["tampered"]
    assert censored.outcome("tampered")[:2] == ("inconclusive", "inconclusive.no_control")
    assert not censored.controls["tampered"]


def test_a_feed_made_behind_the_censor_takes_the_accusation_away(censored: World) -> None:
    assert entry_of(censored.folder / "feeds-behind/behind.json", censored.target)[1] == "fails"
    assert censored.outcome("quarrel") == ("inconclusive", "inconclusive.control_doubtful", "doubtful")


def test_two_vantages_say_that_a_service_is_down(down: World) -> None:
    assert entry_of(down.folder / "feeds-one/one.json", down.target)[1] == "fails"
    assert down.outcome("both") == ("down", "server.refused", "agrees")


def test_one_vantage_or_two_of_one_country_do_not(down: World) -> None:
    assert down.outcome("one") == ("inconclusive", "inconclusive.control_doubtful", "agrees")
    assert down.outcome("neighbours") == ("inconclusive", "inconclusive.control_doubtful", "agrees")


def test_stored_runs_are_judged_again_alike(censored: World, down: World) -> None:
    for here, cases in ((censored, ("good", "first", "quarrel", "stale")), (down, ("both", "one"))):
        for case in cases:
            results = here.folder / f"results-{case}"
            status, out, errors = here.call("classify", str(results), "--catalogue", str(here.catalogue))
            assert status == 0, (out, errors)
            assert ", 0 changed" in out, out
