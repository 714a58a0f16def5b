"""Every rule decides of some recorded run: observations, judged from the first lookup to the verdict."""

from __future__ import annotations

import re

import pytest

import runs_datagrams
import runs_lookups
import runs_named
import runs_pages
import runs_programs
import runs_tls
import runs_transfers
from probe.judge.rules.all_rules import list_rules
from project_root import ROOT
from recorded_runs import RecordedRun
from stories import CLEAR, STORIES

TABLES = (runs_datagrams.RUNS, runs_lookups.RUNS, runs_named.RUNS, runs_pages.RUNS, runs_programs.RUNS, runs_tls.RUNS,
          runs_transfers.RUNS)
RUNS: dict[str, RecordedRun] = {rule_id: run for table in TABLES for rule_id, run in table.items()}
SUSPECTED = frozenset({"flow/slowed_address"})
"""They rest on company alone, and slowness of a whole address is no strike (`probe.judge.evidence.strikes`): so
they are only suspected, and `path/unplaced` decides."""
UNRECORDED = frozenset({
    "dns/block_address_known_elsewhere", "dns/block_address_known_elsewhere_everywhere", "dns/chosen_filter",
    "dns/dead_answer", "dns/dead_answer_for_many", "dns/denied_by_the_zone", "dns/failed_control_failed",
    "dns/failed_sometimes", "dns/false_answer_of_near_resolver", "dns/household_filter", "dns/https_two_answers",
    "dns/known_here_only", "dns/literal", "dns/malformed_over_tcp", "dns/resolver_out_of_order",
    "dns/restricted_mode", "dns/restricted_mode_everywhere", "dns/two_answers", "dns/wrong_server",
    "dns/wrong_server_for_many", "dns/zone_blamed", "flow/cut_at_times", "flow/cut_later", "flow/dead_after_the_page",
    "flow/does_not_last", "flow/frozen_by_small_records", "flow/never_lasts", "flow/silenced_later",
    "flow/silent_after_the_page", "flow/small_records_unanswered", "http/answered", "http/blockpage_known_elsewhere",
    "http/controls_fail_too", "http/cut_off_for_all", "http/forbidden_for_all", "http/foreign_page",
    "http/foreign_redirect", "http/known_redirect", "http/page_of_servers", "http/reset_host_elsewhere",
    "http/same_as_control", "http/server_differs_for_all", "http/too_slow", "ip/prohibited",
    "ip/unreachable_here_only", "net/allowlist_data", "net/allowlist_name", "net/captive_portal", "net/crawls",
    "net/list_or_outage", "net/resolver", "net/starved", "path/abroad_is_cut_off", "path/answers_for_everybody",
    "path/connects", "path/ipv6_broken", "path/large_answers_lost", "path/list_or_outage", "path/looked_at_only",
    "path/mixed", "path/not_attempted", "path/not_on_the_list", "path/stays_closed", "path/tainted",
    "program/large_fail", "program/large_lost", "program/lost_at_last", "quic/drop_sni_control", "quic/had_enough",
    "quic/same_bad_certificate", "stun/answers", "tls/anybody_may_answer", "tls/drop_every_hello",
    "tls/private_root_changed", "tls/reset_address_injected", "tls/reset_by_this_server", "tls/reset_only_there",
    "tls/small_segments_pass", "udp/abroad_is_cut_off", "udp/controls_fail_too", "udp/controls_refused_too",
    "udp/degraded", "udp/lost_close_to_the_service", "udp/lost_somewhere", "udp/nothing_passes", "udp/vanishes",
})
"""Rules of which no run is recorded here yet. Those that a run with one time slot can reach decide in the laboratory's
scenarios (share/score.md). None may be added: a new rule needs its run."""


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
    assert not UNRECORDED & decided, "recorded now"
    assert decided | UNRECORDED == {rule.id for rule in list_rules()}
