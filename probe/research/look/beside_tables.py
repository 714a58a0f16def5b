"""Tables of legal lists, application stores and outages on the page of a look. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probe.research.look.beside_values import LookBeside, RegisterSays
from probe.research.report.markup import Html, make_tag

MAX_ROWS = 200


def make_beside_tables(beside: LookBeside) -> Iterator[Html]:
    """The rows that sentences about them rest on; nothing where nobody asked."""
    if beside.problems:
        yield make_tag("h2", "Not read")
        yield from (make_tag("p", problem, class_="soft") for problem in beside.problems[:MAX_ROWS])
    for number, register in enumerate(beside.registers):
        yield make_look_table(f"{register.title} ({register.source})", (
            "Entry", "Date", "Until", "Who decided, as it says", "Number or reason", "Lists", "Match", "Targets",
            "May be about somebody else"), list(_list_mentions(number, register)), f"r{number}")
    if beside.stores_asked:
        yield make_look_table("Application stores", (
            "Store", "Application", "Asked from", "State", "Reason", "Last check (UTC)", "Checks"), [
            _make_row((one.store, one.app, one.probe_cc, one.state.replace("_", " "), one.reason.replace("_", " "),
                       f"{one.checked:%Y-%m-%d %H:%M}", str(one.checks)), f"t{number}")
            for number, one in enumerate(beside.stores[:MAX_ROWS])], "stores")
    if beside.outages_asked:
        yield make_look_table("Outages, as others report them", (
            "By", "Countries", "Networks", "Part", "Data", "From (UTC)", "To (UTC)"), [
            _make_row((one.source, " ".join(one.ccs), " ".join(f"AS{asn}" for asn in one.asns[:20]), one.part,
                       one.signal, f"{one.start:%Y-%m-%d %H:%M}", f"{one.end:%Y-%m-%d %H:%M}" if one.end else ""),
                      f"o{number}")
            for number, one in enumerate(beside.outages)], "outages")


def _list_mentions(number: int, register: RegisterSays) -> Iterator[Html]:
    for at, one in enumerate(register.mentions):
        yield _make_row((str(one.place), one.date, one.until, one.authority, one.decision, one.listed, one.match,
                         " ".join(one.targets), one.shared), f"r{number}m{at}")


def _make_row(cells: Sequence[str], anchor: str) -> Html:
    return make_tag("tr", [make_tag("td", cell) for cell in cells], id=anchor)


def make_look_table(caption: str, heads: Sequence[str], rows: Sequence[Html], anchor: str | None = None) -> Html:
    """A table that scrolls by itself, with an anchor."""
    body = rows or [make_tag("tr", make_tag("td", "nothing", colspan=len(heads)))]
    table = make_tag("table", make_tag("caption", caption), make_tag("thead", make_tag("tr", [
        make_tag("th", head, scope="col") for head in heads])), make_tag("tbody", body), id=anchor)
    return make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)
