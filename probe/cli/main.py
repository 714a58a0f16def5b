"""The command group: names and one-line helps here, the commands' modules loaded on demand."""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import click

from probe import __version__
from probe.cli.command_table import COMMANDS, GROUPS, PARTS
from probe.cli.whole_output import buffer_writes
from probe.core.languages import LANGUAGES, find_language, read_locale
from probe.core.plugins import COMMANDS_OF_OTHERS, MissingPluginError, explain_missing_part, list_folders
from probe.core.translation import say, use_language

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

    from click.shell_completion import CompletionItem


@cache
def added_commands() -> dict[str, EntryPoint]:
    """The commands that plug-ins and other installed distributions add, by name; none of them is imported."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=COMMANDS_OF_OTHERS) if not _is_own(entry.name)}


def _is_own(name: str) -> bool:
    return name in COMMANDS and COMMANDS[name].part == "probe"


def list_names() -> list[str]:
    """The names of all commands that are installed, in the order of `probe --help`."""
    added = added_commands()
    known = [name for name in COMMANDS if _is_own(name) or name in added]
    return [*known, *(name for name in added if name not in COMMANDS)]


MACHINE_READ = {"--json", "--timed"}
"""Options with which no person reads what is said: it stays English."""


def _find_named(args: list[str]) -> str:
    """What --lang says before the command."""
    for place, word in enumerate(args):
        if word.startswith("--lang="):
            return word.partition("=")[2]
        if word == "--lang":
            return args[place + 1] if place + 1 < len(args) else ""
        if not word.startswith("-"):
            return ""
    return ""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called: cron must not pay for the report."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As usual, in the language that was chosen: also help, and what is wrong with the options, is told in it."""
        use_language("en" if {*args} & MACHINE_READ else read_locale(_find_named(args)) or find_language(os.environ))
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list_names()

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        command: click.Command
        from probe.cli.finite_range import require_finite

        if _is_own(name):
            module = "install" if name == "uninstall" else name
            command = getattr(importlib.import_module(f"probe.cli.{module}"), name)
            return require_finite(command)
        added = added_commands().get(name)
        if added is not None:
            command = added.load()
            return require_finite(command)
        part = COMMANDS[name].part if name in COMMANDS else "probe"
        if part != "probe":
            raise click.ClickException(explain_missing_part(f"`probe {name}`", part))
        return None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None,
                                                                            list[str]]:
        """As usual; a command that there is not is told with those that are near, also of parts that are missing."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0][:60], (*COMMANDS, *added_commands()), n=2)
            if not near or args[0].startswith("-"):
                raise
            raise click.UsageError(f"{error.message.rstrip('.')}. "
                                   + say("Did you mean {near}?", near=say(" or ").join(near)), ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """As usual; what the system refuses is told in a line, whichever command did not expect it, and so is what is
        not installed, and what a person stopped."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort) as error:
            _end_stopped(ctx, error)
        except RuntimeError as error:
            from probe.upkeep.commands.stopped import is_interrupt

            if not is_interrupt(error):
                raise
            _end_stopped(ctx, KeyboardInterrupt())
        except MissingPluginError as error:
            from probe.core.visible_text import visible

            raise click.ClickException(visible(str(error))) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            from probe.core.visible_text import visible
            from probe.store.files.atomic import explain_os_error

            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(visible(f"{where}{explain_os_error(error)}")) from error

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands, and helps of ours; none is imported, for a person waits for each key."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from click.shell_completion import CompletionItem

        return [CompletionItem(name, help=COMMANDS[name].help if name in COMMANDS else "") for name in list_names()
                if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Our commands by group, a line each; those of other parts by name, with how to install what is not there."""
        width = max(map(len, COMMANDS))
        for group, heading in GROUPS.items():
            rows = [(f"{name:{width}}", say(entry.help)) for name, entry in COMMANDS.items()
                    if entry.part == "probe" and entry.group == group]
            formatter.write(f"{say(heading)}:\n")
            formatter.indent()
            formatter.write_dl(rows if group != "more" else [*rows, *self._list_parts(width)])
            formatter.dedent()

    def _list_parts(self, width: int) -> Iterator[tuple[str, str]]:
        added = added_commands()
        for part, text in PARTS.items():
            names = [name for name, entry in COMMANDS.items() if entry.part == part]
            there = any(name in added for name in names)
            yield f"{part:{width}}", (f"{', '.join(names)} "
                                      f"({say(text) if there else f'pip install . ./{list_folders(part)}'})")
        if others := [name for name in added if name not in COMMANDS]:
            yield f"{'':{width}}", ", ".join(others)


def _end_stopped(ctx: click.Context, error: KeyboardInterrupt | click.Abort) -> NoReturn:
    """Say what was kept and what to do, and leave as a program does that Ctrl-C ends; status 1 where only the input
    ended before all was answered."""
    from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_STOPPED
    from probe.upkeep.commands.stopped import describe_stop, is_stop

    stopped = is_stop(error)
    click.echo("\n" + (describe_stop(ctx.invoked_subcommand) if stopped else
                       say("The input ended before all was answered. Nothing more was done.")), err=True)
    sys.exit(EXIT_STOPPED if stopped else EXIT_FAILED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="probe")
@click.option("--lang", type=click.Choice(tuple(LANGUAGES)), expose_value=False,
              help="Language of what is said; files stay English.")
def cli() -> None:
    """Tests whether messaging services can be reached from this network, and if not, how they are blocked.

    \b
    Examples:
      probe setup                      what a run does and risks; needed once
      probe run --fast                 measure the core services now

    Exit status: 0 done, 1 failed, 2 wrong usage, 3 another run is going on, 4 no network, 5 consent is missing
    (probe setup), 130 stopped by Ctrl-C.
    """


def main(argv: list[str] | None = None, **extra: Any) -> None:
    """Entry point; a broken pipe (`probe ... | head`) is no error."""
    sys.stdout = buffer_writes(sys.stdout)
    try:
        cli.main(args=argv, prog_name="probe", **extra)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
