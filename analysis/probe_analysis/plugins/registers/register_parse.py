"""From the bytes of a list to its items, unpacked where they are packed. Bounded; raises for no content."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from probe_analysis.plugins.registers.json_lists import read_json
from probe_analysis.plugins.registers.register_types import Item, RefusedEntry
from probe_analysis.plugins.registers.text_lists import read_list, read_table, read_zi
from probe_analysis.plugins.registers.xml_lists import read_hazard, read_rkn

MAX_BYTES = 192 << 20
"""The largest known list has some tens of megabytes."""
MAX_ENTRIES = 5_000_000
MAX_REFUSED = 100_000
"""So many, and more than were read: the list has another form, and its millions of lines are not gone through."""
READERS: Mapping[str, Callable[[bytes], Iterator[Item]]] = {
    "zi": read_zi, "rkn": read_rkn, "json": read_json, "hazard": read_hazard, "list": read_list, "table": read_table,
}
"""Form -> reader."""
_GZIP = b"\x1f\x8b"


def read_items(raw: bytes, form: str) -> Iterator[Item]:
    """The items of a list of this form (a word of `probe_analysis.plugins.registers.register_words.FORMS`)."""
    if raw.startswith(_GZIP):
        raw, why = _unpack(raw)
        if why:
            yield RefusedEntry(place=0, reason=why)
    items = _stop_at_nonsense(READERS[form](raw))
    yield from islice(items, MAX_ENTRIES)
    if next(items, None) is not None:
        yield RefusedEntry(place=0, reason=f"has more than {MAX_ENTRIES} entries; what comes after them is not read")


def _stop_at_nonsense(items: Iterator[Item]) -> Iterator[Item]:
    read = refused = 0
    for item in items:
        yield item
        if not isinstance(item, RefusedEntry):
            read += 1
            continue
        refused += 1
        if refused >= MAX_REFUSED and refused > read:
            yield RefusedEntry(place=0, reason=f"is refused in {refused} places and read in {read}; what comes after "
                                               "them is not read")
            return


def _unpack(raw: bytes) -> tuple[bytes, str]:
    """(what could be unpacked, what was wrong)."""
    unpack = zlib.decompressobj(wbits=31)
    try:
        made = unpack.decompress(raw, MAX_BYTES)
    except zlib.error:
        return b"", "is packed, and damaged"
    if unpack.eof:
        return made, ""
    return made, "unpacked it is too large, or cut off; what comes after it is not read"
