"""`probe completion`: what a shell reads to complete commands, options and words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_PROBE_COMPLETE"
"""What click looks for when a shell asks; its name follows from the program's."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script with which SHELL completes commands, options and words. Needs bash 4.4 or newer, zsh or fish.

    \b
    Examples:
      eval "$(probe completion bash)"                                     (for this shell)
      probe completion bash > ~/.local/share/bash-completion/completions/probe
      probe completion zsh > ~/.zfunc/_probe                              (a folder of $fpath)
      probe completion fish > ~/.config/fish/completions/probe.fish
    """
    from probe.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    source = kind(cli, {}, "probe", VARIABLE)
    click.echo(source.source_template % source.source_vars(), nl=False)
