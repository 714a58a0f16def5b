"""Lists that are lines: the dump of the Russian register, plain lists, tables of one's own. Bounded; never raises."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

from probe_analysis.imported.short_texts import shorten
from probe_analysis.plugins.registers.entry_collector import CollectedEntries
from probe_analysis.plugins.registers.register_names import parse_day, parse_time
from probe_analysis.plugins.registers.register_types import Item, ListDate, RefusedEntry

MAX_LINE_BYTES = 4 << 20
_FIELDS = 6
_HOSTS_FILE = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?)[ \t]+(\S+)")
_TABLE_COLUMNS = frozenset(("host", "url", "address", "date", "until", "authority", "decision"))


def read_zi(raw: bytes) -> Iterator[Item]:
    """The dump of the zapret-info project. Fields of the end are counted from the end: a URL may hold a semicolon."""
    for place, line in read_lines(raw):
        text = line.decode("cp1251", "replace").strip("\r\n")
        if place == 1 and text.startswith("Updated:"):
            yield ListDate(time=parse_time(text.removeprefix("Updated:")))
            continue
        if not text.strip():
            continue
        fields = text.split(";")
        if len(fields) < _FIELDS:
            yield RefusedEntry(place=place, reason=f"has {len(fields)} fields, and wants {_FIELDS}")
            continue
        found = CollectedEntries(place=place)
        found.addresses(fields[0].split("|"))
        found.names(fields[1].split("|"))
        found.pages(_unquote(";".join(fields[2:-3])).split(" | "))
        yield from found.entry(date=parse_day(_unquote(fields[-1])), authority=shorten(_unquote(fields[-3])),
                               decision=shorten(_unquote(fields[-2])))


def _unquote(text: str) -> str:
    return text.strip().strip('"').strip()


def read_list(raw: bytes) -> Iterator[Item]:
    """One name, mask, URL, address or network a line, also behind the address of a hosts file."""
    for place, line in read_lines(raw):
        text = line.decode("utf-8-sig", "replace").partition("#")[0].strip()
        if not text or text.startswith("!"):
            continue
        hosts_line = _HOSTS_FILE.match(text)
        found = CollectedEntries(place=place)
        if hosts_line:
            found.names([hosts_line[1]])
        else:
            found.anything(text.split()[0])
        yield from found.entry()


def read_table(raw: bytes) -> Iterator[Item]:
    """A CSV file with a header that names the columns it has."""
    header: list[str] = []
    rows = csv.reader(_texts(raw))
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:  # a cell that is too long, a NUL
            yield RefusedEntry(place=rows.line_num, reason="is no CSV")
            continue
        if not any(cell.strip() for cell in row):
            continue
        if not header:
            header = [cell.strip().lower() for cell in row]
            if not {"host", "url", "address"} & set(header):
                yield RefusedEntry(place=rows.line_num, reason="the header names neither host, url nor address")
                return
            continue
        if len(row) != len(header):
            yield RefusedEntry(place=rows.line_num, reason=f"has {len(row)} cells, the header has {len(header)}")
            continue
        cells = {name: cell for name, cell in zip(header, row, strict=True) if name in _TABLE_COLUMNS}
        found = CollectedEntries(place=rows.line_num)
        found.names(cells.get("host", "").split())
        found.pages(cells.get("url", "").split())
        found.addresses(cells.get("address", "").split())
        yield from found.entry(date=parse_day(cells.get("date", "")), until=shorten(cells.get("until", "")),
                               authority=shorten(cells.get("authority", "")),
                               decision=shorten(cells.get("decision", "")))


def _texts(raw: bytes) -> Iterable[str]:
    for _, line in read_lines(raw):
        yield line.decode("utf-8-sig", "replace").replace("\0", "\ufffd") + "\n"


def read_lines(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line); what is longer than any line of a list is cut there."""
    place = start = 0
    while start < len(raw):
        end = raw.find(b"\n", start)
        end = len(raw) if end < 0 else end
        place += 1
        yield place, raw[start:min(end, start + MAX_LINE_BYTES)].rstrip(b"\r")
        start = end + 1
