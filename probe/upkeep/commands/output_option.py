"""`-o/--output`: the one option of every command that names where it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from probe.core.translation import say
from probe.core.visible_text import visible

IMPORTED_RESULTS = Path("ooni-results")
"""Where `probe import` writes and `probe compare` reads by default."""
F = TypeVar("F", bound=Callable[..., Any])
FORMER = "--out"
"""What some commands called it. It works, for scripts of that time, and is not offered any more."""


class OutputOption(click.Option):
    """An option that also understands `FORMER`, which neither help nor completion names."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Teach the parser both names."""
        super().add_to_parser(parser, ctx)
        parser.add_option(obj=self, opts=[FORMER], dest=self.name, action="store", nargs=1)


def output_option(kind: Literal["file", "folder"], about: str, **others: Any) -> Callable[[F], F]:
    """The option, as the parameter `out: Path` (or None); `others`: as of `click.option`."""
    path = click.Path(dir_okay=kind == "folder", file_okay=kind == "file", path_type=Path)
    extra = {"callback": tell_new_folder} if kind == "file" else {}
    return click.option("-o", "--output", "out", cls=OutputOption, type=path, help=about, **{**extra, **others})


def tell_new_folder(_: click.Context, __: click.Parameter, file: Path | None) -> Path | None:
    """Say before a file is written that its folder will be made: the name may be mistyped. For files alone, since
    whoever names a folder to write to expects a new one."""
    if file and not (folder := file.expanduser().parent).exists():
        click.echo(say("{folder} is not there yet and will be made.", folder=visible(str(folder))), err=True)
    return file
