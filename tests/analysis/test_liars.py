"""What made-up names can do to events: nothing while nobody knows them, and later no more than is published."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from made_cells import SERVICES, at, hours_of, quiet, rows_of, struck
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import detect_events, examine_cells
from probe_analysis.events.series_reading import read_cells

ABROAD = (("IR", 64511), ("TR", 64521), ("IN", 64531))
WHERE_NOBODY_IS = (("DE", 64601), ("FR", 64611))
"""Countries in which no honest volunteer measures."""


def known(table: pd.DataFrame, standing: str = "established") -> pd.DataFrame:
    return table.assign(standing=standing)


def with_liars(table: pd.DataFrame, liars: int, hours: range, *, says: str, asns: Sequence[int] = (64501,),
               services: Sequence[str] = SERVICES[:1]) -> pd.DataFrame:
    """The table with so many names more in some hours, who all say the same."""
    rows = rows_of(table, services=services, asns=asns)
    hour = hours_of(table)[rows]
    rows = rows[(hour >= hours.start) & (hour < hours.stop)]
    made = table.copy()
    for column in (says, "n", "witnesses"):
        made.loc[made.index[rows], column] += liars
    if says == "blocked":
        made.loc[made.index[rows], "block_type"] = "tls.drop.sni"
    return made


def one(events: Sequence[Event]) -> Event:
    (event,) = events
    return event


def of_service(table: pd.DataFrame) -> list[Event]:
    return [event for event in detect_events(table) if event.service == SERVICES[0] and event.place == "RU"]


def test_fresh_names_alone_confirm_nothing() -> None:
    lone = quiet(places=[("RU", 64501)], n=2)
    forged = struck(known(lone, "fresh"), range(300, 320))
    honest = struck(known(lone), range(300, 320))
    assert (one(detect_events(honest)).status, one(detect_events(forged)).status) == ("confirmed", "suspected")
    assert "fresh_names" in one(detect_events(honest)).ruled_out
    assert "fresh_names" in one(detect_events(forged)).not_ruled_out


def test_a_block_is_confirmed_once_old_names_have_seen_it() -> None:
    """Names change with the month: a block that began in its first days is told, and confirmed when they are known."""
    table = struck(known(quiet()), range(300, 480))
    hour = hours_of(table)
    table.loc[(hour >= 290) & (hour < 350), "standing"] = "fresh"
    told = [one(detect_events(table[hour <= until])).status for until in (340, 350, 353)]
    assert told == ["suspected", "suspected", "confirmed"]


def test_where_nobody_knows_ages_all_is_as_before_and_said() -> None:
    event = one(detect_events(struck(quiet(), range(300, 320))))
    assert event.status == "confirmed"
    assert "fresh_names" in event.not_ruled_out
    assert "fresh_names" not in event.ruled_out


@pytest.mark.parametrize("standing", ["established", "fresh"])
def test_fresh_names_in_other_countries_excuse_nothing(standing: str) -> None:
    """A block in Russia; in countries of their own, liars find the same. Known ones hide it."""
    honest = known(quiet(places=[("RU", 64501), ("RU", 64502), ("IR", 64511)]))
    abroad = known(quiet(places=WHERE_NOBODY_IS, n=2), standing)
    table = pd.concat([struck(honest, range(300, 340)), struck(abroad, range(300, 340), asns=(64601, 64611))],
                      ignore_index=True)
    assert len(of_service(table)) == (standing == "fresh")


def test_fresh_names_lend_an_event_no_network() -> None:
    honest = struck(known(quiet()), range(300, 340))
    forged = struck(known(quiet(places=[("RU", 64599)], n=3), "fresh"), range(300, 340), asns=(64599,))
    events = [event for event in detect_events(pd.concat([honest, forged], ignore_index=True))]
    told = {tuple(reach.asn for reach in event.networks): event.status for event in events}
    assert told == {(64501,): "confirmed", (64599,): "suspected"}


def test_fresh_names_elsewhere_make_no_service_flaky() -> None:
    """Bursts by names that come and go, in two countries of their own, explain no block away."""
    honest = struck(known(quiet(24 * 60)), range(1000, 1006), asns=(64501, 64502))
    abroad = known(quiet(24 * 60, places=WHERE_NOBODY_IS, n=2), "fresh")
    for day in range(2, 58, 2):
        abroad = struck(abroad, range(24 * day, 24 * day + 8), asns=(64601, 64611))
    assert [event.status for event in of_service(pd.concat([honest, abroad], ignore_index=True))] == ["confirmed"]


def test_fresh_names_make_no_confirmed_outage_and_hide_no_silence() -> None:
    cut = struck(known(quiet(places=[("RU", 64501)]), "fresh"), range(300, 330), services=SERVICES, outcome="network")
    assert {event.status for event in detect_events(cut)} == {"suspected"}
    places = [("RU", 64501), ("RU", 64502), ("RU", 64503), ("IR", 64511), ("TR", 64521)]
    table = known(quiet(24 * 25, places=places))
    hour = hours_of(table)
    gone = (table["probe_cc"] == "RU") & (hour >= 500) & (hour < 520)
    forged = table[gone & (table["probe_asn"] == 64501)].assign(standing="fresh", n=12, ok=12, witnesses=12)
    events = detect_events(pd.concat([table[~gone], forged], ignore_index=True))
    assert [event.mechanism for event in events] == ["network.silence"]


@pytest.mark.parametrize("hours", [3, 6, 40])
@pytest.mark.parametrize("liars", [1, 2, 3, 5])
def test_who_made_an_event_up_was_as_many_as_is_published(liars: int, hours: int) -> None:
    for n in (1, 2, 4):
        table = with_liars(known(quiet(n=n)), liars, range(300, 300 + hours), says="blocked")
        for event in of_service(table):
            assert event.forgers is not None
            assert event.forgers.to_make.established <= liars
            assert event.forgers.to_make.fresh is None, "no number of fresh names made it"


def _cost_to_hide(table: pd.DataFrame) -> int:
    event = one(of_service(table))
    assert event.forgers is not None
    return event.forgers.to_hide.established


@pytest.mark.parametrize("n", [2, 4, 8])
@pytest.mark.parametrize("hours", [6, 60])
def test_fewer_names_than_published_hide_nothing(n: int, hours: int) -> None:
    """In the network they find the service well, or everything else blocked; abroad they find it blocked."""
    when = range(300, 300 + hours)
    table = struck(known(quiet(n=n)), when)
    fewer = _cost_to_hide(table) - 1
    assert of_service(with_liars(table, fewer, when, says="ok"))
    assert of_service(with_liars(table, fewer, when, says="blocked", services=SERVICES[1:]))
    for country in range(1, len(ABROAD) + 1):
        each = [fewer // country + (place < fewer % country) for place in range(country)]
        lied = table
        for (_, asn), liars in zip(ABROAD, each, strict=False):
            lied = with_liars(lied, liars, when, says="blocked", asns=(asn,))
        assert of_service(lied), each


@pytest.mark.parametrize("n", [2, 4])
def test_as_many_names_as_published_hide_a_block(n: int) -> None:
    """The cheapest way: everything else fails too, so it is told as the network's."""
    when = range(300, 330)
    table = struck(known(quiet(n=n)), when)
    assert not of_service(with_liars(table, _cost_to_hide(table), when, says="blocked", services=SERVICES[1:]))


def test_a_known_name_in_each_of_two_countries_hides_what_two_see() -> None:
    table = struck(known(quiet(n=2)), range(300, 330))
    lied = with_liars(table, 1, range(300, 330), says="blocked", asns=[asn for _, asn in ABROAD[:2]])
    assert not of_service(lied)
    assert {told.explained_by for told in examine_cells(read_cells(lied)).dismissed} >= {"service_or_instrument"}


def test_counts_without_probes_have_no_cost() -> None:
    cells = read_cells(struck(quiet(), range(300, 340)), witnesses_told=False)
    assert one(examine_cells(cells).events).forgers is None
    assert at(300) == one(examine_cells(cells).events).onset
