"""Numbers that a person types are finite: click takes `nan` for a number of every range."""

from __future__ import annotations

import math
from typing import Any

import click

from probe.core.translation import say


class FiniteRange(click.FloatRange):
    """As click's own, for finite numbers alone."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As usual. Raises BadParameter."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(say("{value} is no finite number", value=repr(value)), param, ctx)
        return number


def require_finite(command: click.Command) -> click.Command:
    """The same command, whoever wrote it, and those below it: its numbers are finite."""
    for param in command.params:
        kind = param.type
        if isinstance(kind, click.FloatRange) and not isinstance(kind, FiniteRange):
            param.type = FiniteRange(kind.min, kind.max, kind.min_open, kind.max_open, kind.clamp)
        elif kind is click.FLOAT:
            param.type = FiniteRange()
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        require_finite(below)
    return command
