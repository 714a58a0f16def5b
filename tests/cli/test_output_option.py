"""Every command that makes a file or a folder is told where in the same words; every command reads the same results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from probe.cli.main import cli
from probe_analysis.cli.export_ooni import export_ooni

MAKES = {
    "analyse": "folder", "collect": "folder", "demo": "folder", "evidence": "file", "example": "folder",
    "export": "file", "export ooni": "file", "feed": "folder", "fleet health": "file", "fleet rollout": "file",
    "fleet simulate": "folder", "import ooni": "folder", "issuer make": "file", "look": "file", "registers": "file",
    "report": "file", "show": "file", "site": "folder", "update keys make": "file", "update make": "file",
}
"""Command -> what its `-o/--output` names."""
BESIDE = {
    "alert": {"--to", "--state"},
    "analyse": {"--rejected"}, "collect": {"--lake"}, "feed": {"--new-key"},
    "issuer serve": {"--ledger"},
    "fleet health": {"--metrics", "--dashboard", "--alert-to", "--alert-state", "--rollout"}, "lab exec": {"--pcap"},
    "lab score": {"--html", "--markdown", "--keep", "--keep-failing"}, "look": {"--bundle", "--archive"},
    "operate check": {"--metrics"}, "operate origins": {"--listen", "--prefix-key"},
    "report": {"--figures"},
}
"""Command -> options for what it makes besides, several of which can be asked for at once."""
READS = {"--results", "--config", "--catalogue", "--answers", "--events", "--targets", "--policy", "--key", "--series",
         "--ask", "--access", "--from", "--counts", "--ooni", "--operators", "--stores", "--verify", "--revises",
         "--outages", "--corrections", "--stated", "--identity", "--issuer-keys", "--origins", "--keys", "--logins",
         "--list", "--staged"}
FORMER = {"analyse", "demo", "fleet simulate", "import ooni", "look", "report"}
"""Commands that called it `--out`."""
SHOWN_STILL = {"demo", "fleet simulate"}
"""Of the laboratory, which may not use what hides it."""


def commands(command: click.Command = cli, name: str = "") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            assert found
            yield from commands(found, f"{name} {word}".strip())


ALL = dict(commands()) | {"export ooni": export_ooni}


def path_options(command: click.Command) -> list[click.Option]:
    return [option for option in command.params
            if isinstance(option, click.Option) and isinstance(option.type, click.Path)]


def outputs(command: click.Command) -> list[click.Option]:
    return [option for option in path_options(command) if "--output" in option.opts]


def test_every_option_that_takes_a_path_is_accounted_for() -> None:
    """A new command has to say what its paths are."""
    odd = {(name, option.opts[0]) for name, command in ALL.items() for option in path_options(command)
           if "--output" not in option.opts and not (set(option.opts) & (READS | BESIDE.get(name, set())))}
    assert odd == set()
    assert {name for name, command in ALL.items() if outputs(command)} == set(MAKES)


@pytest.mark.parametrize(("name", "kind"), MAKES.items())
def test_what_a_command_makes_goes_where_o_says(name: str, kind: str) -> None:
    (option,) = outputs(ALL[name])
    assert option.opts[:2] == ["-o", "--output"]
    assert isinstance(option.type, click.Path)
    assert (option.type.file_okay, option.type.dir_okay) == (kind == "file", kind == "folder")
    assert not option.multiple


@pytest.mark.parametrize("name", sorted(FORMER))
def test_the_former_name_works_and_is_offered_nowhere(name: str, tmp_path: Path) -> None:
    command = ALL[name]
    (option,) = outputs(command)
    for given in ("-o", "--output", "--out"):
        context = command.make_context(name, [given, str(tmp_path / "x"), *(["-"] if name == "import ooni" else [])])
        assert context.params[str(option.name)] == tmp_path / "x"
    if name in SHOWN_STILL:
        return
    words = name.split()
    offered = ShellComplete(cli, {}, "probe", "_PROBE_COMPLETE").get_completions(words, "--out")
    assert {"--output", "--out"} & {item.value for item in offered} == {"--output"}
    assert not {"--out"} & set(command.get_help(click.Context(command, info_name=name)).replace(",", " ").split())


def test_no_command_needs_to_be_told_where_the_results_are() -> None:
    """Where a folder of results has to be named, it is somebody else's: several to merge."""
    needed = {name for name, command in ALL.items() for given in command.params
              if isinstance(given, click.Argument) and isinstance(given.type, click.Path) and given.required}
    assert {name for name in needed if not name.startswith("operate ")} == {"collect", "import ooni"}
