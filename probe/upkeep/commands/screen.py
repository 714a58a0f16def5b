"""Lines on a terminal: wrapped to its width where somebody reads them, whole where a program does."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from probe.core.line_folding import fold_line
from probe.core.translation import say
from probe.core.visible_text import visible

MIN_COLUMNS, MAX_COLUMNS = 40, 100


def echo_lines(lines: Iterable[str]) -> None:
    """Print lines to standard output."""
    columns = find_columns()
    for line in lines:
        click.echo(wrap_line(line, columns) if columns else line)


def page_lines(lines: Iterable[str]) -> None:
    """Show a long text in the pager, on a terminal, with how to go on in it and how to leave it; else print it."""
    hint = [say("(Space: go on; b: back; q: leave this text.)"), ""] if sys.stdout.isatty() else []
    whole = [*hint, *lines, *hint[:1]]
    click.echo_via_pager("\n".join(whole) + "\n")


def name_folder_option(results: Path | None) -> str:
    """What commands on the same results must say besides; nothing where their folder is the configured one."""
    return f" --results {shlex.quote(visible(str(results)))}" if results else ""


def find_columns() -> int:
    """Columns to wrap at; 0 where standard output is no terminal."""
    if not sys.stdout.isatty():
        return 0
    return min(MAX_COLUMNS, max(MIN_COLUMNS, find_terminal_size().columns))


def find_terminal_size() -> os.terminal_size:
    """What the environment says, else the first standard stream that is a terminal; 80x24 where none is. The streams
    are asked by number: `sys.__stdout__` has none once its writes are buffered (`probe.cli.whole_output`)."""
    size = os.terminal_size((80, 24))
    for number in (1, 2, 0):
        with contextlib.suppress(OSError):
            found = os.get_terminal_size(number)
            if found.columns and found.lines:
                size = found
                break
    return shutil.get_terminal_size(fallback=size)


def wrap_line(line: str, columns: int) -> str:
    """The line with its own indent, what follows two further in. Commands and URLs stay whole, to be copied."""
    if not line.strip():
        return ""
    indent = line[: len(line) - len(line.lstrip())]
    return "\n".join(fold_line(line.strip(), columns, first=indent, rest=f"{indent}  "))
