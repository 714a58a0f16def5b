"""A catalogue of translations in the format of GNU gettext (.po), read as it stands: nothing is compiled at build time.

It is part of the package, so it is trusted. What is marked `fuzzy` counts as not translated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_LINE = re.compile(r'(msgid_plural|msgid|msgstr)?(?:\[(\d)\])?\s*"(.*)"')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t"}
_PLURAL = re.compile(r"nplurals=\d+;\s*plural=([^;\n]+)")


def _germanic(n: int) -> int:
    return int(n != 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoCatalogue:
    """The translations of one language."""

    messages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """English text (of a count: that for one) -> its translation, of a count: one for each plural form."""
    choose_form: Callable[[int], int] = _germanic
    """Which plural form a number takes."""

    @property
    def digest(self) -> str:
        """SHA-256 of what is said, whatever order and comments the file has."""
        import hashlib

        rows = ("\0".join((said, *self.messages[said])) for said in sorted(self.messages))
        return hashlib.sha256("\0\0".join(rows).encode()).hexdigest()


def read_po(path: str) -> PoCatalogue:
    """The catalogue in a file. Raises OSError."""
    messages: dict[str, tuple[str, ...]] = {}
    choose_form: Callable[[int], int] = _germanic
    with open(path, encoding="utf-8") as file:
        entries = file.read().split("\n\n")
    for entry in entries:
        parts = _read_entry(entry)
        said = parts.pop("msgid", "")
        parts.pop("msgid_plural", "")
        forms = tuple(parts[key] for key in sorted(parts))
        if said and all(forms):
            messages[said] = forms
        elif found := _PLURAL.search("".join(forms)):
            choose_form = _compile_plural(found[1])
    return PoCatalogue(messages=messages, choose_form=choose_form)


def _read_entry(entry: str) -> dict[str, str]:
    """Keyword (`msgstr[n]` as `msgstrn`) -> text; empty for comments, and for what is fuzzy."""
    parts: dict[str, str] = {}
    key = ""
    for line in entry.splitlines():
        if line.startswith("#, ") and "fuzzy" in line:
            return {}
        found = None if line.startswith("#") else _LINE.fullmatch(line)
        if found:
            key = f"{found[1]}{found[2] or ''}" if found[1] else key
            parts[key] = parts.get(key, "") + _unescape(found[3])
    return parts


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)


def _compile_plural(rule: str) -> Callable[[int], int]:
    from gettext import c2py

    return c2py(rule)
