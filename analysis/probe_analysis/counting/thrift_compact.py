"""Thrift's compact protocol, as far as the footers of Parquet files use it: structs as lists of their fields, and back.

What is read and written again is the same, byte for byte, whatever the fields mean; a file's footer can so be changed
without knowing all of it. Source: the "Thrift compact protocol encoding" of Apache Thrift's specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, LIST, _SET, _MAP, STRUCT = range(1, 13)
_NUMBERS = (_I16, _I32, _I64)
_MOST_DEPTH, _MOST_SHIFT = 16, 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list, and of which type its items are."""

    type: int
    values: Sequence[Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a struct."""

    id: int
    type: int
    value: Value


Struct: TypeAlias = tuple[Field, ...]
Value: TypeAlias = "int | bytes | Items | Struct"


def read_struct(data: bytes) -> Struct:
    """The struct that the data are, to their last byte. Raises ValueError where they are none."""
    reader = _Reader(data)
    try:
        struct = reader.struct(0)
    except IndexError as error:
        raise ValueError("the data end within a struct") from error
    if reader.at != len(data):
        raise ValueError("more than one struct")
    return struct


def write_struct(struct: Struct) -> bytes:
    """The same as bytes."""
    made, before = bytearray(), 0
    for field in struct:
        step = field.id - before
        made += bytes([step << 4 | field.type]) if 0 < step < 16 else bytes([field.type]) + _varint(_zigzag(field.id))
        before = field.id
        made += b"" if field.type in (_TRUE, _FALSE) else _write_value(field.type, field.value)
    return bytes(made) + b"\0"


def write_items_head(items_type: int, size: int) -> bytes:
    """What comes before the items of a list."""
    return bytes([size << 4 | items_type]) if size < 15 else bytes([0xF0 | items_type]) + _varint(size)


def find_value(struct: Struct, number: int) -> Value | None:
    """The value of a field; None where there is no such."""
    return next((field.value for field in struct if field.id == number), None)


def _write_value(of: int, value: Value) -> bytes:
    if isinstance(value, Items):
        return write_items_head(value.type, len(value.values)) + b"".join(
            _write_value(value.type, item) for item in value.values)
    if isinstance(value, tuple):
        return write_struct(value)
    if isinstance(value, int):
        return _varint(_zigzag(value)) if of in _NUMBERS else bytes([value])
    return _varint(len(value)) + value if of == _BINARY else value


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


class _Reader:
    """Reads from a place on. Raises IndexError where the data end, ValueError for what is not understood."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def struct(self, depth: int) -> Struct:
        if depth > _MOST_DEPTH:
            raise ValueError("structs in structs, too deep")
        fields: list[Field] = []
        number = 0
        while head := self._byte():
            step, of = head >> 4, head & 15
            number = number + step if step else self._number()
            value = int(of == _TRUE) if of in (_TRUE, _FALSE) else self._value(of, depth)
            fields.append(Field(id=number, type=of, value=value))
        return tuple(fields)

    def _value(self, of: int, depth: int) -> Value:
        if of in _NUMBERS:
            return self._number()
        if of in (_TRUE, _FALSE, _BYTE):  # within lists a truth value takes a byte
            return self._byte()
        if of in (_DOUBLE, _BINARY):
            return self._bytes(8 if of == _DOUBLE else self._varint())
        if of in (LIST, _SET):
            return self._items(depth + 1)
        if of == STRUCT:
            return self.struct(depth + 1)
        raise ValueError(f"a value of type {of}")

    def _items(self, depth: int) -> Items:
        head = self._byte()
        size, of = head >> 4, head & 15
        size = self._varint() if size == 15 else size
        if size > len(self.data) - self.at:  # each takes a byte at least
            raise ValueError("a list longer than the data")
        return Items(type=of, values=tuple(self._value(of, depth) for _ in range(size)))

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _bytes(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise ValueError("a value longer than the data")
        self.at += size
        return self.data[self.at - size:self.at]

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
            if shift > _MOST_SHIFT:
                raise ValueError("a number of more than 64 bits")

    def _number(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)
