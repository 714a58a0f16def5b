"""Which fields of the evidence a predicate reads: what a rule is explained by, without its conditions written twice.

The predicate is run on a stand-in for the evidence that notes each field when it is read. Parts of the evidence are
stood in for as well, and properties and methods run on the stand-in, so that what is noted are stored fields. Python
evaluates `and` and `or` only as far as it must: the last field that a predicate read before it said no is the one that
ruled its rule out.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, is_dataclass
from types import FunctionType, MethodType
from typing import Any, TypeVar, cast

from probe.judge.common.rule import Rule

E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the evidence, by its dotted name, and its value."""

    name: str
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Whether a rule holds, and which fields its predicate read to say so."""

    holds: bool
    fields: tuple[Field, ...]
    """In the order in which they were first read."""
    last: Field | None
    """The one that was read last; None where none was read."""


def read_rule(rule: Rule[E], evidence: E) -> Reading:
    """Ask the rule, and note what it looks at."""
    seen: list[Field] = []
    holds = bool(rule.holds(cast(E, _StandIn(evidence, "", seen))))
    fields = {field.name: field for field in seen}
    return Reading(holds=holds, fields=tuple(fields.values()), last=seen[-1] if seen else None)


class _StandIn:
    """In place of a record of evidence."""

    __slots__ = ("_name", "_record", "_seen")

    def __init__(self, record: object, name: str, seen: list[Field]) -> None:
        self._record, self._name, self._seen = record, name, seen

    def __getattr__(self, attribute: str) -> Any:
        defined = inspect.getattr_static(type(self._record), attribute, None)
        if isinstance(defined, property) and defined.fget is not None:
            return defined.fget(self)
        if isinstance(defined, FunctionType):
            return MethodType(defined, self)
        value = getattr(self._record, attribute)
        name = f"{self._name}.{attribute}" if self._name else attribute
        if is_dataclass(value):
            return _StandIn(value, name, self._seen)
        self._seen.append(Field(name=name, value=value))
        return value
