"""Rows of imported measurements made and copied fast: an import makes millions.

The `__init__` of a frozen dataclass sets each field through `object.__setattr__`, and `dataclasses.replace` goes
through it. Here a twin of the class is filled, which has the same slots and is not frozen, and then made one of the
class. Without it an import takes a quarter more. mypy knows the two functions as `dataclasses.replace` and as the class
itself, and checks names and types of all fields. The class is a dataclass with slots and without `__post_init__`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields, make_dataclass
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")
__all__ = ["make_builder", "replace_fast"]


def make_builder(kind: Callable[P, T]) -> Callable[P, T]:
    """What makes the same as the dataclass, all of whose fields are given by name. Raises TypeError as it would."""
    by_name = [(f.name, Any, field(default=f.default, default_factory=f.default_factory, kw_only=True))
               for f in fields(cast("Any", kind))]

    def become(made: Any) -> None:
        made.__class__ = kind

    return cast("Callable[P, T]", make_dataclass("ByName", by_name, slots=True, namespace={"__post_init__": become}))


@cache
def _find_twin(kind: type[Any]) -> tuple[Callable[..., Any], Callable[[Any], tuple[Any, ...]]]:
    """What takes the values of all fields in order, and what reads them."""
    names = [f.name for f in fields(kind)]
    return make_dataclass("InOrder", names, slots=True), attrgetter(*names)


if TYPE_CHECKING:
    from dataclasses import replace as replace_fast
else:
    def replace_fast(record, /, **changes):
        """As `dataclasses.replace`, but raises AttributeError for a field that the record has not."""
        kind = type(record)
        fill, read = _find_twin(kind)
        made = fill(*read(record))
        for name, value in changes.items():
            setattr(made, name, value)
        made.__class__ = kind
        return made
