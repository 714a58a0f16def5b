"""Decoders of JSON messages, safe to ask for in several threads at once.

msgspec works out what a type looks like when something is first decoded as it. If a second thread decodes as the same
type meanwhile, the process crashes (seen with 0.21 and 0.22). So types are worked out one after the other; to decode
needs no lock.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_LOCK = threading.Lock()
_BUILT: dict[Any, msgspec.json.Decoder[Any]] = {}
"""A type -> its decoder. Types are those that the program names, so these are few."""


def get_decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """The decoder for a type that msgspec knows. Raises TypeError for others."""
    if kind not in _BUILT:
        with _LOCK:
            if kind not in _BUILT:
                _BUILT[kind] = msgspec.json.Decoder(kind)
    return _BUILT[kind]


def decode_json(data: bytes | str | msgspec.Raw, kind: type[T]) -> T:
    """What JSON holds. Raises msgspec.DecodeError (a ValueError) for anything else, UnicodeDecodeError for bytes that
    are no UTF-8, and RecursionError for what is too deep."""
    return get_decoder(kind).decode(data)
