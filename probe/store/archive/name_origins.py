"""How many of a name's runs were uploaded from the network that they name, and since when most were not.

The file `name-origins.csv` at the top of a data set. `probe collect` writes it where an inbox tells origins; no address
stands there. A name is elsewhere from the day on which most of its runs did not come from the network that they name,
and until the day on which most did again. So a later day changes nothing of an earlier one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from probe.core.tables.origin_words import ORIGIN_WORDS, OriginWord
from probe.store.archive.record_files import NAME, read_record_rows

NAME_ORIGINS_FILE = "name-origins.csv"
COLUMNS = ("probe_id", "asn", *ORIGIN_WORDS, "elsewhere")
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_MOST_SPANS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySpan:
    """Days on which a name was elsewhere."""

    begin: date
    end: date | None
    """The first day on which it was not any more; None: it still is."""

    def holds(self, day: date) -> bool:
        """Whether a day is one of them."""
        return self.begin <= day and (self.end is None or day < self.end)


@dataclass(slots=True, kw_only=True)
class NameOrigins:
    """Of one name in one network."""

    counts: dict[OriginWord, int] = field(default_factory=lambda: dict.fromkeys(ORIGIN_WORDS, 0))
    elsewhere: tuple[DaySpan, ...] = ()

    def settle(self, today: date) -> None:
        """Begins or ends a stay elsewhere, by what was counted. Runs of unknown origin say nothing. Who came and went
        too often stays elsewhere."""
        last = self.elsewhere[-1] if self.elsewhere else None
        is_open = last is not None and last.end is None
        is_now = self.counts["other"] > 0 and self.counts["other"] >= self.counts["same"]
        if is_now and not is_open:
            self.elsewhere = (*self.elsewhere, DaySpan(begin=today, end=None))
        elif last is not None and is_open and not is_now and len(self.elsewhere) < _MOST_SPANS:
            ended = () if last.begin >= today else (DaySpan(begin=last.begin, end=today),)
            self.elsewhere = (*self.elsewhere[:-1], *ended)


Elsewhere = Mapping[tuple[str, int], Sequence[DaySpan]]
"""Name and number of the network -> the days on which most of its runs had come from elsewhere."""


def is_elsewhere(elsewhere: Elsewhere, key: tuple[str, int], day: date) -> bool:
    """Whether a name was elsewhere on a day."""
    return any(span.holds(day) for span in elsewhere.get(key, ()))


def read_elsewhere(path: Path) -> Elsewhere:
    """Those who ever were. Raises StoreError as `read_name_origins`."""
    return {key: origins.elsewhere for key, origins in read_name_origins(path).items() if origins.elsewhere}


def read_name_origins(path: Path) -> dict[tuple[str, int], NameOrigins]:
    """The rows of the file; none where it is not there. Raises StoreError for a file that is none."""
    return dict(read_record_rows(path, COLUMNS, _read_row, if_too_large="move it away, and origins begin anew"))


def _read_row(row: Mapping[str, str]) -> tuple[tuple[str, int], NameOrigins]:
    """Raises ValueError or TypeError for what is none."""
    name, asn, *counts = (row[column] for column in COLUMNS[:-1])
    if not NAME.fullmatch(name) or not all(_NUMBER.fullmatch(text) for text in (asn, *counts)):
        raise ValueError(name)
    spans = str.split(row["elsewhere"])  # TypeError where the row ends before it
    if len(spans) > _MOST_SPANS:
        raise ValueError(name)
    return (name, int(asn)), NameOrigins(counts=dict(zip(ORIGIN_WORDS, map(int, counts), strict=True)),
                                         elsewhere=tuple(map(_read_span, spans)))


def _read_span(text: str) -> DaySpan:
    begin, _, end = text.partition("/")
    return DaySpan(begin=date.fromisoformat(begin), end=date.fromisoformat(end) if end else None)
