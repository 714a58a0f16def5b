"""A group of commands of which another part of the project brings some."""

from __future__ import annotations

import click

from probe.core.plugins import Group, has_plugin, load_plugin


class PluginGroup(click.Group):
    """The commands added here, and those of a group of entry points; what is not installed says how to install it."""

    brought_by: Group
    brought: tuple[str, ...] = ()
    """Names of the other part's commands: known here to say where they are when they are missing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *(name for name in self.brought
                                                      if has_plugin(self.brought_by, name))])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.brought:
            return super().get_command(ctx, cmd_name)
        command: click.Command = load_plugin(self.brought_by, cmd_name, wanted=f"`probe {self.name} {cmd_name}`")
        return command
