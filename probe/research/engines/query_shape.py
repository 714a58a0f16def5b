"""What an expression asks, apart from the texts and moments that it asks about: the same from day to day.

An expression is read as a tree of operations, names, types and plain values. The texts of each list (`isin`) and each
moment are told apart, in the order in which they are met, equal ones as one. So all expressions of one shape have the
same SQL but for these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import Any, TypeAlias

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
from ibis.common.grounds import Concrete

Told: TypeAlias = tuple[str, ...] | datetime
"""The texts of a list, or a moment without a zone."""
_PLAIN = (bool, int, float, str, bytes, type(None))


class UnknownShapeError(Exception):
    """The expression holds something of which it is not known whether it is the same tomorrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryShape:
    """An expression as its shape, and what it asks about."""

    digest: str
    told: tuple[Told, ...]
    nodes: Mapping[ops.Node, int]
    """Operation that holds one of `told` -> its number."""


def read_shape(operation: ops.Node) -> QueryShape:
    """Raises UnknownShapeError."""
    reading = _Reading()
    try:
        digest = reading.read(operation).hex()
    except RecursionError as error:
        raise UnknownShapeError from error
    return QueryShape(digest=digest, told=tuple(reading.numbers), nodes=reading.nodes)


class _Reading:
    def __init__(self) -> None:
        self.numbers: dict[Told, int] = {}
        self.nodes: dict[ops.Node, int] = {}
        self._read: dict[int, bytes] = {}
        """Object -> digest; the expression holds all of these objects while it is read."""

    def read(self, value: Any) -> bytes:
        """The digest of a part of an expression."""
        if isinstance(value, _PLAIN):
            return _digest(type(value).__name__, repr(value).encode())
        if isinstance(value, (tuple, list)):
            return _digest("list", *map(self.read, value))
        if isinstance(value, frozenset):
            return _digest("set", *sorted(map(self.read, value)))
        if isinstance(value, (Concrete, Mapping)):
            known = self._read.get(id(value))
            if known is None:
                known = self._read[id(value)] = self._read_new(value)
            return known
        if isinstance(value, Enum):
            return _digest("enum", str(value).encode())
        raise UnknownShapeError(type(value).__name__)

    def _read_new(self, value: Any) -> bytes:
        if isinstance(value, dt.DataType):
            return _digest("type", repr(value).encode())
        told = _find_told(value)
        if told is not None:
            number = self.nodes[value] = self.numbers.setdefault(told, len(self.numbers))
            rest = value.value if isinstance(value, ops.InValues) else value.dtype
            return _digest("told", type(value).__name__.encode(), str(number).encode(), self.read(rest))
        if isinstance(value, Concrete):
            kind = type(value)
            if not kind.__module__.startswith("ibis."):
                raise UnknownShapeError(kind.__name__)
            return _digest(f"{kind.__module__}.{kind.__qualname__}", *map(self.read, value.__args__))
        return _digest("mapping", *(self.read(pair) for pair in value.items()))


def _find_told(value: Any) -> Told | None:
    """What an operation asks about; None where that is part of its shape."""
    if isinstance(value, ops.Literal) and isinstance(value.value, datetime) and value.value.tzinfo is None:
        return value.value
    if isinstance(value, ops.InValues):
        texts: Sequence[Any] = [option.value if isinstance(option, ops.Literal) and option.dtype.is_string() else None
                                for option in value.options]
        if texts and all(isinstance(text, str) for text in texts):  # no text at all is written otherwise
            return tuple(texts)
    return None


def _digest(word: str, *parts: bytes) -> bytes:
    return sha256(b"\0".join((word.encode(), *(str(len(part)).encode() + b":" + part for part in parts)))).digest()
