"""Does an answer match a known one? The observation names the fingerprint; what it means is said elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from probe.catalogue.fingerprints import Fingerprint, FingerprintKind, load_own_fingerprints

MAX_SUFFIXES = 12
"""Labels of a name that are looked up: deeper ones tell nothing."""
FALSE_POSITIVE = "fp"


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintMatch:
    """The fingerprint that matched, or none. `scope` is its scope and then its countries, separated by spaces."""

    name: str = ""
    scope: str = ""


NO_MATCH = FingerprintMatch()


class FingerprintIndex:
    """Fingerprints sorted by where they are looked for; earlier ones win, false positives over all."""

    def __init__(self, fingerprints: Iterable[Fingerprint]) -> None:
        self._places: dict[tuple[FingerprintKind, str], Fingerprint] = {}
        self._texts: dict[tuple[FingerprintKind, str], list[Fingerprint]] = {}
        """(kind, header) -> those whose text is looked for there."""
        ordered = sorted(fingerprints, key=lambda f: f.scope != FALSE_POSITIVE)  # stable: the rest keeps its order
        for found in ordered:
            if found.pattern is None:
                self._places.setdefault((found.kind, found.value), found)
            else:
                self._texts.setdefault((found.kind, found.header), []).append(found)
        self.headers = frozenset(("location", *(header for _, header in self._texts if header)))
        """Of a response all that `of_page` looks at, in lower case."""
        self.size = len(ordered)

    def of_answer(self, addresses: Sequence[str], cnames: Sequence[str] = ()) -> FingerprintMatch:
        """What the addresses and aliases of a DNS answer match."""
        return _best([*(self._places.get(("address", a)) for a in addresses),
                      *(self._below("cname", name) for name in cnames)])

    def of_page(self, headers: Sequence[tuple[str, str]], title: str, body: bytes) -> FingerprintMatch:
        """What a response matches, by its redirect, its headers, its title or its body."""
        location = next((v for n, v in headers if n.lower() == "location"), "")
        found = [self._below("redirect_host", _host(location)), *self._showing("redirect_prefix", location)]
        found += [f for name, value in headers for f in self._showing("header", value, header=name.lower())]
        found += [*self._showing("title", title), *self._showing("body", body.decode("utf-8", "replace"))]
        return _best(found)

    def of_issuer(self, issuer: str) -> FingerprintMatch:
        """What the issuer of an untrusted certificate matches."""
        return _best(self._showing("issuer", issuer))

    def _below(self, kind: FingerprintKind, name: str) -> Fingerprint | None:
        """The fingerprint of a name or of one above it."""
        labels = name.rstrip(".").lower().split(".")[-MAX_SUFFIXES:]
        names = [".".join(labels[at:]) for at in range(len(labels))]
        return next((f for n in names if (f := self._places.get((kind, n))) is not None), None)

    def _showing(self, kind: FingerprintKind, text: str, *, header: str = "") -> list[Fingerprint]:
        if not text:
            return []
        return [f for f in self._texts.get((kind, header), ()) if f.pattern is not None
                and f.pattern.matches(text) and not _another_host(f, text)]


def _another_host(found: Fingerprint, location: str) -> bool:
    """A prefix that is no more than a host must not match a longer host."""
    if found.kind != "redirect_prefix" or found.pattern is None:
        return False
    prefix = found.pattern.pieces[0]
    return prefix.count("/") == 2 and location[len(prefix) : len(prefix) + 1] not in ("", "/", "?", "#", ":")


def _best(found: Sequence[Fingerprint | None]) -> FingerprintMatch:
    some = [f for f in found if f is not None]
    if not some:
        return NO_MATCH
    chief = next((f for f in some if f.scope == FALSE_POSITIVE), some[0])
    return FingerprintMatch(name=chief.name, scope=" ".join((chief.scope, *chief.countries)))


def _host(location: str) -> str:
    try:
        return (urlsplit(location).hostname or "").lower()
    except ValueError:
        return ""


@dataclass(slots=True)
class _Current:
    index: FingerprintIndex | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_CURRENT = _Current()


def add_fingerprints(more: Iterable[Fingerprint]) -> None:
    """Look for these besides our own, from now on; called once, before the first packet."""
    _CURRENT.index = FingerprintIndex((*load_own_fingerprints(), *more))


def get_index() -> FingerprintIndex:
    """The fingerprints that are looked for: our own, unless `add_fingerprints` added some."""
    with _CURRENT.lock:
        if _CURRENT.index is None:
            _CURRENT.index = FingerprintIndex(load_own_fingerprints())
        return _CURRENT.index
