"""What one legal list says of one service: entries with date and number, each once. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from probe_analysis.imported.short_texts import shorten
from probe_analysis.plugins.registers.register_rows import RegisterRow
from probe_analysis.plugins.registers.register_words import LISTED, Register

MAX_MENTIONS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterMention:
    """One entry of a list that names targets of the service in one way."""

    targets: tuple[str, ...]
    match: str
    """A word of `MATCHES` of the registers."""
    listed: str
    date: str
    """YYYY-MM-DD; empty: the list does not tell."""
    until: str
    authority: str
    decision: str
    """Number or reason, as the list writes it."""
    place: int
    """Line; of JSON the number of the entry."""
    shared: str
    """Why the entry may be about somebody else; empty: no such sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSays:
    """One list and what it names."""

    register: str
    title: str
    source: str
    time: str
    """How the list stood then."""
    why: str
    """Why it could not be read; empty: it was."""
    entries: int
    targets: int
    """Targets of the service that were looked for."""
    mentions: tuple[RegisterMention, ...]


def summarise_register(register: Register, rows: Iterable[RegisterRow], service: str, *, source: str, time: str,
                       why: str, entries: int) -> RegisterSays:
    """`rows`: a row for each target of the catalogue; `why`: why the list could not be read."""
    own = [row for row in rows if row.service == service]
    groups: dict[tuple[int, str, str], list[RegisterRow]] = {}
    for row in own:
        if row.standing == LISTED:
            groups.setdefault((row.entry_line, row.match, row.listed), []).append(row)
    mentions = [RegisterMention(
        targets=tuple(row.target_id for row in group), match=match, listed=shorten(listed),
        date=group[0].entry_date, until=shorten(group[0].entry_until), authority=shorten(group[0].authority),
        decision=shorten(group[0].decision), place=place, shared=group[0].shared)
        for (place, match, listed), group in groups.items()]
    return RegisterSays(
        register=register.name, title=register.title, source=shorten(source), time=time, why=shorten(why),
        entries=entries, targets=len(own),
        mentions=tuple(sorted(mentions, key=lambda one: (bool(one.shared), one.date or "9", one.place)))[:MAX_MENTIONS])
