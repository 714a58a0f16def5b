"""Writes settings into the text of a TOML file and leaves every other line of it as it was. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from probe.config.settings import SettingsError
from probe.core.translation import say

if TYPE_CHECKING:  # only whoever edits settings loads it
    from tomlkit import TOMLDocument
    from tomlkit.items import Array

Value = str | int | float | bool | Sequence[str]
Tables = Mapping[str, Mapping[str, Value]]
AddedTables = Mapping[str, Sequence[Mapping[str, Value]]]
"""Name -> tables that are to be added behind those of this name."""
NOTHING_ADDED: AddedTables = {}


def edit_settings(text: str, changes: Tables, added: AddedTables = NOTHING_ADDED) -> str:
    """The text with these keys of these tables set, and tables added; comments, order and spelling of all else stay.

    Raises SettingsError when the text is no TOML, or when a table's name stands for something else in it.
    """
    from tomlkit import dumps, parse
    from tomlkit.exceptions import TOMLKitError

    before = _parse(text)
    wanted = _merge(before, changes, added)
    try:
        document = parse(text if not text or text.endswith("\n") else text + "\n")
        for table, values in changes.items():
            _set_values(document, table, values, _table(before, table))
        for table, several in added.items():
            _add_tables(document, table, several)
        result = dumps(document)
        right = tomllib.loads(result) == wanted
    except (TOMLKitError, tomllib.TOMLDecodeError):
        right = False
    if not right:
        raise SettingsError(say("is written in a way that cannot be changed safely: edit it by hand, or move it "
                                "away and start with a new one"))
    return result


def _parse(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"is no TOML: {error}") from None


def _merge(before: Mapping[str, object], changes: Tables, added: AddedTables) -> dict[str, object]:
    return {**before,
            **{table: {**_table(before, table), **_plain_keys(values)} for table, values in changes.items()},
            **{table: [*_tables(before, table), *map(_plain_keys, several)] for table, several in added.items()}}


def _table(read: Mapping[str, object], name: str) -> dict[str, object]:
    table = read.get(name, {})
    if not isinstance(table, dict):
        raise SettingsError(say("has something else than a table by the name of {name}: edit it by hand", name=name))
    return table


def _tables(read: Mapping[str, object], name: str) -> list[object]:
    tables = read.get(name, [])
    if not isinstance(tables, list):
        raise SettingsError(say("has something else than tables by the name of {name}: edit it by hand", name=name))
    return tables


def _plain_keys(values: Mapping[str, Value]) -> dict[str, object]:
    return {key: _plain(value) for key, value in values.items()}


def _plain(value: Value) -> str | int | float | list[str]:
    return value if isinstance(value, str | int | float) else list(value)


def _set_values(document: TOMLDocument, table: str, values: Mapping[str, Value], read: Mapping[str, object]) -> None:
    """Set the keys of the table, which until now reads as `read`."""
    from tomlkit import nl
    from tomlkit import table as new_table
    from tomlkit.items import Array, Table

    if table not in document:
        if (text := document.as_string()) and not text.endswith("\n\n"):
            document.add(nl())
        document.add(table, new_table())
    inside = document[table]
    if isinstance(inside, Table) and inside.is_super_table():  # its header's remark is a copy of the first one's below
        inside.trivia.comment_ws = inside.trivia.comment = ""
    for key, value in values.items():
        old, wanted = inside.get(key), _plain(value)
        if type(read.get(key)) is type(wanted) and read[key] == wanted:
            continue
        if not (isinstance(old, Array) and isinstance(wanted, list) and _items_set(old, wanted)):
            inside[key] = wanted


def _add_tables(document: TOMLDocument, name: str, added: Sequence[Mapping[str, Value]]) -> None:
    """Add these behind those of the same name that are there."""
    from tomlkit import aot, nl
    from tomlkit import table as new_table

    for values in added:
        made = new_table()
        for key, value in values.items():
            made[key] = _plain(value)
        if name in document:
            document[name].append(made)
        else:
            if (text := document.as_string()) and not text.endswith("\n\n"):
                document.add(nl())
            several = aot()
            several.append(made)
            document.add(name, several)


def _items_set(array: Array, wanted: list[str]) -> bool:
    """Whether the array says what is wanted after a change of only the items that differ.

    Remarks between the lines of an array are the person's too; where items and remarks share lines it may not work.
    """
    for at in reversed(range(len(array))):
        if array[at] not in wanted:
            del array[at]
    if array != wanted[:len(array)]:
        return False
    array.extend(wanted[len(array):])
    try:
        return tomllib.loads(f"items = {array.as_string()}") == {"items": wanted}
    except tomllib.TOMLDecodeError:
        return False
