"""The collector's own record of names: since when it has known each, in which network, behind which prefix.

The file `vouched.csv` at the top of a data set, written by whoever gathers it and by no volunteer: since when the
login or key has been known by which a name's runs came, the network that their address belongs to, and a word that is
the same for addresses of one prefix. The address itself is not stored, and a word that could be tried for each prefix
there is would be as good as it: draw words, or make them with a secret that is thrown away. Where there is no such
file, `first-seen.csv` counts, which `probe collect` writes: it knows keys, and where an inbox tells them, the words for
prefixes. `name-origins.csv` beside it says who spoke for a network from elsewhere: nobody is known there meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe.store.archive.name_origins import NAME_ORIGINS_FILE, DaySpan, Elsewhere, is_elsewhere, read_elsewhere
from probe.store.archive.record_files import NAME, read_record_rows

VOUCHED_FILE = "vouched.csv"
FIRST_SEEN_FILE = "first-seen.csv"
PROVEN_FILE = "proven-ages.csv"
COLUMNS = ("probe_id", "since", "asn", "prefix")
_PREFIX = re.compile(r"[A-Za-z0-9._:-]{0,64}", re.ASCII)
_ASN = re.compile(r"\d{0,10}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedName:
    """What the collector says of one name in one network."""

    since: date
    """The first day on which it came."""
    prefix: str
    """A word for the prefix of addresses; empty: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VouchedNames:
    """The whole record."""

    names: Mapping[tuple[str, int], VouchedName]
    """Name and number of the network -> what the collector says; 0: of every network."""
    begin: date
    """The first day in it: of days before it, and of the first days after, it cannot say who was there already."""
    elsewhere: Elsewhere = field(default_factory=dict)

    def find(self, name: str, asn: int, day: date) -> VouchedName | None:
        """The entry of a name in a network on a day; None if the name was elsewhere then."""
        entry = self.names.get((name, asn)) or self.names.get((name, 0))
        return None if entry is None or is_elsewhere(self.elsewhere, (name, asn), day) else entry

    def speaks_of(self, day: date) -> bool:
        """Whether a name could have been in it for long enough on a day."""
        return day >= self.begin + timedelta(days=ESTABLISHED_DAYS)


def read_vouched_names(directory: Path) -> VouchedNames | None:
    """The record at the top of a data set; None where there is none, or nobody in it. Raises StoreError for a file that
    is none.

    A row that comes again counts with its latest day: a name is as old as its weakest proof. Who proved an age
    (`proven-ages.csv`) is as old as that; when the record begins does not follow from it. It also begins where the
    first who came was elsewhere: else a record in which nobody is known would be none.
    """
    vouched, elsewhere = read_record(directory / VOUCHED_FILE), dict[tuple[str, int], Sequence[DaySpan]]()
    if not vouched:
        elsewhere |= read_elsewhere(directory / NAME_ORIGINS_FILE)
    made = vouched or read_record(directory / FIRST_SEEN_FILE)
    days = [*(one.since for one in made.values()), *(spans[0].begin for spans in elsewhere.values())]
    if not days:
        return None
    names = _merge_proven(made, read_record(directory / PROVEN_FILE))
    return VouchedNames(names=names, begin=min(days), elsewhere=elsewhere)


def read_record(path: Path) -> Mapping[tuple[str, int], VouchedName]:
    """The rows of such a file; none where it is not there. Raises StoreError for a file that is none."""
    made: dict[tuple[str, int], VouchedName] = {}
    for key, entry in read_record_rows(path, COLUMNS, _read_row, if_too_large="give a record of these months alone"):
        if key not in made or made[key].since < entry.since:
            made[key] = entry
    return made


def _read_row(row: Mapping[str, str]) -> tuple[tuple[str, int], VouchedName]:
    """Raises ValueError or TypeError for what is none."""
    name, asn, prefix = row["probe_id"], row["asn"], row["prefix"]
    if not (NAME.fullmatch(name) and _ASN.fullmatch(asn) and _PREFIX.fullmatch(prefix)):
        raise ValueError(name)
    return (name, int(asn or 0)), VouchedName(since=date.fromisoformat(row["since"]), prefix=prefix)


def _merge_proven(record: Mapping[tuple[str, int], VouchedName],
                  proven: Mapping[tuple[str, int], VouchedName]) -> dict[tuple[str, int], VouchedName]:
    """A record of names in which those whose age was proved are as old as that. Pure."""
    made = dict(record)
    for key, entry in proven.items():
        before = record.get(key) or record.get((key[0], 0))
        if before is None or entry.since < before.since:
            made[key] = VouchedName(since=entry.since, prefix=before.prefix if before else "")
    return made
