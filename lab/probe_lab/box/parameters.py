"""Kinds of values that the parameters of a rule may have, and how one parameter is described.

A value is a text, a number or a flag; parameters marked `many` are lists, and a lone value counts as a list of one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from probe_lab.lab_types import Value
from probe_lab.wire.packet import normalise_address

RCODES: Mapping[str, int] = {"NOERROR": 0, "SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}

LARGEST_PACKET_BYTES = 1500
"""On the laboratory's links; a smaller token bucket would let no full packet pass, however long it waits."""

_TTL_WORDS = frozenset(("copy", "server"))
_IP_ID_WORDS = frozenset(("random", "client+1", "zero"))
_WINDOW_OF_TTL = re.compile(r"ttl\+\d{1,5}")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")


def _below(limit: int) -> Callable[[str], bool]:
    return lambda text: text.isascii() and text.isdigit() and int(text) < limit


def _holds(reader: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            reader(text)
        except (ValueError, OSError):
            return False
        return True

    return check


def _number(low: float, high: float) -> Callable[[str], bool]:
    return lambda text: _holds(float)(text) and low <= float(text) <= high


def _word(*words: str) -> Callable[[str], bool]:
    return frozenset(words).__contains__


_is_word = _below(65_536)
_is_byte = _below(256)

KINDS: Mapping[str, Callable[[str], bool]] = {
    "flag": _word("true", "false"),
    "count": _is_word,
    "byte": _is_byte,
    "copies": lambda text: text != "0" and _below(101)(text),
    "connections": lambda text: text != "0" and _is_word(text),
    "seconds": lambda text: _holds(float)(text) and 0 <= float(text) < 2**31,
    "delay": _number(0, 600_000),
    "queue": _number(0, 60_000),
    "share": _number(0, 1),
    "rate": _number(100, 10**10),
    "bytes": _below(2**31),
    "bucket": lambda text: _below(2**31)(text) and int(text) >= LARGEST_PACKET_BYTES,
    "hex": _holds(bytes.fromhex),
    "text": lambda text: True,
    "dns_name": lambda text: not text or (len(text) <= 253 and bool(_DNS_NAME.fullmatch(text))),
    "port": lambda text: text != "0" and _is_word(text),
    "address4": lambda text: not text or (":" not in text and _holds(normalise_address)(text)),
    "address6": lambda text: not text or (":" in text and _holds(normalise_address)(text)),
    "place": _holds(ipaddress.ip_network),
    "answer": lambda text: text == "fresh" or _holds(normalise_address)(text),
    "ttl": lambda text: text in _TTL_WORDS or (_is_byte(text) and text != "0"),
    "ip_id": lambda text: text in _IP_ID_WORDS or _is_word(text),
    "window": lambda text: text == "client" or bool(_WINDOW_OF_TTL.fullmatch(text)) or _is_word(text),
    "rcode": RCODES.__contains__,
    "tuple": _word("1", "2", "3", "4"),
    "stage": _word("any", "syn", "data"),
    "flags": _word("R", "RA"),
    "ending": _word("PA", "FA", "FPA"),
    "direction": _word("client", "server", "both"),
    "seq": _word("exact", "zero", "train"),
    "remains": _word("", "reset", "drop", "drop_to_server", "degrade", "throttle"),
    "growth": _number(1, 100),
    "qtype": _word("A", "AAAA", "HTTPS"),
    "transport": _word("any", "tcp", "udp"),
    "sharing": _word("flow", "tuple", "all"),
    "counting": _word("address", "all"),
    "refusal": _word("drop", "reset"),
}
"""Kind of value -> whether a text is one."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: kind of its value or values, default, meaning."""

    kind: str
    default: tuple[str, ...]
    meaning: str
    many: bool = False


def one(kind: str, default: str, meaning: str) -> Parameter:
    """A parameter with a single value."""
    return Parameter(kind, (default,), meaning)


def several(kind: str, default: tuple[str, ...], meaning: str) -> Parameter:
    """A parameter that is a list."""
    return Parameter(kind, default, meaning, many=True)


def texts_of(value: Value) -> tuple[str, ...]:
    """A parameter's value as texts, flags as `true` and `false`."""
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return value if isinstance(value, tuple) else (str(value),)


def misfits(parameter: Parameter, texts: tuple[str, ...]) -> list[str]:
    """Why these texts are no value of the parameter; empty when they are."""
    if not parameter.many and len(texts) != 1:
        return ["one value, not a list"]
    return [f"{text!r} is no {parameter.kind}" for text in texts if not KINDS[parameter.kind](text)]
