"""What the page shows of each network, whoever measured there: plain values that `report.html` lays out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from probe.core.tables.block_types import BLOCK_TYPES
from probe.upkeep.page.markup import Html
from probe_analysis.pages.engine import render
from probe_analysis.pages.heat import Heat
from probe_analysis.pages.language import ReportLanguage, find_block_type
from probe_analysis.pages.strip_rows import LETTERS
from probe_analysis.pages.tables import Cell, FoldedTable, PageTable, TableSection

MAX_PARTS = 12
"""Networks on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindsLine:
    """A sentence that ends in kinds of blocking: (block type, how much stands behind it)."""

    lead: str
    kinds: Sequence[tuple[str, str]]
    more: str = ""
    is_note: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """A time series, over its numbers and its stretches."""

    title: str
    plot: Html
    numbers: str
    stretches: FoldedTable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleView:
    """The evidence of one verdict."""

    title: str
    facts: Sequence[tuple[str, Cell]]
    operations: PageTable
    more: str
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPanel:
    """One target that was blocked."""

    role: str
    target: str
    stories: Sequence[str]
    weights: Sequence[KindsLine]
    plot: Html
    numbers: str
    caveats: Sequence[str]
    examples: Sequence[ExampleView]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """One service on one network."""

    service: str
    name: str
    states: Collection[str]
    """For the filters."""
    is_open: bool
    """Its charts are not folded away."""
    charts: Sequence[ChartView]
    note: str = ""
    kinds: KindsLine | None = None
    unseen: str = ""
    """What of it nobody can measure without an account."""
    events: Sequence[str] = ()
    events_left: int = 0
    partly: Sequence[Cell] = ()
    panels: Sequence[TargetPanel] = ()
    further: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """One network."""

    name: str
    lab: bool
    scope: str
    findings: Sequence[Cell]
    heat: Heat | None
    heat_note: str
    services: Sequence[ServiceView]
    latest: tuple[str, Sequence[str]] = ("", ())
    """What the latest run says: when it was, and its lines."""
    at_times: FoldedTable | None = None
    folded: Sequence[FoldedTable] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """A whole page."""

    title: str
    parts: Sequence[PartView]
    block_types: Iterable[str]
    """Causes to explain."""
    reading: Sequence[str]
    limits: Sequence[str]
    """Keys of words: how to read the page, and what it cannot tell."""
    events: TableSection | None = None
    together: Sequence[TableSection] = ()
    """What many probes say together."""
    notes: Sequence[str] = ()


def make_document(page: ReportPage, say: ReportLanguage) -> str:
    """The document."""
    services = {one.service: one.name for part in page.parts for one in part.services if one.service}
    states = {state for part in page.parts for one in part.services for state in one.states}
    labs = [part.lab for part in page.parts]
    return render(
        "report.html", say, page=page, kinds=[_explain(name, say) for name in sorted(set(page.block_types))],
        lab_words=("page.lab_whole" if all(labs) else "page.lab_parts") if any(labs) else "", choices=(
            ("network", [(f"n{number}", part.name) for number, part in enumerate(page.parts, start=1)]),
            ("service", sorted(services.items())),
            ("outcome", [(state, say(f"outcome.{state}")) for state in LETTERS if state in states])))


def _explain(name: str, say: ReportLanguage) -> tuple[str, str, str]:
    """One cause, what it means, and what tells it apart; an unknown one by its deepest known ancestor."""
    known = find_block_type(name)
    if known is None:
        return name, say("page.no_explanation"), ""
    near, meaning = BLOCK_TYPES.get(known.nearest), say.meaning(known)
    nearest = f"{say.meaning(near)} ({near.id})" if near else known.nearest
    return (name, f"{meaning[:1].upper()}{meaning[1:]}{say('page.stop')}",
            say("page.told_from", nearest=nearest, test=say.translate(known.test)))
