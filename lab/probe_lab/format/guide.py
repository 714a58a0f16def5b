"""The laboratory's tables as rows of text, for docs/lab.md: fields of scenario files, triggers, actions, faults."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from pathlib import Path

import msgspec

from probe.core.tables.table_file import read_table
from probe_lab.box.actions import ACTIONS, TRIGGERS, Action, Parameter
from probe_lab.box.parameters import KINDS
from probe_lab.format.fronts import SERVED
from probe_lab.servers.faults import FAULTS

Rows = list[tuple[str, ...]]
FIELDS = Path(__file__).with_name("fields.csv")
SECTIONS = ("scenario", "draw", "world", "front", "expect", "censor")
"""Tables of a scenario file whose fields `fields.csv` has; `scenario` is the file itself."""


class FieldRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of `fields.csv`."""

    table: str
    fields: str
    """One or more, each in backticks."""
    meaning: str

VALUES: Mapping[str, str] = {
    "count": "0 to 65535",
    "byte": "0 to 255",
    "copies": "1 to 100",
    "connections": "1 to 65535",
    "seconds": "seconds",
    "delay": "milliseconds",
    "queue": "milliseconds",
    "share": "0 to 1",
    "growth": "1 to 100",
    "rate": "bits a second",
    "bytes": "bytes",
    "bucket": "bytes, a full packet at least",
    "hex": "bytes as hexadecimal digits",
    "text": "text",
    "dns_name": "a domain name",
    "port": "1 to 65535",
    "address4": "IPv4 address",
    "address6": "IPv6 address",
    "place": "address or network",
    "answer": "address or `fresh`",
    "ttl": "1 to 255, `copy` or `server`",
    "ip_id": "0 to 65535, `random`, `client+1` or `zero`",
    "window": "0 to 65535, `ttl+N` or `client`",
}
"""Kinds of values that are no choice of words, in words."""


def fields(table: str) -> Rows:
    """The fields of one of `SECTIONS`, and what they mean."""
    return [(row.fields, row.meaning) for row in read_table(FIELDS, FieldRow) if row.table == table]


def triggers() -> Rows:
    """What sets a rule off."""
    return [(f"`{name}`", meaning) for name, meaning in TRIGGERS.items()]


def common_parameters() -> Rows:
    """The parameters that every action has."""
    return [_parameter(name, parameter) for name, parameter in _common().items()]


def own_parameters(action: Action) -> Rows:
    """The parameters of an action that not every one has."""
    common = _common()
    return [_parameter(name, each) for name, each in action.parameters.items() if common.get(name) != each]


def _common() -> dict[str, Parameter]:
    shared = reduce(lambda a, b: a & b, (set(action.parameters) for action in ACTIONS.values()))
    first, *others = ACTIONS.values()
    alike = {name for name in shared if all(each.parameters[name] == first.parameters[name] for each in others)}
    return {name: parameter for name, parameter in first.parameters.items() if name in alike}


def _parameter(name: str, parameter: Parameter) -> tuple[str, ...]:
    default = ", ".join(f"`{text}`" for text in parameter.default if text) or "none"
    value = f"list of: {values(parameter.kind)}" if parameter.many else values(parameter.kind)
    return f"`{name}`", value, default, parameter.meaning


def values(kind: str) -> str:
    """What values of this kind look like; a KeyError for a kind that nobody has put in words."""
    words = getattr(KINDS[kind], "__self__", None)
    if isinstance(words, Collection):
        return ", ".join(f"`{word}`" for word in sorted(words) if word)
    return VALUES[kind]


def after(action: Action) -> str:
    """The triggers that an action can follow."""
    if action.triggers == frozenset(TRIGGERS):
        return "any"
    return ", ".join(f"`{name}`" for name in TRIGGERS if name in action.triggers)


def faults() -> Rows:
    """What can go wrong with the world itself."""
    return [
        (f"`{fault.kind}`", fault.layer, ", ".join(f"`{name}`" for name in fault.parameters), fault.meaning)
        for fault in FAULTS.values()
    ]


def served_acts() -> Rows:
    """What a front does that only the server itself can do."""
    return [
        (f"`{name}`", ", ".join(f"`{each}`" for each in FAULTS[kind].parameters if each != "only_client"), meaning)
        for name, (kind, meaning) in SERVED.items()
    ]
