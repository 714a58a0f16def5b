"""Sentences and a table about application stores, beside the measurements of a look. None of them convicts. Pure.

A store does not tell by whose wish an application is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from probe_analysis.look.beside_sentences import MAX_TOLD
from probe_analysis.look.beside_tables import MAX_ROWS, make_look_table
from probe_analysis.look.look_values import LookData, LookSentence
from probe_analysis.pages.language import ENGLISH
from probe_analysis.pages.tables import PageTable, TableRow
from probe_analysis.plugins.stores.store_listings import StoreListing
from probe_analysis.tables.store_states import ABSENT, BLOCKED, IN, REASONS

OLD = timedelta(days=14)
"""A check of a store that is older is told as it was then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoresPart:
    """How the applications of the service stand in the storefront of the country."""

    stores: tuple[StoreListing, ...] = ()
    stores_asked: bool = False

    def make_sentences(self, data: LookData) -> Iterator[LookSentence]:
        """Of each application what the latest check says."""
        if not self.stores_asked:
            return
        where = f"the storefront of {data.subject.cc}"
        if not self.stores:
            yield LookSentence(topic="stores", rows=("stores",), text=(
                f"Nobody asked for applications of {data.subject.title} in {where}."))
        for number, one in enumerate(self.stores[:MAX_TOLD]):
            asked = f"{one.store}, {one.app}, asked from {one.probe_cc}"
            old = "" if data.now - one.checked <= OLD else " Nobody has asked since."
            yield LookSentence(topic="stores", rows=(f"t{number}",),
                               text=f"{asked}: {_describe_state(one, where)}.{old}")
        if len(self.stores) > MAX_TOLD:
            yield LookSentence(topic="stores", rows=("stores",), text=(
                f"{len(self.stores) - MAX_TOLD} more applications are in the table."))

    def make_tables(self) -> Iterator[PageTable]:
        """A row for each application."""
        if self.stores_asked:
            yield make_look_table("Application stores", (
                "Store", "Application", "Asked from", "State", "Reason", "Last check (UTC)", "Checks"), [
                TableRow(anchor=f"t{number}", cells=(
                    one.store, one.app, one.probe_cc, one.state.replace("_", " "), one.reason.replace("_", " "),
                    f"{one.checked:%Y-%m-%d %H:%M}", str(one.checks)))
                for number, one in enumerate(self.stores[:MAX_ROWS])], "stores")


def _describe_state(one: StoreListing, where: str) -> str:
    when = ENGLISH.moment(one.checked)
    if one.state == IN:
        return f"{where} showed it on {when}"
    if one.state == ABSENT and one.removed_from and one.removed_until:
        return (f"it was removed from {where} between {ENGLISH.moment(one.removed_from)} and "
                f"{ENGLISH.moment(one.removed_until)}; by whose wish, the store does not tell")
    if one.state == ABSENT:
        return f"{where} did not show it on {when}, which is no removal: it may never have been there"
    if one.state == BLOCKED:
        return f"the store itself could not be reached on {when}; what it offers is not known"
    meaning = REASONS[one.reason][0] if one.reason in REASONS else "nothing was answered"
    return f"it is not known whether {where} shows it: {meaning} ({when})"
