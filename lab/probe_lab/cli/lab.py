"""`probe lab`: scenarios, programs against a known censor, and the score of this program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from probe_lab.cli.lab_common import scenarios
from probe_lab.cli.lab_exec import exec_
from probe_lab.cli.lab_score import score

if TYPE_CHECKING:
    from probe_lab.format.scenario import Scenario


@click.group()
def lab() -> None:
    """Run programs against known censors in a closed internet.

    Nothing that runs in the laboratory can reach the real network. The laboratory needs Linux and the right to make
    namespaces. `probe lab exec clean -- true` shows whether this machine gives that right, and what to do if it does
    not.
    """


@lab.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of {name, title, kind, expect, needs ...}.")
@click.option("--table", "as_table", is_flag=True, help="Print a table in Markdown that has the expected verdicts too.")
def list_(as_json: bool, as_table: bool) -> None:
    """Name the scenarios.

    \b
    Examples:
      probe lab list
      probe lab list --json | jq '.[] | select(.kind == "innocent").name'
      probe lab list --table > scenarios.md
    """
    from probe_lab.format.needs import explain_lacking_needs
    from probe_lab.format.scenario_table import make_scenario_table

    chosen = scenarios(())
    if as_json:
        click.echo(json.dumps([_described(scenario) for scenario in chosen], indent=2))
        return
    if as_table:
        click.echo(make_scenario_table(chosen))
        return
    width = max(len(scenario.name) for scenario in chosen)
    for scenario in chosen:
        missing = explain_lacking_needs(scenario.needs)
        note = f" ({missing})" if missing else ""
        click.echo(f"{scenario.number:4} {scenario.name:{width}}  {scenario.kind:10}  {scenario.title}{note}")


def _described(scenario: Scenario) -> dict[str, object]:
    expects = [
        {
            "of": expect.of, "outcome": list(expect.outcomes), "block_type": expect.causes_in_words(),
            "min_depth": expect.min_depth, "also": list(expect.also), "scope": expect.scope,
            "unless_fired": list(expect.unless_fired), "level": expect.level,
            "partial": expect.partial, "endpoints": list(expect.endpoints),
        }
        for expect in scenario.expects
    ]
    return {
        "name": scenario.name, "number": scenario.number, "title": scenario.title, "kind": scenario.kind,
        "profile": scenario.profile, "needs": list(scenario.needs), "layers": list(scenario.layers), "expect": expects,
    }


lab.add_command(exec_)
lab.add_command(score)
