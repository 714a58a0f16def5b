"""Where a run measured: what the person stated, what the table says, and what is in doubt. No address stays."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest

from in_order import in_order
from mmdb_files import write_mmdb
from probe.config.geo.geo_status import check_geo_status, describe_geo_settings, parse_geo_settings
from probe.config.geo.geo_table import GeoEntry, GeoError
from probe.config.geo.vantage_place import (
    OWN_TELLER,
    AddressClue,
    TablePlace,
    is_elsewhere,
    look_up_place,
    network_of,
    settle_place,
)
from probe.config.geo.whereabouts import MAX_CLUES, Whereabouts, choose_table
from probe.config.settings import GeoSettings, RunSettings, Settings, SettingsError, VantageSettings
from probe.core.runs import Vantage

HERE = GeoEntry(cc="DE", asn=64500)
TODAY = date(2026, 11, 25)


def clue(teller: str, family: int = 4, cc: str = "DE", asn: int = 64500) -> AddressClue:
    return AddressClue(family=family, teller=teller, cc=cc, asn=asn)


class Table:
    """Knows one network of documentation in the place of a real one."""

    name, date = "made-up", "2026-06-17"

    def find(self, address: str) -> GeoEntry:
        if address.startswith("8.8.4."):
            raise GeoError("t.bin: damaged")
        return HERE if address.startswith("93.184.") else GeoEntry(cc="RU", asn=64501)


# ---- what the clues agree in

@pytest.mark.parametrize(("clues", "told"), [
    ([], TablePlace()),
    ([clue(OWN_TELLER)], TablePlace(cc="DE", asn_ipv4=64500)),
    ([clue("a")], TablePlace()),  # one server may say what it likes
    ([clue("a"), clue("b")], TablePlace(cc="DE", asn_ipv4=64500)),
    ([clue("a"), clue("b"), clue("c", cc="RU", asn=1)], TablePlace(cc="DE", asn_ipv4=64500)),
    ([clue("a"), clue("b", cc="RU", asn=1)], TablePlace()),
    ([clue("a"), clue("b"), clue("c", cc="RU", asn=1), clue("d", cc="RU", asn=1)], TablePlace(several=True)),
    ([clue("a"), clue("b"), clue(OWN_TELLER, cc="RU", asn=1)], TablePlace(several=True)),
    ([clue(OWN_TELLER), clue("a", cc="RU", asn=1)], TablePlace(cc="DE", asn_ipv4=64500)),
    # as the run began, and at its end
    ([clue(OWN_TELLER), clue(OWN_TELLER, asn=1)], TablePlace(cc="DE", several=True)),
    ([clue(OWN_TELLER), clue(OWN_TELLER, 6, asn=64501)], TablePlace(cc="DE", asn_ipv4=64500, asn_ipv6=64501)),
    ([clue(OWN_TELLER), clue(OWN_TELLER, 6, cc="RU")], TablePlace(asn_ipv4=64500, asn_ipv6=64500, several=True)),
    ([clue(OWN_TELLER, 6, cc="ZZ")], TablePlace(asn_ipv6=64500)),
    ([clue("a", cc="DE", asn=0), clue("b", cc="DE", asn=0)], TablePlace(cc="DE")),
])
def test_clues_count_where_they_agree(clues: list[AddressClue], told: TablePlace) -> None:
    assert look_up_place(clues) == look_up_place(clues[::-1]) == told


# ---- what the row says

TOLD = TablePlace(cc="DE", asn_ipv4=64500, asn_ipv6=64501)


@pytest.mark.parametrize(("stated", "told", "moved", "probe", "sources", "doubt"), [
    (("ZZ", 0), TablePlace(), False, ("ZZ", 0), ("none", "none"), ()),
    (("ZZ", 0), TOLD, False, ("DE", 64500), ("table", "table"), ()),
    (("ZZ", 0), replace(TOLD, asn_ipv4=0), False, ("DE", 64501), ("table", "table"), ()),
    (("DE", 0), TOLD, False, ("DE", 64500), ("settings", "table"), ()),
    (("DE", 64501), TOLD, False, ("DE", 64501), ("settings", "settings"), ()),
    (("RU", 64500), TOLD, False, ("RU", 64500), ("settings", "settings"), ("country",)),
    (("DE", 7), TOLD, False, ("DE", 7), ("settings", "settings"), ("network",)),
    (("RU", 7), TOLD, False, ("RU", 7), ("settings", "settings"), ("country", "network")),
    (("RU", 7), TablePlace(), False, ("RU", 7), ("settings", "settings"), ()),
    (("ZZ", 0), TablePlace(asn_ipv4=1, several=True), False, ("ZZ", 1), ("none", "table"), ("several",)),
    (("ZZ", 0), TOLD, True, ("ZZ", 0), ("none", "none"), ("moved",)),
    (("RU", 7), TOLD, True, ("RU", 7), ("settings", "settings"), ("moved",)),
])
def test_what_is_stated_stands_and_a_contradiction_is_written(
        stated: tuple[str, int], told: TablePlace, moved: bool, probe: tuple[str, int], sources: tuple[str, str],
        doubt: tuple[str, ...]) -> None:
    place = settle_place(told, cc=stated[0], asn=stated[1], moved=moved)
    assert (place.probe_cc, place.probe_asn) == probe
    assert (place.cc_source, place.asn_source, place.vantage_doubt) == (*sources, doubt)
    assert place.stated_cc == stated[0]
    assert (place.geo_cc, place.geo_asn_ipv4) == (("ZZ", 0) if moved else (told.cc, told.asn_ipv4))
    vantage = Vantage(**asdict(place))
    cc, asn = network_of(vantage)
    assert (asn == 0) if doubt else (cc, asn) == probe
    assert (cc == "ZZ") if set(doubt) - {"network"} else cc == probe[0]


KNOWN = Vantage(probe_cc="DE", probe_asn=64500, geo_cc="DE", geo_asn_ipv4=64500, cc_source="table", asn_source="table")


@pytest.mark.parametrize(("other", "away"), [
    (KNOWN, False), (Vantage(), False), (Vantage(probe_cc="DE", probe_asn=64500), False),
    (replace(KNOWN, geo_asn_ipv4=64501, probe_asn=64501), True), (replace(KNOWN, geo_cc="RU"), True),
    (replace(KNOWN, geo_asn_ipv4=0, geo_asn_ipv6=64501, probe_asn=64501), False),  # the same line's other family
    (replace(KNOWN, vantage_doubt=("several",)), True), (replace(KNOWN, vantage_doubt=("network",)), False),
    (Vantage(probe_cc="RU"), True), (replace(KNOWN, lab=True), True), (Vantage(lab=True), True),
])
def test_what_a_run_elsewhere_saw_is_no_confirmation(other: Vantage, away: bool) -> None:
    assert is_elsewhere(KNOWN, other) is is_elsewhere(other, KNOWN) is away


def test_stated_networks_tell_runs_apart_where_no_table_speaks() -> None:
    one = Vantage(probe_asn=1, asn_source="settings")
    assert is_elsewhere(one, Vantage(probe_asn=2, asn_source="settings"))
    assert not is_elsewhere(one, Vantage(probe_asn=2, asn_source="table"))


def test_runs_of_the_laboratory_see_each_other() -> None:
    assert not is_elsewhere(replace(KNOWN, lab=True), replace(KNOWN, lab=True))


# ---- what a run learns

def test_an_address_is_looked_up_and_forgotten() -> None:
    where, own = Whereabouts(Table()), "93.184.216.34"
    where.learn_own(["10.0.0.7", own, "fe80::1"])
    where.learn(own, "192.0.2.5")
    assert look_up_place(where._clues) == TablePlace(cc="DE", asn_ipv4=64500)
    assert own not in repr(vars(where)) + repr(where.place(VantageSettings(), moved=False))


def test_the_row_tells_the_table_and_its_day() -> None:
    where = Whereabouts(Table())
    where.learn_own(["93.184.216.34"])
    place = where.place(VantageSettings(cc="ru"), moved=False)
    assert (place.geo_db, place.geo_db_date) == ("made-up", "2026-06-17")
    assert (place.probe_cc, place.geo_cc, place.probe_asn, place.vantage_doubt) == ("RU", "DE", 64500, ("country",))


def test_without_a_table_only_what_is_stated_counts() -> None:
    where = Whereabouts(None)
    where.learn_own(["93.184.216.34"])
    place = where.place(VantageSettings(cc="DE", asn=5), moved=False)
    assert (place.probe_cc, place.probe_asn, place.geo_db, place.geo_db_date) == ("DE", 5, "", "")


def test_a_damaged_table_says_nothing_at_all() -> None:
    where = Whereabouts(Table())
    where.learn_own(["93.184.216.34", "8.8.4.4"])
    place = where.place(VantageSettings(), moved=False)
    assert where.trouble == "t.bin: damaged"
    assert (place.probe_asn, place.asn_source, place.geo_db) == (0, "none", "")


def test_many_tellers_fill_no_memory() -> None:
    where = Whereabouts(Table())
    for number in range(MAX_CLUES + 50):
        where.learn("93.184.216.34", f"teller {number}")
    assert len(where._clues) == MAX_CLUES


def test_the_packaged_table_is_not_asked_in_the_laboratory() -> None:
    assert choose_table(GeoSettings(), lab=True) is None
    assert choose_table(GeoSettings(lookup=False)) is None
    assert choose_table(GeoSettings(files=("x.mmdb",)), lab=True) is not None
    table = choose_table(GeoSettings())
    assert table is not None
    assert table.name == "packaged"


# ---- what the person is told

def test_the_table_is_told_with_its_day_and_its_age() -> None:
    now = check_geo_status(Settings(), today=TODAY)
    assert in_order(now.text, "2026-06-17", "level 1")
    assert (now.todo, now.damaged) == ("", False)
    later = check_geo_status(Settings(run=RunSettings(consent_level=2)), today=date(2027, 7, 1))
    assert in_order(later.text, "call servers")
    assert "a year old" in later.text
    assert "probe setup --geo" in later.todo
    assert check_geo_status(Settings(geo=GeoSettings(lookup=False)), today=TODAY).text.startswith("no table")
    broken = check_geo_status(Settings(geo=GeoSettings(files=("none.mmdb",))), today=TODAY)
    assert broken.damaged
    assert "none.mmdb: " in broken.text


def test_a_table_of_ones_own_is_named_by_its_file(tmp_path: Path) -> None:
    files = [write_mmdb(tmp_path / name, {"93.184.0.0/16": {"country_code": "DE"}}) for name in ("a.mmdb", "b.mmdb")]
    assert parse_geo_settings(files) == GeoSettings(files=tuple(files))
    assert describe_geo_settings(parse_geo_settings(files)) == tuple(files)
    for words in (("table",), ("none",)):
        assert describe_geo_settings(parse_geo_settings(words)) == words
    for wrong in ((), ("table", files[0]), ("none", "table"), (files[0],) * 5, (str(tmp_path / "c.mmdb"),)):
        with pytest.raises(SettingsError):
            parse_geo_settings(wrong)
