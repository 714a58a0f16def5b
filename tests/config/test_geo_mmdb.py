"""A person's own tables in the MaxMind DB format, as several makers lay them out, and broken ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdb_files import Plain, mmdb, write_mmdb
from probe.config.geo.geo_table import NO_ENTRY, GeoEntry, GeoError
from probe.config.geo.mmdb import MmdbTables, asn_of, country_of
from probe.config.install_advice import advise_extra

COUNTRIES: dict[str, Plain] = {"93.184.0.0/16": {"country": {"iso_code": "DE", "geoname_id": 7}},
                               "2606:2800::/32": {"country": {"iso_code": "RU"}}}
NETWORKS: dict[str, Plain] = {"93.184.216.0/24": {"autonomous_system_number": 64500},
                              "2606:2800::/32": {"autonomous_system_number": 64501}}


@pytest.mark.parametrize(("record", "cc", "asn"), [
    ({"country": {"iso_code": "DE"}, "registered_country": {"iso_code": "US"}}, "DE", 0),  # GeoLite, DB-IP
    ({"registered_country": {"iso_code": "US"}}, "ZZ", 0),
    ({"country_code": "DE"}, "DE", 0), ({"country": "DE", "asn": "AS64500"}, "DE", 64500),  # ip-location-db, IPinfo
    ({"country": "Germany", "country_code": "DE", "asn": "64500"}, "DE", 64500),
    ({"autonomous_system_number": 64500}, "ZZ", 64500), ({"as_number": 64500}, "ZZ", 64500),
    ({"asn": ""}, "ZZ", 0), ({"asn": "ASX"}, "ZZ", 0), ({"asn": 1 << 32}, "ZZ", 0), ({"asn": -1}, "ZZ", 0),
    ({"asn": True}, "ZZ", 0), ({"country_code": "de"}, "ZZ", 0), ({"country_code": ["DE"]}, "ZZ", 0),
    ({"country": None}, "ZZ", 0), (None, "ZZ", 0), ("DE", "ZZ", 0), ([], "ZZ", 0),
])
def test_what_records_say(record: object, cc: str, asn: int) -> None:
    assert (country_of(record), asn_of(record)) == (cc, asn)


def test_country_and_network_may_stand_in_two_files(tmp_path: Path) -> None:
    tables = MmdbTables([write_mmdb(tmp_path / "c.mmdb", COUNTRIES, kind="GeoLite2-Country", made=1_750_000_000),
                         write_mmdb(tmp_path / "a.mmdb", NETWORKS, kind="made\x1b[2J up", made=1_700_000_000)])
    assert tables.find("93.184.216.34") == GeoEntry(cc="DE", asn=64500)
    assert tables.find("93.184.1.1") == GeoEntry(cc="DE")
    assert tables.find("2606:2800::1") == GeoEntry(cc="RU", asn=64501)
    assert tables.find("8.8.8.8") == NO_ENTRY
    assert (tables.name, tables.date) == ("GeoLite2-Country+made--2J-up", "2023-11-14")


def test_a_table_of_ipv4_alone_knows_nothing_of_ipv6(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "t.mmdb", {"93.184.0.0/16": {"country_code": "DE"}}, version=4)
    assert MmdbTables([path]).find("93.184.1.1") == GeoEntry(cc="DE")
    assert MmdbTables([path]).find("2606:2800::1") == NO_ENTRY


@pytest.mark.parametrize("content", [b"", b"<html>", bytes(5000), mmdb(COUNTRIES)[:-40]])
def test_what_is_no_table_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.mmdb").write_bytes(content)
    with pytest.raises(GeoError, match=r"t\.mmdb: .*setup --geo"):
        _ = MmdbTables([str(tmp_path / "t.mmdb")]).date


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.mmdb"):
        with pytest.raises(GeoError, match=r"\(.*setup --geo FILE"):
            MmdbTables([str(path)]).find("93.184.216.34")


@settings(max_examples=150, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 255)), min_size=1, max_size=6))
def test_a_damaged_table_finds_something_or_is_called_damaged(tmp_path_factory: pytest.TempPathFactory,
                                                              flips: list[tuple[int, int]]) -> None:
    data = bytearray(mmdb(COUNTRIES | NETWORKS))
    for at, mask in flips:
        data[-1 - at % len(data)] ^= mask
    path = tmp_path_factory.mktemp("geo") / "t.mmdb"
    path.write_bytes(data)
    for known in ("93.184.216.34", "2606:2800::1"):
        told: BaseException | None = None
        tables = MmdbTables([str(path)])
        try:
            assert isinstance(tables.find(known), GeoEntry)
            assert len(tables.name) <= 40
            assert len(tables.date) in (0, 10)
        except GeoError as error:
            told = error
        while told is not None:  # a traceback would show what an error hides
            assert known not in str(told)
            told = told.__cause__


def test_without_the_package_it_is_said_what_to_install(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "t.mmdb", COUNTRIES)
    program = ("import sys; sys.modules['maxminddb'] = None\nfrom probe.config.geo.mmdb import MmdbTables\n"
               f"try:\n    MmdbTables([{path!r}]).find('93.184.216.34')\nexcept ValueError as error: print(error)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert advise_extra("geo") in done.stdout, done.stderr
