"""`probe-lab`: the laboratory's commands by themselves; `probe lab`, `probe fleet` and `probe demo` are the same."""

from __future__ import annotations

import click

from probe_lab import __version__
from probe_lab.cli.demo import demo
from probe_lab.cli.fleet import fleet
from probe_lab.cli.lab import lab


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="probe-lab")
def main() -> None:
    """A closed internet of known censors on one machine, and simulated fleets of volunteers."""


main.add_command(demo)
main.add_command(fleet)
for command in lab.commands.values():
    main.add_command(command)
