"""Tables of outages, and those of plug-ins, on the page of a look. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe.upkeep.page.markup import Html, make_tag
from probe_analysis.look.beside_values import LookBeside

MAX_ROWS = 200


def make_beside_tables(beside: LookBeside) -> Iterator[Html]:
    """The rows that sentences about them rest on; nothing where nobody asked."""
    if beside.problems:
        yield make_tag("h2", "Not read")
        yield from (make_tag("p", problem, class_="soft") for problem in beside.problems[:MAX_ROWS])
    for part in beside.parts:
        yield from part.make_tables()
    if beside.outages_asked:
        yield make_look_table("Outages, as others report them", (
            "By", "Countries", "Networks", "Part", "Data", "From (UTC)", "To (UTC)"), [
            make_look_row((one.source, " ".join(one.ccs), " ".join(f"AS{asn}" for asn in one.asns[:20]), one.part,
                       one.signal, f"{one.start:%Y-%m-%d %H:%M}", f"{one.end:%Y-%m-%d %H:%M}" if one.end else ""),
                      f"o{number}")
            for number, one in enumerate(beside.outages)], "outages")


def make_look_row(cells: Sequence[str], anchor: str) -> Html:
    """A row of such a table, with an anchor."""
    return make_tag("tr", [make_tag("td", cell) for cell in cells], id=anchor)


def make_look_table(caption: str, heads: Sequence[str], rows: Sequence[Html], anchor: str | None = None) -> Html:
    """A table that scrolls by itself, with an anchor."""
    body = rows or [make_tag("tr", make_tag("td", "nothing", colspan=len(heads)))]
    table = make_tag("table", make_tag("caption", caption), make_tag("thead", make_tag("tr", [
        make_tag("th", head, scope="col") for head in heads])), make_tag("tbody", body), id=anchor)
    return make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)
