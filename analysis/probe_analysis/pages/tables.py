"""Tables of every page as plain values, which one template lays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell with more than one text: its parts in their order; empty ones are left out."""

    strong: str = ""
    text: str = ""
    href: str = ""
    """Where the text leads."""
    net: str = ""
    """A text that came from the network, cut, and isolated from the direction of what stands around it."""
    code: str = ""
    net_code: str = ""
    """The same of the network's."""
    tail: str = ""
    aside: str = ""
    ids: str = ""
    lines: Sequence[str] = ()
    notes: Sequence[str] = ()
    css: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row; a number is told apart from a text by its type."""

    cells: Sequence[Cell | str | int]
    group: str = ""
    """A heading above it."""
    anchor: str = ""
    css: str = ""
    service: str | None = None
    """For the filters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """A table that scrolls by itself."""

    title: str
    heads: Sequence[str]
    rows: Sequence[TableRow]
    css: str = ""
    anchor: str = ""
    is_headed: bool = True
    """The first cell of each row names it."""
    shows_title: bool = False
    """Else the title is for screen readers alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSection:
    """A section of a page with a table, and notes above and below it."""

    anchor: str
    table: PageTable
    note: str = ""
    notes: Sequence[str] = ()
    none: str = ""
    """What stands in the place of a table without rows."""
    folded: FoldedTable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedTable:
    """A table that opens when somebody wants it."""

    summary: str
    table: PageTable
    note: str = ""
    notes: Sequence[str] = ()


def make_rows(rows: Sequence[Sequence[Cell | str | int]]) -> list[TableRow]:
    """Rows of nothing but their cells."""
    return [TableRow(cells=cells) for cells in rows]
