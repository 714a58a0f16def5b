"""Writes the packaged table of countries and autonomous systems (`probe/config/geo/table.bin`) from public lists.

Each source is a folder with `*-ipv4-num.csv` and `*-ipv6-num.csv` (first, last address as numbers, value), or with
`*-ipv4.mmdb` and `*-ipv6.mmdb`, as the packages `@ip-location-db/...` have them (`npm pack NAME`, unpacked):

  python tools/geo.py --date 2026-06-17 --asn asn --country geo-whois-asn-country \\
      --confirm asn-country --confirm iptoasn-country-mmdb

A country is taken where one of the confirming sources says the same, and an address is announced; where sources
contradict each other or themselves, nothing is said. Cells are /24 of IPv4 and /48 of IPv6. The same files give the
same bytes.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from probe.config.geo.geo_table import NO_COUNTRY, GeoEntry
from probe.config.geo.packaged_table import (
    ENTRY,
    MAGIC,
    MAX_RANGES,
    PACKAGED,
    SHIFTS,
    PackedTable,
    TableHead,
    TableSource,
)

BLOCK = 2048
"""Ranges of a block: some kilobytes, which a lookup unpacks."""
LICENCES = {
    "asn": "CC BY 4.0: RouteViews (routeviews.org), DB-IP (db-ip.com), NRO (nro.net)",
    "geo-whois-asn-country": "CC BY 4.0: NRO (nro.net); geofeeds that networks publish",
    "asn-country": "CC BY 4.0: NRO (nro.net)",
    "iptoasn-country-mmdb": "PDDL 1.0: IPtoASN (iptoasn.com)",
}
V = TypeVar("V")
Range = tuple[int, int, V]
"""First and last address, value."""
Steps = list[tuple[int, V]]
"""Where a value begins; it holds until the next."""


def swept(ranges: Iterable[Range[V]], shift: int, nothing: V) -> Steps[V]:
    """The value of each cell: the one that its ranges agree in; `nothing` where none lies there, or several differ."""
    events = sorted(
        ((cell, change, value) for first, last, value in ranges
         for cell, change in ((first >> shift, 1), ((last >> shift) + 1, -1))), key=lambda event: event[0])
    active: dict[V, int] = {}
    steps: Steps[V] = [(0, nothing)]
    for at, (cell, change, value) in enumerate(events):
        if left := active.get(value, 0) + change:
            active[value] = left
        else:
            del active[value]
        if at + 1 == len(events) or events[at + 1][0] != cell:
            _add(steps, cell, next(iter(active)) if len(active) == 1 else nothing)
    return steps


def _add(steps: Steps[V], cell: int, value: V) -> None:
    if steps and steps[-1][0] == cell:
        steps.pop()
    if not steps or steps[-1][1] != value:
        steps.append((cell, value))


def agreed(asns: Steps[int], claims: Steps[str], confirming: Sequence[Steps[str]]) -> Steps[GeoEntry]:
    """AS number and country of each cell; the country only where it is confirmed, and somebody announces it."""
    columns: list[Steps[int] | Steps[str]] = [asns, claims, *confirming]
    at = [0] * len(columns)
    merged: Steps[GeoEntry] = []
    for cell in sorted({cell for steps in columns for cell, _ in steps}):
        for number, steps in enumerate(columns):
            while at[number] + 1 < len(steps) and steps[at[number] + 1][0] <= cell:
                at[number] += 1
        asn, claim = asns[at[0]][1], claims[at[1]][1]
        sure = any(steps[at[2 + n]][1] == claim for n, steps in enumerate(confirming))
        _add(merged, cell, GeoEntry(asn=asn, cc=claim if asn and claim and sure else NO_COUNTRY))
    return merged


def packed(tables: dict[int, Steps[GeoEntry]], *, date: str, sources: Sequence[TableSource]) -> bytes:
    """The file; family -> its ranges."""
    parts = {version: [steps[i:i + BLOCK] for i in range(0, len(steps), BLOCK)] for version, steps in tables.items()}
    blocks = {version: [zlib.compress(_block(part), 9) for part in cut] for version, cut in parts.items()}
    head = msgspec.json.encode(TableHead(
        date=date, sources=tuple(sources), ranges={v: len(tables[v]) for v in SHIFTS},
        blocks={v: len(blocks[v]) for v in SHIFTS}))
    place = len(MAGIC) + 4 + len(head) + ENTRY.size * sum(map(len, blocks.values()))
    index = bytearray()
    for version in SHIFTS:
        for part, block in zip(parts[version], blocks[version], strict=True):
            index += ENTRY.pack(part[0][0], place, len(block))
            place += len(block)
    return b"".join((MAGIC, struct.pack(">I", len(head)), head, bytes(index), *(b for v in SHIFTS for b in blocks[v])))


def _block(part: Steps[GeoEntry]) -> bytes:
    assert len(part) <= MAX_RANGES
    numbers = b"".join(found.asn.to_bytes(4, "big") for _, found in part)
    planes = b"".join(numbers[plane::4] for plane in range(4))
    distances = bytearray()
    before = part[0][0]
    for cell, _ in part:
        step, before = cell - before, cell
        while step > 127:
            distances.append(step & 127 | 128)
            step >>= 7
        distances.append(step)
    return struct.pack(">H", len(part)) + planes + b"".join(f.cc.encode() for _, f in part) + bytes(distances)


# ---- sources

@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One source."""

    path: Path

    def files(self, version: int) -> list[Path]:
        found = sorted(self.path.glob(f"*-ipv{version}-num.csv")) or sorted(self.path.glob(f"*-ipv{version}.mmdb"))
        if len(found) != 1:
            sys.exit(f"{self.path}: there must be one *-ipv{version}-num.csv or one *-ipv{version}.mmdb")
        return found

    def ranges(self, version: int, read: Callable[[str], V]) -> Iterator[Range[V]]:
        (path,) = self.files(version)
        for first, last, text in _mmdb(path) if path.suffix == ".mmdb" else _csv(path):
            yield first, last, read(text)

    def source(self) -> TableSource:
        """Its name is that of its package."""
        described = self.path / "package.json"
        told = msgspec.json.decode(described.read_bytes()) if described.exists() else {}
        name = str(told.get("name", self.path.name))
        digest = hashlib.sha256(b"".join(path.read_bytes() for v in SHIFTS for path in self.files(v))).hexdigest()
        licence = LICENCES.get(name.rpartition("/")[2], str(told.get("license", "not told")))
        return TableSource(name=f"{name} {told.get('version', '')}".strip(), licence=licence, sha256=digest)


def _csv(path: Path) -> Iterator[Range[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            yield int(row[0]), int(row[1]), row[2]


def _mmdb(path: Path) -> Iterator[Range[str]]:
    import maxminddb

    with maxminddb.open_database(str(path)) as database:
        for network, record in database:
            if isinstance(record, dict):
                yield int(network[0]), int(network[-1]), str(record.get("country_code", ""))


def _country(text: str) -> str:
    """Codes that are no country's (EU, AP, ZZ) say nothing."""
    return text if re.fullmatch(r"[A-Z]{2}", text) and text not in ("EU", "AP", "ZZ") else ""


def build(asn: Path, country: Path, confirm: Sequence[Path], *, date: str) -> bytes:
    """The file from these folders."""
    folders = [Folder(path=path) for path in (asn, country, *confirm)]
    tables = {}
    for version, shift in SHIFTS.items():
        asns = swept(folders[0].ranges(version, int), shift, 0)
        claims, *others = (swept(folder.ranges(version, _country), shift, "") for folder in folders[1:])
        tables[version] = agreed(asns, claims, others)
    return packed(tables, date=date, sources=[folder.source() for folder in folders])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--date", required=True, help="day of the sources, YYYY-MM-DD")
    parser.add_argument("--asn", type=Path, required=True, metavar="FOLDER", help="who announces an address")
    parser.add_argument("--country", type=Path, required=True, metavar="FOLDER", help="which country it is in")
    parser.add_argument("--confirm", type=Path, action="append", required=True, metavar="FOLDER",
                        help="another source of countries; repeat")
    parser.add_argument("--out", type=Path, default=PACKAGED)
    given = parser.parse_args()
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", given.date):
        parser.error("--date must be YYYY-MM-DD")
    content = build(given.asn, given.country, given.confirm, date=given.date)
    given.out.write_bytes(content)
    head = PackedTable(given.out).head
    print(f"{given.out}: {len(content)} bytes, of {head.date}, ranges {head.ranges}")


if __name__ == "__main__":
    main()
