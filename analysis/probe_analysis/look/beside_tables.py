"""Tables of outages, and those of plug-ins, on the page of a look. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe_analysis.look.beside_values import LookBeside
from probe_analysis.pages.tables import PageTable, TableRow

MAX_ROWS = 200


def list_beside_tables(beside: LookBeside) -> Iterator[PageTable]:
    """The rows that sentences about them rest on; nothing where nobody asked."""
    for part in beside.parts:
        yield from part.make_tables()
    if beside.outages_asked:
        yield make_look_table("Outages, as others report them", (
            "By", "Countries", "Networks", "Part", "Data", "From (UTC)", "To (UTC)"), [
            TableRow(anchor=f"o{number}", cells=(
                one.source, " ".join(one.ccs), " ".join(f"AS{asn}" for asn in one.asns[:20]), one.part, one.signal,
                f"{one.start:%Y-%m-%d %H:%M}", f"{one.end:%Y-%m-%d %H:%M}" if one.end else ""))
            for number, one in enumerate(beside.outages)], "outages")


def make_look_table(caption: str, heads: Sequence[str], rows: Sequence[TableRow], anchor: str = "") -> PageTable:
    """A table with an anchor, whose rows have no heads."""
    return PageTable(title=caption, heads=heads, rows=rows, anchor=anchor, is_headed=False, shows_title=True)
