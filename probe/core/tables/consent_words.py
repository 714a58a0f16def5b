"""What a run sends at each level of consent, in words that a volunteer understands; the consent text uses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from probe.core.tables.handshakes import HANDSHAKES
from probe.core.tables.table_file import read_table

TEXT_NUMBER = 6
"""Number of the consent text. Whoever changes what it says raises it: everybody is asked at the next set-up."""
TEXTS_IN_FORCE = (5, TEXT_NUMBER)
"""Whoever agreed to one of these goes on as agreed: what a later text added is not sent (`Sent.since`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One sort of traffic: its word in a consent record, the level that it takes, and what it is."""

    word: str
    level: int
    meaning: str
    protocols: tuple[str, ...] = ()
    """Of `probe.core.tables.protocols`: what is spoken only where this was agreed to."""
    shapes: tuple[str, ...] = ()
    """Of `probe.core.tables.shapes`, in the same way."""
    since: int = 5
    """The first text in force that names it."""
    by_profile: bool = False
    """Whether the country's profile decides if it is sent, asked for or left out."""


_OF_HANDSHAKES: Mapping[str, bool] = MappingProxyType({"greetings": False, "first_words": True})
"""Words for first words of messengers -> whether for those that mark their sender, or for the others."""


def _read_sent() -> Iterator[Sent]:
    for row in read_table(Path(__file__).with_name("consent_words.csv"), Sent, lists=("protocols", "shapes")):
        marks = _OF_HANDSHAKES.get(row.word)
        yield row if marks is None else replace(row, protocols=tuple(
            one.protocol for one in HANDSHAKES.values() if one.marks_sender is marks))


SENT: tuple[Sent, ...] = tuple(_read_sent())

LEVELS: Mapping[int, str] = MappingProxyType({
    1: "everyday: what opening the messengers' web pages sends",
    2: "sensitive: to an observer you seem to use the apps themselves",
    3: "exposing: traffic that an observer who looks for it knows for a measurement or for circumvention",
})

CONCERNED: Mapping[str, str] = MappingProxyType({
    "household": "everybody who uses this line: suspicion may fall on them",
    "employer": "your employer, school or host, if the line or the device is theirs",
    "owner": "the owner of the line, whose name is on the contract",
})


def list_sent(level: int, *, text: int = TEXT_NUMBER, by_profile: bool = False) -> tuple[str, ...]:
    """The words of everything that a run may send at this level by this text; `by_profile`: also of what the country's
    profile decides."""
    return tuple(row.word for row in SENT
                 if row.level <= level and row.since <= text and (by_profile or not row.by_profile))
