"""The odds of every target of a run, and what follows from them for its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from probe.catalogue.odds_table import LABORATORY, load_base_rates, load_likelihoods
from probe.config.consent.country_profiles import name_profile
from probe.core.tables.block_types import BLOCK_TYPES, BlockTypeId, CauseId
from probe.core.tables.odds_words import Decider, Group
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.words import Empty, read_word
from probe.core.verdicts import Verdict
from probe.judge.common.rule import Decision
from probe.judge.odds.findings import Findings, find_decision, find_state, find_way, gather_run_findings, list_findings
from probe.judge.odds.weigh import Odds, weigh_findings

Decisions = Mapping[str, Sequence[tuple[str, Decision[Any]]]]
"""Target -> the inputs of its endpoints, each with the rules that held there."""
_LIKELY, _SETTLED = 0.5, 0.8
_DECIDED_BY: tuple[tuple[Group, frozenset[str], Decider], ...] = (
    ("elsewhere", frozenset({"none", "failed"}), "control"),
    ("constancy", frozenset({"tainted", "seldom tried"}), "wait"),
    ("conclusion", frozenset({"tainted", "disagreeing", "unconfirmed"}), "wait"),
    ("beside", frozenset({"unasked", "port unasked", "tainted"}), "neighbour"),
    ("nearer", frozenset({"not searched"}), "search"),
    ("nearer", frozenset({"perhaps nearer"}), "packets"),
    ("nearer", frozenset({"at the door", "searched"}), "level"),
)
"""The first that is found, of a target that is left open, says what would decide it; none: runs of others."""
_LOOKS: Mapping[str, BlockTypeId] = {
    "connect.silent": "ip.blackhole", "connect.refused": "ip.reset", "connect.reset": "ip.reset",
    "connect.other": "ip.unreachable", "tls.silent": "tls.mute", "tls.certificate": "tls.mitm", "tls.other": "tls",
    "http.silent": "http.mute", "http.other": "http", "http.certificate": "http", "page.other": "http.blockpage",
    "app.silent": "app.mute", "app.other": "app", "app.close": "app", "quic.silent": "quic.drop",
    "stun.silent": "udp", "dns.ok": "dns.forged", "dns.error": "dns", "answered": "flow",
}
"""What ways to end look like, of those that are not called as a cause is."""


def list_run_findings(verdicts: Sequence[Verdict], decisions: Decisions) -> dict[str, Findings]:
    """Target -> what was found of it; without those that were not tried."""
    tried = [v for v in verdicts if v.outcome != NOT_ATTEMPTED]
    decided = {v.target_id: find_decision(v, decisions.get(v.target_id, ())) for v in tried}
    ways = {v.target_id: find_way(v, decided[v.target_id]) for v in tried}
    run = gather_run_findings(tried, ways)
    return {v.target_id: list_findings(v, decided[v.target_id], run) for v in tried}


def list_run_odds(verdicts: Sequence[Verdict], decisions: Decisions, *, cc: str, lab: bool,
                  ) -> dict[str, tuple[Findings, Odds]]:
    """And what that weighs. `cc`: the country; `lab`: in the laboratory, whichever country it plays."""
    profile, table, rates = LABORATORY if lab else name_profile(cc), load_likelihoods(), load_base_rates()
    states = {v.target_id: find_state(v) for v in verdicts}
    return {target: (found, weigh_findings(found, states[target], profile=profile, table=table, rates=rates))
            for target, found in list_run_findings(verdicts, decisions).items()}


def add_odds(verdicts: Sequence[Verdict], decisions: Decisions, *, cc: str, lab: bool) -> tuple[Verdict, ...]:
    """The verdicts with how probable each cause is; everything else of them stays."""
    known = list_run_odds(verdicts, decisions, cc=cc, lab=lab)
    return tuple(complete_verdict(v, *known[v.target_id]) if v.target_id in known else v for v in verdicts)


def complete_verdict(verdict: Verdict, findings: Findings, odds: Odds) -> Verdict:
    """The row with its odds."""
    shares = odds.shares
    return replace(
        verdict, p_ok=shares["ok"], p_blocked=shares["blocked"], p_service=shares["service"],
        p_network=shares["network"], p_local=shares["local"],
        if_blocked=_name_interference(verdict, findings["way"]) if shares["blocked"] >= _LIKELY else "",
        would_decide=_find_decider(verdict, findings, odds))


def _name_interference(verdict: Verdict, way: str) -> CauseId:
    """The most probable cause if somebody interferes."""
    if verdict.outcome == "ok":
        return ""
    known = verdict.block_type if verdict.outcome == "blocked" else verdict.suspected
    return known or _LOOKS.get(way) or (read_word(way, BLOCK_TYPES) if way in BLOCK_TYPES else "")


def _find_decider(verdict: Verdict, findings: Findings, odds: Odds) -> Decider | Empty:
    if verdict.outcome in ("ok", "blocked") or (
            verdict.outcome != "inconclusive" and max(odds.shares.values()) >= _SETTLED):
        return ""
    return next((word for group, words, word in _DECIDED_BY if findings[group] in words), "population")
