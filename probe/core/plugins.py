"""What other installed distributions of the project bring, found by entry points: so no import points at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from probe.core.translation import say

Part = Literal["analysis", "operate", "lab"]
"""A distribution of the project, named as its folder in a checkout."""
Group = Literal["probe.commands", "probe.judges", "probe.explanations", "probe.update_commands",
                "probe.targets_commands", "probe.fleet_commands"]
COMMANDS_OF_OTHERS: Group = "probe.commands"
"""Name -> a command of click, beside our own; a name belongs to one part."""
JUDGES: Group = "probe.judges"
"""Engine of a run -> a `RunJudge` of the analysis, for `probe classify` and `probe explain`."""
EXPLANATIONS: Group = "probe.explanations"
"""`pop` -> the rules of populations, `run` -> what explains a verdict of a run, for `probe explain`."""
UPDATE_COMMANDS: Group = "probe.update_commands"
"""Name -> a command of click, which `probe update` has for those who make lists and feeds."""
TARGETS_COMMANDS: Group = "probe.targets_commands"
"""Name -> a command of click, which `probe targets` has for those who write lists."""
FLEET_COMMANDS: Group = "probe.fleet_commands"
"""Name -> a command of click, which `probe fleet` has for those who score the analysis by made-up fleets."""
_PARTS: Mapping[Group, Part] = {
    COMMANDS_OF_OTHERS: "lab", JUDGES: "analysis", EXPLANATIONS: "analysis", UPDATE_COMMANDS: "operate",
    TARGETS_COMMANDS: "operate", FLEET_COMMANDS: "lab",
}
"""The part that brings what this project has for a group; of a command `probe.cli.command_table` knows it better."""


class MissingPluginError(Exception):
    """What was asked for comes with a distribution that is not installed here; the text says how to install it."""


def has_plugin(group: Group, name: str) -> bool:
    """Whether an installed distribution brings something under this name; nothing is imported."""
    from importlib.metadata import entry_points  # late: no run needs it

    return bool(entry_points(group=group, name=name))


def find_plugin(group: Group, name: str) -> Any | None:
    """What an installed distribution brings under this name; None where none does."""
    from importlib.metadata import entry_points  # late: no run needs it

    return next((entry.load() for entry in entry_points(group=group, name=name)), None)


def load_plugin(group: Group, name: str, *, wanted: str) -> Any:
    """As `find_plugin`. Raises MissingPluginError, which names what was `wanted`."""
    found = find_plugin(group, name)
    if found is None:
        raise MissingPluginError(explain_missing_part(wanted, _PARTS[group]))
    return found


def list_folders(part: Part) -> str:
    """The folders of a checkout that pip must be given for a part, beside that of the probe.

    All that it needs of ours is named: pip would look for the rest in the package index, where others may own the
    names.
    """
    return "operate ./lab" if part == "lab" else part


def explain_missing_part(wanted: str, part: Part) -> str:
    """Says that the wanted thing is not installed, and how to install it."""
    return say("{wanted} comes with a part of the project that is not installed here; in a checkout of the project "
               "run: pip install . ./{part}", wanted=wanted, part=list_folders(part))
