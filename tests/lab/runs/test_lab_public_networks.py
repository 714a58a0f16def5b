"""Public networks as controls, end to end: a feed that their probes made, and runs that ask them themselves.

The stand-in for Globalping stands at the laboratory's vantage points and really measures from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab_feeds import World, public_url, world
from lab_public_feeds import CONSENT, in_open_country, measure_with_feed
from probe.config.consent.country_profiles import needs_care
from probe.config.consent.public_controls import GLOBALPING_ID, OONI_ID
from probe.controls.feeds.feed_document import read_feed
from probe.controls.public.globalping_asker import TESTS_A_RUN
from probe.controls.public.ooni_asker import CALLS_A_RUN
from probe.core.tables.control_sources import PUBLIC
from probe.judge.verdicts.confidence import ONE_NETWORK
from probe.upkeep.commands.exit_codes import EXIT_FAILED
from probe_lab.host.public_network import PublicStyle
from probe_lab.lab_types import DrawnScenario

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]


def switched_on(here: World) -> str:
    return f'\n[public_controls]\nglobalping = true\nglobalping_url = "{public_url(here.drawn)}"\n'


def count_tests(here: World) -> int:
    """What the public network was asked for, in tests."""
    return sum(place["limit"] for line in here.laboratory.read_public_log()
               for place in line["asked"]["locations"])  # type: ignore[index]


@pytest.fixture(scope="module")
def dropped() -> Iterator[World]:
    with world("ip-drop", public_network="true") as here:
        assert measure_with_feed(here) == 0
        yield here


def test_a_feed_of_a_public_network_convicts_within_the_limit_of_one_network(dropped: World) -> None:
    assert dropped.outcome("before")[0] == "inconclusive"
    assert dropped.outcome("after") == ("blocked", "ip.blackhole", "contrary")
    assert float(dropped.verdicts["after"]["confidence"]) <= ONE_NETWORK
    assert dropped.verdicts["after"]["control_ids"] == "feed-world-later"


def test_the_volunteer_asked_nobody_and_the_maker_named_itself(dropped: World) -> None:
    makers = dropped.drawn.world.vantages[0]
    lines = dropped.laboratory.read_public_log()
    assert {line["from"] for line in lines} == {makers.ipv4}
    assert all(str(line["agent"]).startswith("reachability-probe/") for line in lines)
    made = read_feed((dropped.folder / "feeds-world" / "world.json").read_bytes())
    assert dropped.target in {entry.input for entry in made.entries if entry.state == "ok"}


@pytest.mark.parametrize("scenario", ["server-down", "host-silent"])
@pytest.mark.long
def test_an_outage_is_one(scenario: str) -> None:
    with world(scenario, public_network="true") as here:
        assert measure_with_feed(here) == 0
        assert here.outcome("after")[0] == "down"


@pytest.mark.parametrize(("style", "status"), [
    ("lies_well", EXIT_FAILED), *(pytest.param(style, status, marks=pytest.mark.long) for style, status in (
        ("malformed", EXIT_FAILED), ("quota", EXIT_FAILED), ("lies_shut", 0), ("partial", 0)))])
def test_what_a_broken_network_says_accuses_no_outage(style: PublicStyle, status: int) -> None:
    with world("server-down", public_network=style) as here:
        assert measure_with_feed(here) == status
        assert here.outcome("after")[0] in ("down", "inconclusive")


def test_a_lone_volunteer_asks_about_what_failed_within_the_budget() -> None:
    with world("ip-drop", change=in_open_country, public_network="true") as here:
        here.consent_level, here.more = CONSENT, switched_on(here)
        here.measure("asking")
        assert here.outcome("asking") == ("blocked", "ip.blackhole", "contrary")
        assert float(here.verdicts["asking"]["confidence"]) <= ONE_NETWORK
        assert {(row["control_id"], row["source"]) for row in here.controls["asking"]} == {(GLOBALPING_ID, PUBLIC)}
        assert 0 < count_tests(here) <= TESTS_A_RUN


def test_a_run_in_which_all_is_well_asks_nobody() -> None:
    def without_censor(drawn: DrawnScenario) -> DrawnScenario:
        return replace(in_open_country(drawn), rules=())

    with world("ip-drop", change=without_censor, public_network="true") as here:
        here.more = switched_on(here)
        here.measure("asking")
        assert here.outcome("asking")[0] == "ok"
        assert here.laboratory.read_public_log() == []


def test_where_care_is_asked_for_nobody_is_asked() -> None:
    with world("ip-drop", public_network="true") as here:
        assert needs_care(here.drawn.world.cc)
        here.more = switched_on(here)
        here.measure("asking")
        assert here.outcome("asking")[0] == "inconclusive"
        assert here.laboratory.read_public_log() == []


def test_oonis_helpers_are_asked_as_theirs_ask() -> None:
    def is_page(drawn: DrawnScenario) -> bool:
        return drawn.aliases["t"][0].startswith("https://")

    with world("ip-drop", fits=is_page, change=in_open_country, helpers=True) as here:
        urls = ", ".join(f'"{vantage.url}"' for vantage in here.drawn.world.vantages)
        here.consent_level = CONSENT
        here.more = f"\n[public_controls]\nooni_helpers = true\nooni_helper_addresses = [{urls}]\n"
        here.measure("asking")
        assert here.outcome("asking") == ("blocked", "ip.blackhole", "contrary")
        assert float(here.verdicts["asking"]["confidence"]) <= ONE_NETWORK
        rows = here.controls["asking"]
        assert {row["control_id"] for row in rows} == {OONI_ID}
        assert len(rows) <= CALLS_A_RUN
