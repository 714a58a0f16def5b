"""What a list says, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass

MAX_REFUSED_KEPT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEntry:
    """One entry, normalised; texts are bounded."""

    place: int
    """Line in the file; of JSON the number of the entry."""
    hosts: tuple[str, ...] = ()
    whole: bool = True
    """Names below the hosts are meant as well; False where only pages on them are."""
    masks: tuple[str, ...] = ()
    """`x` for `*.x`."""
    urls: tuple[str, ...] = ()
    """As `names.url_of` writes them."""
    networks: tuple[str, ...] = ()
    """Addresses and networks in canonical form."""
    date: str = ""
    """YYYY-MM-DD; empty where the list does not tell."""
    until: str = ""
    authority: str = ""
    decision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedEntry:
    """What could not be read, of a line or in it; the rest is used."""

    place: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDate:
    """When the list says that it was made."""

    time: str


Item = RegisterEntry | RefusedEntry | ListDate
