"""Every rule decides of some recorded run: observations, judged from the first lookup to the verdict."""

from __future__ import annotations

import csv
import re

import pytest

from all_runs import RUNS, SUSPECTED, TABLES
from probe.judge.path.all_rules import list_rules
from project_root import ROOT
from recorded_runs import RecordedRun
from stories import CLEAR, STORIES


def read_rows() -> list[dict[str, str]]:
    """What the program said of the stored runs."""
    with (ROOT / "tests" / "frozen" / "digests.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


FROZEN = frozenset(row["words"].rpartition(" ")[2] for row in read_rows() if row["table"] == "verdicts")
"""Rules that decide in the runs of tests/frozen, which `make same` judges again."""
UNRECORDED = frozenset({
    "dns/literal", "flow/cut_later", "flow/does_not_last", "flow/never_lasts",
    "flow/silenced_later", "net/allowlist_data", "net/allowlist_name", "net/list_or_outage", "net/resolver",
    "net/starved", "path/looked_at_only", "path/not_attempted", "path/tainted", "tls/reset_address_injected",
    "udp/abroad_is_cut_off",
})
"""Rules of which no run is recorded yet; all decide in the laboratory's scenarios (share/score.md). None may be added:
a new rule needs its run."""


def find_deciding(run: RecordedRun) -> str:
    """The rule behind the first endpoint's verdict; where none was tried, of the network."""
    return run.judge()[0].verdict.rule_id or run.decided[0].rule.id


@pytest.mark.parametrize("rule_id", sorted(RUNS.keys() - SUSPECTED))
def test_the_recorded_run_is_decided_by_its_rule(rule_id: str) -> None:
    assert find_deciding(RUNS[rule_id]) == rule_id


@pytest.mark.parametrize("rule_id", sorted(SUSPECTED))
def test_what_rests_on_nothing_is_only_suspected(rule_id: str) -> None:
    (*_, path) = RUNS[rule_id].decided
    assert [path.rule.id, *(rule.id for rule in path.suspected)] == ["path/unplaced", rule_id]


def test_what_decides_nothing_in_the_laboratory_is_recorded() -> None:
    score = (ROOT / "share" / "score.md").read_text(encoding="utf-8")
    _, _, below = score.partition("## Rules that decided nothing\n")
    listed = set(re.findall(r"`(\w+/\w+)`", below.partition("\n## ")[0]))
    assert not UNRECORDED & listed


def test_every_rule_has_a_run_of_which_it_decides() -> None:
    assert len(RUNS) == sum(map(len, TABLES)), "one rule has two runs"
    told = {rule_id for *_, rule_id in (*STORIES.values(), *CLEAR.values()) if rule_id}
    decided = told | {d.rule.id for run in RUNS.values() for d in run.decided} | SUSPECTED
    decided |= FROZEN & {rule.id for rule in list_rules()}
    assert not UNRECORDED & decided, "recorded now"
    assert decided | UNRECORDED == {rule.id for rule in list_rules()}
