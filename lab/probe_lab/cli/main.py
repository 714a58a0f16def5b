"""`probe-lab`: the laboratory's commands by themselves; `probe lab`, `probe fleet` and `probe demo` are the same."""

from __future__ import annotations

import sys
from typing import Any

import click

from probe_lab import __version__
from probe_lab.cli.demo import demo
from probe_lab.cli.fleet import fleet
from probe_lab.cli.lab import lab

STOPPED = 130
"""Status of programs that Ctrl-C ends."""


class LabGroup(click.Group):
    """A group that says in a line that it was stopped, as `probe` does."""

    def invoke(self, ctx: click.Context) -> Any:
        """As usual; Ctrl-C is no failure that a word such as aborted explains."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nStopped. The laboratory is gone, and with it what was not finished in it.", err=True)
            sys.exit(STOPPED)


@click.group(cls=LabGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="probe-lab")
def main() -> None:
    """A closed internet of known censors on one machine, and simulated fleets of volunteers."""


main.add_command(demo)
main.add_command(fleet)
for command in lab.commands.values():
    main.add_command(command)
