r"""How a value becomes the text of a CSV cell and back, exactly.

Texts from the network are hostile: they must neither move a terminal's cursor, nor turn a line around, nor be
run by a spreadsheet. So in every text

- `\` starts an escape: `\\`, `\n`, `\r`, `\t`, `\xNN`, `\uNNNN`, and `\e` for an empty text where an empty cell
  would mean none. Control characters, bidirectional marks and overrides, line and paragraph separators, byte-order
  marks and lone surrogates are always escaped; so each row is one line.
- a list is joined by `;` (within an item `\x3b`), a pair by `=` (within a text of the pair `\x3d`); an empty item
  is `\e`.
- a cell that a spreadsheet would take for a formula begins with an apostrophe, and so does one that began with an
  apostrophe; one apostrophe is taken off on reading. After a `;`, where some spreadsheets split, a formula's first
  character is written `\xNN`.

Numbers are bare, booleans `true` and `false`, none is the empty cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import cast

from probe.core.visible_text import escape_character, visible
from probe.store.row_codec import Value
from probe.store.schema import Column, Kind

_FORMULA_START = re.compile(r"^\s*[=+\-@'\uff1d\uff0b\uff0d\uff20]")
_FORMULA_INSIDE = re.compile(r"(?<=;)(\s*)([=+\-@\uff1d\uff0b\uff0d\uff20])")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.?))", re.DOTALL)
_MEANT = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t", "e": ""}
_EMPTY = r"\e"


def make_encodable(value: Value) -> str:
    r"""The text with each half of a surrogate pair, which UTF-8 cannot hold, written as `\udNNN`."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def encode(value: Value, column: Column) -> str:
    """The cell of a value; what `decode` turns back into an equal value."""
    if value is None:
        return ""
    if column.kind in _NUMERIC:
        return _NUMERIC[column.kind](value)
    text = (_WRITERS[column.kind](value) if value else "") or (_EMPTY if column.nullable else "")
    if not text:
        return ""
    if ";" in text:
        text = _FORMULA_INSIDE.sub(lambda match: match[1] + escape_character(match[2]), text)
    return "'" + text if _FORMULA_START.match(text) else text


def decode(cell: str, column: Column) -> Value:
    """The value of a cell; ValueError when it holds none of the column's kind."""
    if cell == "" and column.nullable:
        return None
    return _READERS[column.kind](cell.removeprefix("'"))


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_meant, text) if "\\" in text else text


def _meant(match: re.Match[str]) -> str:
    if code := match[1] or match[2]:
        return chr(int(code, 16))
    if (char := match[3]) not in _MEANT:
        raise ValueError(f"unknown escape \\{char}")
    return _MEANT[char]


def _text(value: Value) -> str:
    return visible(str(value).replace("\\", "\\\\"))


def _item(text: str | int) -> str:
    return _text(text).replace(";", r"\x3b") or _EMPTY


def _pair(pair: tuple[str, str]) -> str:
    key, value = (_item(text).replace("=", r"\x3d") for text in pair)
    if key.isspace():  # a blank before the `=` would read like a formula
        key = "".join(map(escape_character, key))
    return f"{key}={value}"


def _items(value: Value) -> str:
    return ";".join(map(_item, cast("tuple[str | int, ...]", value)))


def _pairs(value: Value) -> str:
    return ";".join(map(_pair, cast("tuple[tuple[str, str], ...]", value)))


def _split(cell: str) -> list[str]:
    return cell.split(";") if cell else []


def _read_pair(item: str) -> tuple[str, str]:
    key, value = item.split("=")
    return _unescape(key), _unescape(value)


def _read_integer(cell: str) -> int:
    if not -(1 << 63) <= (value := int(cell)) < 1 << 63:
        raise ValueError(f"no integer of 64 bits: {cell[:24]!r}")
    return value


def _read_boolean(cell: str) -> bool:
    if cell not in ("true", "false"):
        raise ValueError(f"neither true nor false: {cell[:20]!r}")
    return cell == "true"


_NUMERIC: Mapping[Kind, Callable[[Value], str]] = {
    Kind.INTEGER: str,
    Kind.NUMBER: lambda value: repr(float(cast(float, value))),
    Kind.BOOLEAN: lambda value: "true" if value else "false",
}

_WRITERS: Mapping[Kind, Callable[[Value], str]] = {
    Kind.TEXT: _text,
    Kind.TIME: _text,
    Kind.TEXTS: _items,
    Kind.INTEGERS: _items,
    Kind.PAIRS: _pairs,
}

_READERS: Mapping[Kind, Callable[[str], Value]] = {
    Kind.TEXT: _unescape,
    Kind.TIME: _unescape,
    Kind.INTEGER: _read_integer,
    Kind.NUMBER: float,
    Kind.BOOLEAN: _read_boolean,
    Kind.TEXTS: lambda cell: tuple(map(_unescape, _split(cell))),
    Kind.INTEGERS: lambda cell: tuple(_read_integer(_unescape(item)) for item in _split(cell)),
    Kind.PAIRS: lambda cell: tuple(map(_read_pair, _split(cell))),
}
