"""For which of users' programs a verdict speaks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from probe.catalogue.programs import USERS
from probe.core.tables.roles import ROLES
from probe.core.tables.shapes import ShapeWord
from probe.core.tables.words import read_word

SHAPES: Mapping[str, ShapeWord] = MappingProxyType({
    "chrome": "chrome", "chromium": "chrome", "firefox": "firefox", "safari": "safari",
})
"""Program -> the shape in which the probe asks on its behalf. Of the others it has none: any `ok` speaks for them."""


def list_unseen(row: Mapping[str, str]) -> tuple[str, ...]:
    """The shapes in which people ask the target of this row of verdicts, and that it does not say are answered."""
    users = USERS.get(read_word(row.get("role", ""), ROLES), ())
    return tuple(shape for shape in users if shape not in row.get("spared", "").split(";"))


def speaks_for(program: str, unseen: tuple[str, ...]) -> bool:
    """`unseen`: of the verdict's row."""
    return SHAPES.get(program, "library") not in unseen
