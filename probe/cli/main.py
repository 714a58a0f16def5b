"""The command group: names and one-line helps here, the commands' modules loaded on demand."""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import click

from probe import __version__
from probe.cli.whole_output import buffer_writes
from probe.core.languages import LANGUAGES, find_language, read_locale
from probe.core.plugins import COMMANDS_OF_OTHERS, MissingPluginError, explain_missing_part
from probe.core.translation import say, use_language

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from click.shell_completion import CompletionItem

COMMANDS: dict[str, tuple[str, str]] = {
    "setup": ("probe.cli.setup:setup", "Say what runs do and risk, ask for consent, write the configuration."),
    "run": ("probe.cli.run:run", "Measure now and write the results."),
    "status": ("probe.cli.status:status", "Say how the runs go, and what to do about what is wrong."),
    "show": ("probe.cli.show:show", "Show a run, a messenger or a verdict, with its history; also as a page."),
    "install": ("probe.cli.install:install", "Measure by cron or systemd from now on."),
    "uninstall": ("probe.cli.install:uninstall", "Stop measuring by cron or systemd; results stay."),
    "watch": ("probe.cli.watch:watch", "Measure on a schedule until stopped."),
    "analyse": ("probe.cli.analyse:analyse", "Count verdicts by network and hour, and find events."),
    "look": ("probe.cli.look:look", "Say what is known of one service in one country, as one page."),
    "site": ("probe.cli.site:site", "Make a public site of what was found."),
    "alert": ("probe.cli.alert:alert", "Send what is new to a webhook, by e-mail, Telegram or Matrix."),
    "report": ("probe.cli.report:report", "Make a page from results."),
    "classify": ("probe.cli.classify:classify", "Judge stored observations again with today's rules."),
    "import": ("probe.cli.import_:import_", "Judge measurements of others: OONI's files."),
    "compare": ("probe.cli.compare:compare", "Hold our verdicts on them against their own."),
    "evidence": ("probe.cli.evidence:evidence", "Write the captured packets that a verdict rests on."),
    "explain": ("probe.cli.explain:explain", "Say what a block type means and how it is told apart."),
    "export": ("probe.cli.export:export", "Write one file from the results, also one fit to be published."),
    "compact": ("probe.cli.compact:compact", "Merge the results of finished days; remove what is past its time."),
    "verify": ("probe.cli.verify:verify", "Tell whether results are what was signed; mend what is damaged."),
    "collect": ("probe.cli.collect:collect", "Check and merge the results of many volunteers."),
    "fleet": ("probe.cli.fleet:fleet", "Say how a fleet of volunteers does: who is silent, what they run."),
    "upload": ("probe.cli.upload:upload", "Send results to the place that you named, and to no other."),
    "submit": ("probe.cli.submit:submit", "Make measurements public for ever by way of a collector that you named."),
    "forget": ("probe.cli.forget:forget", "Delete everything that the probe keeps on this machine."),
    "doctor": ("probe.cli.doctor:doctor", "Check this installation, and say which blocks it can name."),
    "targets": ("probe.cli.targets:targets", "Show and check the list of targets."),
    "update": ("probe.cli.update:update", "Fetch a signed list of targets, verify and keep it; or make one."),
    "stores": ("", "Ask application stores what they offer in which countries."),
    "registers": ("", "Compare targets with legal block lists."),
    "helper": ("probe.cli.helper:helper", "Serve as a control for other probes."),
    "feed": ("probe.cli.feed:feed", "Publish what answers at an uncensored place, signed, as a control for probes."),
    "issuer": ("probe.cli.issuer:issuer", "Let volunteers prove without a name that they are not new."),
    "operate": ("probe.cli.operate:operate", "Set up and run the services of a fleet of volunteers."),
    "example": ("probe.cli.example:example", "Copy example data, made in the laboratory, to try the commands on."),
    "completion": ("probe.cli.completion:completion", "Print what lets a shell complete these commands."),
}
"""Name -> where it is, and its help; an empty place: only an entry point of `COMMANDS_OF_OTHERS` tells it."""

LABORATORY = ("demo", "lab")
"""The commands that the laboratory's distribution brings: known here to say where they are when it is missing."""


@cache
def added_commands() -> dict[str, EntryPoint]:
    """The commands that plug-ins and other installed distributions add, by name; none of them is imported."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=COMMANDS_OF_OTHERS) if not _find_own(entry.name)}


def _find_own(name: str) -> str:
    """Where a command lies whose place the table tells; empty for others."""
    return COMMANDS.get(name, ("", ""))[0]


def list_names() -> list[str]:
    """The names of all commands that are installed, in the order of `probe --help`."""
    added = added_commands()
    known = [name for name in COMMANDS if _find_own(name) or name in added]
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
        if place := _find_own(name):
            module, _, attribute = place.partition(":")
            command = getattr(importlib.import_module(module), attribute)
            return command
        added = added_commands().get(name)
        if added is None:
            if name in LABORATORY:
                raise click.ClickException(explain_missing_part(f"`probe {name}`", "lab"))
            return None
        command = added.load()
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None,
                                                                            list[str]]:
        """As usual; a command that there is not is told with those that are near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0][:60], list_names(), n=2)
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
            from probe.operation.commands.stopped import is_interrupt

            if not is_interrupt(error):
                raise
            _end_stopped(ctx, KeyboardInterrupt())
        except MissingPluginError as error:
            from probe.results.files.text_cells import visible

            raise click.ClickException(visible(str(error))) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            from probe.results.files.atomic import explain_os_error
            from probe.results.files.text_cells import visible

            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(visible(f"{where}{explain_os_error(error)}")) from error

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands, and helps of ours; none is imported, for a person waits for each key."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from click.shell_completion import CompletionItem

        return [CompletionItem(name, help=COMMANDS.get(name, ("", ""))[1]) for name in list_names()
                if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(say("Commands")):
            formatter.write_dl(self._helps(ctx))

    def _helps(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Every command with one line; those that the table does not have are imported for theirs."""
        own = [(name, say(COMMANDS[name][1])) for name in list_names() if name in COMMANDS]
        added = [(name, self.get_command(ctx, name)) for name in list_names() if name not in COMMANDS]
        return own + [(name, command.get_short_help_str(100)) for name, command in added if command]


def _end_stopped(ctx: click.Context, error: KeyboardInterrupt | click.Abort) -> NoReturn:
    """Say what was kept and what to do, and leave as a program does that Ctrl-C ends; status 1 where only the input
    ended before all was answered."""
    from probe.operation.commands.exit_codes import EXIT_FAILED, EXIT_STOPPED
    from probe.operation.commands.stopped import describe_stop, is_stop

    stopped = is_stop(error)
    click.echo("\n" + (describe_stop(ctx.invoked_subcommand) if stopped else
                       say("The input ended before all was answered. Nothing more was done.")), err=True)
    sys.exit(EXIT_STOPPED if stopped else EXIT_FAILED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="probe")
@click.option("--lang", type=click.Choice(tuple(LANGUAGES)), expose_value=False,
              help="Language of what is said (default: $PROBE_LANG, else the locale's); JSON and files stay English.")
def cli() -> None:
    """Tests whether messaging services can be reached from this network, and if not, how they are blocked.

    \b
    Examples:
      probe setup                      what a run does and risks; needed once
      probe run --fast                 measure the core services now
      probe explain tls.reset.sni      what does that mean?
      probe lab exec sni-gfw2 -- curl -sv https://www.facebook.com/

    Exit status: 0 done, 1 failed, 2 wrong usage, 3 another run is still going on, 4 no network, 5 your consent is
    missing (probe setup), 130 stopped by Ctrl-C.
    """


def main(argv: list[str] | None = None, **extra: Any) -> None:
    """Entry point; a broken pipe (`probe ... | head`) is no error."""
    sys.stdout = buffer_writes(sys.stdout)
    try:
        cli.main(args=argv, prog_name="probe", **extra)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
