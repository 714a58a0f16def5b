"""Fields of words are stored as text: their types without the words, and rows read whatever words they hold.

A file of another version may hold a word that this one does not know. It is read as it stands
(`probe.core.tables.words.read_word`): a reader that refused it would lose the whole file.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass, make_dataclass
from dataclasses import field as field_of
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

T = TypeVar("T")


def strip_literals(hint: Any) -> Any:
    """A type in which every `Literal` of texts is `str`: `tuple[Literal["a", "b"], ...]` becomes `tuple[str, ...]`."""
    origin = get_origin(hint)
    if origin is Literal:
        return str
    if origin in (Union, UnionType):
        return reduce(or_, dict.fromkeys(strip_literals(member) for member in get_args(hint)))
    if origin is tuple:
        return tuple.__class_getitem__(tuple(member if member is ... else strip_literals(member)
                                             for member in get_args(hint)))
    return hint


def read_record(row: object, kind: type[T]) -> T:
    """The value of a dataclass that a row describes, unknown words among its texts as they are.

    Raises msgspec.ValidationError when a column without a default is missing or of another type.
    """
    try:
        return msgspec.convert(row, kind)
    except (msgspec.ValidationError, UnicodeError):  # a half of a surrogate pair is no word either
        loose: Any = kind
        return _rebuilt(msgspec.convert(row, _loose(loose)), kind)


@cache
def _loose(kind: Any) -> Any:
    """The same dataclass with text in the place of words, and so are its parts that are dataclasses."""
    types = get_type_hints(kind)
    return make_dataclass(f"Loose{kind.__name__}", [
        (f.name, _loose(types[f.name]) if is_dataclass(types[f.name]) else strip_literals(types[f.name]),
         field_of(default=f.default) if f.default is not MISSING else field_of(default_factory=f.default_factory)
         if f.default_factory is not MISSING else field_of())
        for f in fields(kind)
    ], kw_only=True)


def _rebuilt(found: Any, kind: type[T]) -> T:
    types = get_type_hints(kind)
    values = {f.name: getattr(found, f.name) for f in fields(found)}
    return kind(**{name: _rebuilt(value, types[name]) if is_dataclass(types[name]) else value
                   for name, value in values.items()})
