"""The packaged table and its format: what it finds, against a plain reading of the same ranges, and broken files."""

from __future__ import annotations

import ipaddress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import Steps, _country, agreed, build, packed, swept
from probe.config.geo import packaged_table as reading
from probe.config.geo.geo_table import NO_ENTRY, GeoEntry, GeoError, is_public
from probe.config.geo.packaged_table import PACKAGED, SHIFTS, PackedTable, TableSource

DAY = "2026-06-17"
FOUND = st.builds(GeoEntry, cc=st.sampled_from(("ZZ", "DE", "RU")), asn=st.sampled_from((0, 1, 64500, 4_294_967_295)))
CELLS = {4: 1 << 24, 6: 1 << 48}


def steps(family: int) -> st.SearchStrategy[Steps[GeoEntry]]:
    starts = st.sets(st.integers(1, CELLS[family] - 1), max_size=12).map(lambda found: [0, *sorted(found)])
    return starts.flatmap(lambda cells: st.tuples(*(FOUND for _ in cells)).map(
        lambda values: list(zip(cells, values, strict=True))))


def address(family: int, cell: int, below: int = 1) -> str:
    number = (cell << SHIFTS[family]) + below
    return str(ipaddress.IPv4Address(number) if family == 4 else ipaddress.IPv6Address(number))


def written(path: Path, four: Steps[GeoEntry], six: Steps[GeoEntry]) -> PackedTable:
    source = TableSource(name="made up", licence="none", sha256="")
    path.write_bytes(packed({4: four, 6: six}, date=DAY, sources=[source]))
    return PackedTable(path)


@settings(max_examples=60, deadline=None)
@given(four=steps(4), six=steps(6), data=st.data())
def test_a_lookup_finds_what_a_plain_reading_finds(tmp_path_factory: pytest.TempPathFactory, four: Steps[GeoEntry],
                                                   six: Steps[GeoEntry], data: st.DataObject) -> None:
    table = written(tmp_path_factory.mktemp("geo") / "t.bin", four, six)
    for family, ranges in ((4, four), (6, six)):
        near = [cell + way for cell, _ in ranges for way in (-1, 0, 1) if 0 <= cell + way < CELLS[family]]
        for cell in (*near, data.draw(st.integers(0, CELLS[family] - 1))):
            wanted = [value for start, value in ranges if start <= cell][-1]
            assert table.find(address(family, cell)) == wanted


@pytest.mark.parametrize("count", [1, 2047, 2048, 2049, 5000])
def test_ranges_that_fill_several_blocks(tmp_path: Path, count: int) -> None:
    many = [(number * 3, GeoEntry(cc="DE" if number % 2 else "FR", asn=number)) for number in range(count)]
    table = written(tmp_path / "t.bin", many, many)
    assert table.head.blocks == {4: -(-count // 2048), 6: -(-count // 2048)}
    for number in {0, 1, count // 2, 2046, 2047, 2048, count - 1} & set(range(count)):
        for family in (4, 6):
            assert table.find(address(family, number * 3 + 2)).asn == number


RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.sampled_from("abc")).filter(
    lambda found: found[0] <= found[1]), max_size=6)


@given(ranges=RANGES, shift=st.integers(0, 3))
def test_a_cell_says_what_all_its_ranges_agree_in(ranges: list[tuple[int, int, str]], shift: int) -> None:
    found = swept(ranges, shift, "")
    assert [cell for cell, _ in found] == sorted({cell for cell, _ in found})
    for cell in range(64 >> shift):
        there = {value for first, last, value in ranges if first >> shift <= cell <= last >> shift}
        assert [value for start, value in found if start <= cell][-1] == (there.pop() if len(there) == 1 else "")


def test_a_country_needs_a_second_source_and_somebody_who_announces_it() -> None:
    asns = [(0, 0), (10, 64500), (50, 0)]
    claims = [(0, "DE"), (20, "RU"), (30, "AU"), (40, "")]
    sure = [[(0, "DE"), (30, "JP")], [(0, ""), (20, "RU"), (30, "SG")]]
    assert agreed(asns, claims, sure) == [
        (0, NO_ENTRY), (10, GeoEntry(cc="DE", asn=64500)), (20, GeoEntry(cc="RU", asn=64500)),
        (30, GeoEntry(asn=64500)), (50, NO_ENTRY)]
    assert [_country(text) for text in ("DE", "EU", "AP", "ZZ", "de", "", "DEU")] == ["DE", "", "", "", "", "", ""]


def test_the_same_lists_give_the_same_bytes(tmp_path: Path) -> None:
    lists = {"asn": "64500", "claims": "DE", "also": "DE"}
    for name, value in lists.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "x-ipv4-num.csv").write_text(f'16777216,16777471,{value},"Name, of it"\n')
        first = 0x2A00 << 112
        (folder / "x-ipv6-num.csv").write_text(f"{first},{first + (1 << 96) - 1},{value}\n")
    folders = [tmp_path / name for name in lists]
    made = build(folders[0], folders[1], folders[2:], date=DAY)
    assert made == build(folders[0], folders[1], folders[2:], date=DAY)
    (tmp_path / "t.bin").write_bytes(made)
    table = PackedTable(tmp_path / "t.bin")
    assert table.find("1.0.0.9") == table.find("2a00::9") == GeoEntry(cc="DE", asn=64500)
    assert table.find("1.0.1.9") == table.find("2a00:1::9") == NO_ENTRY
    assert (table.date, table.name, len(table.head.sources)) == (DAY, "packaged", 3)


# ---- the table that is shipped

@pytest.mark.parametrize(("known", "cc", "asn"), [
    ("77.88.8.8", "RU", 13238), ("91.0.0.1", "DE", 3320), ("178.120.0.1", "BY", 6697), ("200.44.0.1", "VE", 8048),
    ("1.80.0.1", "CN", 4134), ("2003:1::1", "DE", 3320), ("240e:123::1", "CN", 4134), ("2a01:e0a::1", "FR", 12322),
    ("2001:200::1", "ZZ", 2500), ("198.51.100.1", "ZZ", 0), ("::", "ZZ", 0), ("255.255.255.255", "ZZ", 0),
])
def test_the_packaged_table_knows_large_networks(known: str, cc: str, asn: int) -> None:
    assert PackedTable().find(known) == GeoEntry(cc=cc, asn=asn)


def test_the_packaged_table_is_small_and_says_where_it_is_from() -> None:
    head = PackedTable().head
    assert PACKAGED.stat().st_size < 3 << 20
    assert date.fromisoformat(head.date) < date.today()
    assert len(head.sources) == 4
    assert all("CC BY 4.0" in source.licence or "PDDL" in source.licence for source in head.sources)
    notice = PACKAGED.with_name("NOTICE.md").read_text(encoding="utf-8")
    for name in ("RouteViews", "DB-IP", "NRO", "IPtoASN"):
        assert name in notice
    for source in head.sources:
        assert f"`{source.name.split(' ')[0].rpartition('/')[2]}`" in notice
    assert head.ranges[4] > 300_000


def test_every_block_can_be_read_and_ranges_are_in_order() -> None:
    table = PackedTable()
    for family in (4, 6):
        firsts = table._known[1][family].firsts
        assert list(firsts) == sorted(set(firsts))
        for first in firsts[::7]:
            table.find(address(family, first))


# ---- broken files

def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match=r"none\.bin: .*setup --geo"):
        PackedTable(tmp_path / "none.bin").find("192.0.2.1")


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, 600), flips=st.lists(st.tuples(st.integers(0, 600), st.integers(1, 255)), max_size=3))
def test_a_broken_file_finds_something_or_is_called_broken(tmp_path_factory: pytest.TempPathFactory, cut: int,
                                                           flips: list[tuple[int, int]]) -> None:
    path = tmp_path_factory.mktemp("geo") / "t.bin"
    some = [(number * 3, GeoEntry(cc="DE", asn=number)) for number in range(40)]
    written(path, some, some)
    data = bytearray(path.read_bytes())
    for at, mask in flips:
        data[at % len(data)] ^= mask
    path.write_bytes(data[:cut] if cut < 600 else data)
    for known in ("0.0.6.1", "0:0:6::1"):
        told = ""
        try:
            assert isinstance(PackedTable(path).find(known), GeoEntry)
        except GeoError as error:
            told = str(error)
        assert known not in told


def test_a_block_that_swells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = written(tmp_path / "t.bin", [(n, GeoEntry(asn=n)) for n in range(1000)], [(0, NO_ENTRY)])
    monkeypatch.setattr(reading, "MAX_BLOCK", 1000)
    with pytest.raises(GeoError, match="damaged"):
        table.find("0.0.1.1")


# ---- which addresses are asked about

@pytest.mark.parametrize(("text", "asked"), [
    ("93.184.216.34", True), ("2606:2800::1", True), ("192.168.1.1", False), ("10.0.0.1", False), ("100.64.0.1", False),
    ("fe80::1", False), ("fd00::1", False), ("2001:db8::1", False), ("192.0.2.1", False), ("127.0.0.1", False),
    ("224.0.0.1", False), ("30.1.2.3", False), ("25.1.2.3", False), ("2002:5db8:d822::1", False),
    ("2001:0:1::1", False), ("64:ff9b::5db8:d822", False), ("", False), ("a.example", False),
    ("93.184.216.34:443", False),
])
def test_only_public_addresses_tell_a_network(text: str, asked: bool) -> None:
    assert is_public(text) is asked
