"""Lists in XML: the Russian register, the Polish one. Read piece by piece; documents with a DTD are refused."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from xml.parsers import expat

from probe_analysis.imported.short_texts import shorten
from probe_analysis.plugins.registers.entry_collector import MAX_ITEMS, CollectedEntries
from probe_analysis.plugins.registers.register_names import parse_day, parse_time
from probe_analysis.plugins.registers.register_types import Item, ListDate, RefusedEntry

MAX_TEXT = 8192
"""Of one element."""
_PIECE = 1 << 16
_MAX_DEPTH = 20


class _WithDtd(Exception):
    """A document that declares what it means by itself: entities can make it grow without end."""


class _Reader:
    """Hears elements, and makes an entry of each that is one."""

    entry_of = ""
    """The element that is an entry."""

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._depth = 0
        self._texts: list[str] = []
        self._length = 0
        self._entry: dict[str, str] | None = None
        self._place = 0
        self._parts: dict[str, list[str]] = {}

    def _doctype(self, *_: object) -> None:
        raise _WithDtd

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _WithDtd
        local = name.rpartition(":")[2]
        self._texts, self._length = [], 0
        if self._depth == 1:
            self.root(attributes)
        elif local == self.entry_of:
            self._entry, self._parts, self._place = attributes, {}, self.parser.CurrentLineNumber
        elif self._entry is not None:
            for key, value in attributes.items():
                self._keep(f"{local}.{key}", value)

    def _text(self, text: str) -> None:
        if self._entry is not None and self._length < MAX_TEXT:
            self._texts.append(text[:MAX_TEXT])
            self._length += len(text)

    def _end(self, name: str) -> None:
        self._depth -= 1
        local = name.rpartition(":")[2]
        if self._entry is None:
            return
        if local == self.entry_of:
            self.items.extend(self.entry(self._entry, CollectedEntries(place=self._place)))
            self._entry = None
        else:
            self._keep(local, "".join(self._texts))
            self._texts = []

    def _keep(self, key: str, value: str) -> None:
        kept = self._parts.setdefault(key, [])
        if len(kept) < MAX_ITEMS and len(self._parts) < 50:
            kept.append(value.strip())

    def part(self, *keys: str) -> list[str]:
        """What elements of these names held, or attributes `element.name`."""
        return [text for key in keys for text in self._parts.get(key, ())]

    def root(self, attributes: dict[str, str]) -> None:
        """Called for the first element."""

    def entry(self, attributes: dict[str, str], found: CollectedEntries) -> Iterator[Item]:
        """The items of an entry that has ended."""
        raise NotImplementedError


class _Rkn(_Reader):
    """`content` of the register that providers get; `blockType` says how far an entry reaches."""

    entry_of = "content"

    def root(self, attributes: dict[str, str]) -> None:
        self.items.append(ListDate(time=parse_time(attributes.get("updateTime", ""))))

    def entry(self, attributes: dict[str, str], found: CollectedEntries) -> Iterator[Item]:
        kind = attributes.get("blockType", "default")
        found.names((f"*.{name.removeprefix('*.')}" for name in self.part("domain")) if kind == "domain-mask"
                    else self.part("domain"))
        found.pages(self.part("url"))
        found.addresses(self.part("ip", "ipSubnet", "ipv6", "ipv6Subnet"))  # beside names: where those led
        decision = next(iter(self.part("decision.number")), "")
        dates = [attributes.get("includeTime", ""), *self.part("decision.date")]
        yield from found.entry(
            whole=kind in ("domain", "domain-mask"), date=next(filter(None, map(parse_day, dates)), ""),
            authority=shorten(next(iter(self.part("decision.org")), "")), decision=shorten(decision))


class _Hazard(_Reader):
    """The Polish register; what was struck from it is left out."""

    entry_of = "PozycjaRejestru"

    def entry(self, attributes: dict[str, str], found: CollectedEntries) -> Iterator[Item]:
        if any(self.part("DataWykreslenia")):
            return
        found.names(self.part("AdresDomeny"))
        yield from found.entry(date=next(filter(None, map(parse_day, self.part("DataWpisu"))), ""))


def read_rkn(raw: bytes) -> Iterator[Item]:
    """The Russian register as XML."""
    return _read(_Rkn(), raw)


def read_hazard(raw: bytes) -> Iterator[Item]:
    """The Polish register as XML."""
    return _read(_Hazard(), raw)


def _read(reader: _Reader, raw: bytes) -> Iterator[Item]:
    for start in range(0, len(raw) or 1, _PIECE):
        try:
            reader.parser.Parse(raw[start:start + _PIECE], start + _PIECE >= len(raw))
        except (_WithDtd, expat.ExpatError, ValueError, LookupError) as error:
            yield from reader.items
            place = reader.parser.CurrentLineNumber
            why = "declares a document type or nests deeply" if isinstance(error, _WithDtd) else "is no proper XML"
            yield RefusedEntry(place=place, reason=f"{why}; what comes after it is not read")
            return
        while reader.items:
            yield reader.items.popleft()
