"""Two rounds of a feed in a world that changes between them, and a client that reads the second."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab_feeds import World, world
from probe.catalogue.load import load_catalogue
from probe.controls.feeds.feed_document import read_feed
from probe.core.endpoints import Endpoint, Expectation
from probe_lab.lab_types import DrawnScenario, Fault
from probe_lab.laboratory import make_probe_command
from probe_lab.scoring.trial import program_environment

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(400)]
NAME, LATER = "round", "round-later"
STATUS = 418
"""One that no page of the catalogue has."""


@dataclass(kw_only=True)
class Rounds:
    """What two rounds said."""

    first: dict[str, object]
    second: dict[str, object]
    gone: Endpoint
    """Nothing listens there any more in the second round."""
    other: Endpoint
    """It answers with another status then."""
    later: World


def fitting(drawn: DrawnScenario) -> list[Endpoint]:
    """Pages of the company, at addresses that are theirs alone; those of which nothing is expected first."""
    pages = (e for e in load_catalogue(search=False).endpoints if e.protocol == "http" and e.sni
             and e.input in drawn.targets and e.expect.status != ("any",) and e.input not in drawn.aliases["t"])
    return sorted(pages, key=expects)


def two(drawn: DrawnScenario) -> bool:
    """Whether there are pages of two hosts."""
    return len({e.host for e in fitting(drawn)}) > 1


def changing(drawn: DrawnScenario) -> tuple[Endpoint, Endpoint]:
    """Two of them; of the second nothing is expected, if any is so."""
    pages = fitting(drawn)
    other = pages[0]
    return next(e for e in reversed(pages) if e.host != other.host), other


def expects(endpoint: Endpoint) -> bool:
    """Whether the catalogue says what the page is like."""
    return endpoint.expect != Expectation()


def changed(drawn: DrawnScenario) -> DrawnScenario:
    gone, other = changing(drawn)
    return replace(drawn, faults=(
        Fault(kind="closed", match=(gone.host,)), Fault(kind="status", match=(other.host,), params={"status": STATUS})))


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rounds]:
    folder = tmp_path_factory.mktemp("feeds")

    def publish(here: World) -> Path:
        place = here.drawn.world.vantages[0]
        return here.publish(NAME, host=place.control_id, asn=place.asn, cc=place.cc)

    with world("ip-drop", fits=two, folder=folder) as before:
        publish(before)
        gone, other = changing(before.drawn)
    with world("ip-drop", fits=two, change=changed, folder=folder) as later:
        later.measure("before")
        later.measure("client", later.later(publish(later), LATER), after="before")
        yield Rounds(first=before.reports[NAME], second=later.reports[NAME], gone=gone, other=other, later=later)


def test_all_that_answers_is_in_the_first_with_the_day(rounds: Rounds) -> None:
    first = rounds.first
    assert (first["silent"], first["unclear"], first["changes"], first["without_page"]) == ([], [], [], [])
    made = read_feed((rounds.later.folder / f"feeds-{NAME}" / f"{NAME}.json").read_bytes())
    assert {entry.since for entry in made.entries} <= {made.begun.date(), made.made.date()}
    assert set(rounds.later.drawn.targets) <= {entry.input for entry in made.entries}
    assert first["entries"] == first["ok"] == len(made.entries)


def test_what_stopped_to_answer_and_what_changed_are_told_and_nothing_else(rounds: Rounds) -> None:
    second = rounds.second
    expected = expects(rounds.other)
    told = ("fails", f"status {STATUS}, not as expected") if expected else ("status", str(STATUS))
    assert second["silent"] == sorted((rounds.gone.input, *((rounds.other.input,) if expected else ())))
    assert second["unclear"] == []
    found = [change for change in second["changes"] if change["kind"] != "key"]  # type: ignore[attr-defined]
    assert {(change["input"], change["kind"], change["after"]) for change in found} == {
        (rounds.gone.input, "fails", "connection_refused (tcp)"),
        (rounds.other.input, *told)}
    keys = {change["input"] for change in second["changes"] if change["kind"] == "key"}  # type: ignore[attr-defined]
    assert keys, "the other world's servers have keys of their own"
    assert rounds.gone.input not in keys


def test_a_run_verifies_and_uses_the_second(rounds: Rounds) -> None:
    assert rounds.later.outcome("client") == ("blocked", "ip.blackhole", "contrary")
    assert rounds.later.verdicts["client"]["basis"] == "place"
    assert rounds.later.verdicts["client"]["control_ids"] == f"feed-{LATER}"


def test_a_schedule_ends_when_it_is_told_to_and_leaves_its_last_feed(rounds: Rounds) -> None:
    here = rounds.later
    made = here.folder / "scheduled"
    command = [*make_probe_command(), "feed", "--fast", "--small", "--every", "10", "--json", "--key",
               str(here.folder / "key"), "--name", "often", "-o", str(made), "--catalogue", str(here.catalogue),
               "--config", str(here.folder / f"maker-{NAME}.toml")]
    host = here.drawn.world.vantages[0].control_id
    with here.laboratory.start(command, env={**program_environment(), "XDG_STATE_HOME": str(here.folder / "often")},
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, host=host) as process:
        assert process.stdout is not None
        assert b'"published": true' in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors.decode().startswith("Stopped")
    assert read_feed((made / "often.json").read_bytes()).name == "often"
