"""docs/commands.md: every command with its options, from what the commands say of themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from grid import grid
from probe.cli.main import cli

_HEAD = """# Commands

`make docs` generates this page from the commands. `probe COMMAND --help` prints the text of one command, and
`man probe` shows all texts. Every command has `-h`, `--help`.
"""


def page() -> str:
    """The whole document, with the laboratory's commands where it is installed."""
    context = cli.make_context("probe", [], resilient_parsing=True)
    parts = [_HEAD, *_describe(cli, context), *_list_commands(cli, context)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _list_commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        own = command.make_context(name, [], parent=context, resilient_parsing=True)
        yield f"## {own.command_path}"
        yield from _describe(command, own)
        if isinstance(command, click.Group):
            yield from _list_commands(command, own)


def _describe(command: click.Command, context: click.Context) -> Iterator[str]:
    """Its usage, its text and its options."""
    yield f"```\n{' '.join((context.command_path, *command.collect_usage_pieces(context)))}\n```"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        first, _, rest = paragraph.partition("\n")
        if first.strip() == "\b":  # click keeps these lines as they are
            title, _, examples = rest.partition("\n")
            yield f"{title}\n\n```\n{inspect.cleandoc(examples)}\n```" if title.endswith(":") else f"```\n{rest}\n```"
        else:
            yield _escape(" ".join(paragraph.split()))
    records = [option.get_help_record(context) for option in command.get_params(context)
               if isinstance(option, click.Option) and "--help" not in option.opts]
    if rows := [(f"`{record[0]}`", _escape(record[1])) for record in records if record]:
        yield grid(("option", "meaning"), rows)


def _escape(text: str) -> str:
    """A line of text in which nothing is mark-up but what stands between backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*_<>\[\]])", r"\\\1", part) for part in parts)
