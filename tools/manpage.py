"""The manual page probe(1), from what the commands say of themselves; man(7) is the language it is written in.

`click-man` writes one page for each command of a group that holds all of them; ours are loaded on demand, and one page
can be searched.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from probe import __version__
from probe.cli.command_table import COMMANDS
from probe.cli.main import cli, list_names
from probe.config.settings import SEARCH_PATHS

ENVIRONMENT = {
    "PROBE_CONFIG": "The configuration file, where no --config names another.",
    "XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME": "Folders of one's own, by the XDG Base Directory Specification.",
    "_PROBE_COMPLETE": "Set by a shell that completes; see `probe completion`.",
}


def page() -> str:
    """The whole page, with the commands of all parts. Raises LookupError where one is not installed."""
    if missing := {*COMMANDS} - {*list_names()}:
        raise LookupError(f"no command {', '.join(sorted(missing))} here: pip install . ./analysis ./operate ./lab")
    context = cli.make_context("probe", [], resilient_parsing=True)
    described, statuses = _without_statuses(inspect.cleandoc(cli.help or ""))
    said = described.partition("\n\n")[0].rstrip(".")
    lines = [
        '.\\" Generated from the commands by `make docs`.', f'.TH PROBE 1 "" "probe {__version__}" "User Commands"',
        ".SH NAME", f"probe \\- {_escaped(said[0].lower() + said[1:])}",
        ".SH SYNOPSIS", ".B probe", _escaped(" ".join(cli.collect_usage_pieces(context))),
        ".SH DESCRIPTION", *_text(described), ".SH OPTIONS", *_options(cli, context),
        ".SH COMMANDS", *_commands(cli, context),
        ".SH EXIT STATUS", *_list(statuses),
        ".SH FILES", *_list([(", ".join(SEARCH_PATHS), "The configuration: the first of these that exists.")]),
        ".SH ENVIRONMENT", *_list(list(ENVIRONMENT.items())),
    ]
    return "\n".join(lines) + "\n"


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        own = command.make_context(name, [], parent=context, resilient_parsing=True)
        yield f".SS {_escaped(' '.join((own.command_path, *command.collect_usage_pieces(own))))}"
        yield from _text(inspect.cleandoc(command.help or ""))
        yield from _options(command, own)
        if isinstance(command, click.Group):
            yield from _commands(command, own)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """What can be given; `--help`, which every command has, is told once."""
    records = [option.get_help_record(context) for option in command.get_params(context)
               if isinstance(option, click.Option) and (command is cli or "--help" not in option.opts)]
    yield from _list([record for record in records if record is not None])


def _list(rows: list[tuple[str, str]]) -> Iterator[str]:
    for term, meaning in rows:
        yield from (".TP", f".B {_escaped(term)}", *_filled(meaning))


def _without_statuses(described: str) -> tuple[str, list[tuple[str, str]]]:
    """The text without its paragraph about the exit status, and what that says."""
    kept, _, told = described.partition("Exit status: ")
    rows = [(row.partition(" ")[0], row.partition(" ")[2]) for row in re.split(r",\s+(?=\d)", told.rstrip("."))]
    assert rows[0] == ("0", "done"), "the help of `probe` tells no exit status"
    return kept.rstrip(), [(number, " ".join(meaning.split())) for number, meaning in rows]


def _text(described: str) -> Iterator[str]:
    """Paragraphs; those that click keeps as they are (after a line with a backspace) stay so."""
    for paragraph in described.split("\n\n"):
        first, _, rest = paragraph.partition("\n")
        if first.strip() != "\b":
            yield from (".PP", *_filled(paragraph))
            continue
        yield from (".PP", ".nf", *map(_escaped, rest.split("\n")), ".fi")


def _filled(text: str) -> list[str]:
    return [_escaped(" ".join(line.split())) for line in text.split("\n") if line.strip()]


def _escaped(line: str) -> str:
    """A line of text that no formatter takes for anything else; hyphens can be copied as they are typed."""
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{line}" if line.startswith((".", "'")) else line
