"""`probe stores` in the laboratory: an application that goes, and a store that is blocked."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.lab_types import DrawnScenario, Rule
from probe_lab.laboratory import Laboratory, make_probe_command
from probe_lab.scoring.trial import configuration, program_environment, read_rows

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(300)]

FIRST = datetime(2017, 1, 2, 9, tzinfo=UTC)
SERVICES = ("--service", "linkedin", "--service", "signal")
GONE = ("288429040", "com.linkedin.android")
STORE_TARGETS = ("https://itunes.apple.com/", "https://play.google.com/robots.txt")


class Shop:
    """One laboratory, and a results folder that moves from one to the next."""

    def __init__(self, lab: Laboratory, drawn: DrawnScenario) -> None:
        self.lab = lab
        self.config = lab.directory / "probe.toml"
        self.config.write_text(configuration(drawn.world, helpers=True))
        self.results = lab.directory / "results"

    def probe(self, *arguments: str) -> str:
        done = self.lab.run([*make_probe_command(), *arguments, "--config", str(self.config), "--results",
                             str(self.results)], env=program_environment(), timeout_s=120)
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        return done.stdout.decode()

    def stores(self, at: datetime, *arguments: str) -> dict[str, Any]:
        said = self.probe("stores", "--storefront", "ru,us", "--pace-s", "0", "--at", at.isoformat(), "--json",
                          *SERVICES, *arguments)
        found: dict[str, Any] = json.loads(said)
        return found


def a_shop(stack: ExitStack, drawn: DrawnScenario) -> Shop:
    return Shop(stack.enter_context(forked(drawn, helpers=False)), drawn)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as held:
        yield held


def states(found: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str, str]]:
    return {(c["app"], c["storefront"]): (c["state"], c["outcome"], c["block_type"]) for c in found["checks"]}


def test_an_application_goes_and_the_store_stays(stack: ExitStack, seed: int, tmp_path: Path) -> None:
    drawn = draw_scenario(load_scenario("app-delisted"), seed=seed % 1000,
                          endpoints=load_catalogue(search=False).endpoints)
    before, after = a_shop(stack, replace(drawn, faults=())), a_shop(stack, drawn)
    found = before.stores(FIRST)
    assert set(states(found).values()) == {("in_storefront", "ok", "")}
    assert len(found["checks"]) == 8
    shutil.copytree(before.results, after.results)
    gone = {(app, "ru") for app in GONE}
    for hours, block_type in ((7 * 24, "inconclusive.unconfirmed"), (7 * 24 + 3, "inconclusive.unconfirmed"),
                              (7 * 24 + 6.5, "server.delisted")):
        found = after.stores(FIRST + timedelta(hours=hours))
        seen = states(found)
        outcome = "down" if block_type == "server.delisted" else "inconclusive"
        assert {key: seen[key] for key in gone} == dict.fromkeys(gone, ("not_in_storefront", outcome, block_type))
        assert {value for key, value in seen.items() if key not in gone} == {("in_storefront", "ok", "")}
    assert {(c["app"], c["storefront"], c["change"], c["before_time"][:10], c["after_time"][:10], c["checks"])
            for c in found["changes"]} == {(app, "ru", "removed", "2017-01-02", "2017-01-09", 3) for app in GONE}
    assert {(r["service"], r["storefront"]): r["outcome"] for r in found["roles"]} == {
        ("linkedin", "ru"): "down", ("linkedin", "us"): "ok", ("signal", "ru"): "ok", ("signal", "us"): "ok"}
    assert all(row["lab"] == "true" and row["probe_cc"] == "RU" for row in read_rows(after.results, "store_checks"))
    out = tmp_path / "changes.csv"
    done = after.lab.run([*make_probe_command(), "export", str(after.results), "--table", "store_changes", "--service",
                          "linkedin", "-o", str(out)], env=program_environment(), timeout_s=60)
    assert done.returncode == 0, done.stderr.decode()
    with out.open(newline="") as file:
        assert {row["app"] for row in csv.DictReader(file)} == set(GONE)


@pytest.mark.long
def test_a_store_that_is_blocked_is_no_removal(stack: ExitStack, seed: int) -> None:
    drawn = draw_scenario(load_scenario("app-delisted"), seed=seed % 1000,
                          endpoints=load_catalogue(search=False).endpoints)
    rules = tuple(Rule(trigger="sni", match=(host,), action="reset", params={"ttl": 50}, block_type="tls.reset.sni")
                  for host in ("itunes.apple.com", "play.google.com"))
    free, censored = a_shop(stack, replace(drawn, faults=())), a_shop(stack, replace(drawn, faults=(), rules=rules))
    free.stores(FIRST)
    shutil.copytree(free.results, censored.results)
    at = FIRST + timedelta(days=7)
    assert {state for state, _, _ in states(censored.stores(at)).values()} == {"unknown"}, "nobody said it is blocked"
    for minutes, target in enumerate(STORE_TARGETS):  # a fast run searches for one place for each cause
        censored.probe("run", "--fast", "--no-parquet", "--deadline-s", "60", "--at",
                       (at + timedelta(minutes=minutes)).isoformat(), "--input", target)
    said = {row["target_id"]: row for row in read_rows(censored.results, "verdicts")}
    assert {row["suspected"] or row["block_type"] for row in said.values()} == {"tls.reset.sni"}
    if {row["outcome"] for row in said.values()} != {"blocked"}:
        pytest.skip("the path that was drawn shows no place")
    for hours in (1, 4, 8):
        found = censored.stores(at + timedelta(hours=hours))
        assert {state[:2] for state in states(found).values()} == {("store_blocked", "blocked")}
        assert {block_type.partition(".")[0] for _, _, block_type in states(found).values()} == {"tls"}
        assert not found["changes"]
