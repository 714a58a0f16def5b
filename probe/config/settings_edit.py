"""Writes settings into the text of a TOML file and leaves every other line of it as it was. Pure."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence

from probe.config.settings import SettingsError

Value = str | int | float | bool | Sequence[str]
Tables = Mapping[str, Mapping[str, Value]]

_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_-]+))\s*=""")


def edited(text: str, changes: Tables) -> str:
    """The text with these keys of these tables set.

    Raises SettingsError when the text is no TOML, or so unusual that the result would not say what it should.
    """
    before = _parsed(text)
    lines = text.removesuffix("\n").split("\n") if text else []
    for table, values in changes.items():
        start, end = _span(lines, table)
        if start < 0:
            lines += [*([""] if lines and lines[-1].strip() else []), f"[{table}]"]
            start, end = len(lines) - 1, len(lines)
        for key, value in values.items():
            end += _set(lines, start, end, key, value)
    result = "\n".join(lines) + "\n"
    try:
        right = tomllib.loads(result) == _merged(before, changes)
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        raise SettingsError("is written in a way that cannot be changed safely: edit it by hand, or move it away and "
                            "start with a new one")
    return result


def toml_value(value: Value) -> str:
    """A value in TOML; JSON's strings are TOML's but for DEL, which TOML wants escaped."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(toml_value(item) for item in value)}]"


def _parsed(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"is no TOML: {error}") from None


def _merged(before: Mapping[str, object], changes: Tables) -> dict[str, object]:
    merged = dict(before)
    for table, values in changes.items():
        old = before.get(table, {})
        plain = {k: v if isinstance(v, str | int | float) else list(v) for k, v in values.items()}
        merged[table] = {**(old if isinstance(old, dict) else {}), **plain}
    return merged


def _span(lines: Sequence[str], table: str) -> tuple[int, int]:
    """(line of the table's header, line after its last that is not blank); (-1, -1) when it is not there."""
    start = next((n for n, line in enumerate(lines) if (m := _HEADER.match(line)) and m[1] == table
                  and not line.lstrip().startswith("[[")), -1)
    if start < 0:
        return -1, -1
    end = start + 1
    while end < len(lines) and not _HEADER.match(lines[end]):
        end = _value_end(lines, end) if _KEY.match(lines[end]) else end + 1
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    return start, end


def _set(lines: list[str], start: int, end: int, key: str, value: Value) -> int:
    """Put the key between the header and the table's end; how many lines the table has grown by."""
    new, at = f"{key} = {toml_value(value)}", start + 1
    while at < end:
        found = _KEY.match(lines[at])
        after = min(_value_end(lines, at), end) if found else at + 1
        if found and key in found.groups():
            grown = 1 - (after - at)
            lines[at:after] = [new + _comment(lines[at])] if after == at + 1 else [new]
            return grown
        at = after
    lines.insert(end, new)
    return 1


def _value_end(lines: Sequence[str], at: int) -> int:
    """Line after the value that begins here; values may go over several lines."""
    for end in range(at + 1, min(len(lines), at + 1000) + 1):
        try:
            tomllib.loads("\n".join(lines[at:end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return at + 1


def _comment(line: str) -> str:
    """A person's remark behind a value, where it is plain that it is one."""
    _, mark, remark = line.rpartition("  #")
    return f"  #{remark}" if mark and not set(remark) & set("\"'") else ""
