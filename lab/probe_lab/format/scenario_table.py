"""The table of scenarios that `probe lab list --table` prints."""

from __future__ import annotations

from collections.abc import Iterable

from probe_lab.format.scenario import Scenario
from probe_lab.scoring.score_report import expectations

HEAD = ("number", "name", "kind", "title", "expected (all others: ok)", "needs")


def make_scenario_table(scenarios: Iterable[Scenario]) -> str:
    """A row of Markdown for each scenario."""
    rows = [HEAD, tuple("---" for _ in HEAD)]
    rows += [(scenario.number, f"`{scenario.name}`", "profile" if scenario.profile else scenario.kind, scenario.title,
              expectations(scenario), ", ".join(scenario.needs)) for scenario in scenarios]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
