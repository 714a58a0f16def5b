"""An explanation of a verdict as lines for a person, and as JSON. Texts of files are made harmless to terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from probe.core.addresses import bracket_host
from probe.core.observations import Observation
from probe.core.places import Place
from probe.core.tables.basis_words import BASES
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.purposes import FOREIGN_NAMES
from probe.core.tables.words import read_word
from probe.core.translation import isolate, say
from probe.core.verdicts import Verdict
from probe.core.visible_text import visible
from probe.judge.common.planned_looks import describe_share
from probe.judge.path.all_rules import list_rules
from probe.judge.path.path_context import PathContext
from probe.judge.rules_version import RULES_VERSION
from probe.store.text_forms import format_packet, format_place
from probe_analysis.explanation.field_reads import Field
from probe_analysis.explanation.odds_text import describe_odds
from probe_analysis.explanation.rule_places import find_rule_places
from probe_analysis.explanation.run_explanation import Explanation

_LONGEST = 160
"""Characters that are shown of one value."""
FACTS = {name: name for name in ("rests on", "suspected", "also", "at times", "struck", "spared", "scope", "hop",
                                 "reason")}
"""Facts of a verdict, and their names in the text for a person."""


def describe_explanation(explanation: Explanation) -> Iterator[str]:
    """Verdict, rule, fields, neighbour, observations, packets: one thing a line, in the language that was chosen."""
    now = explanation.verdict
    yield visible(f"{explanation.run.run_id}  {now.target_id}  {now.input}")
    yield say("verdict: {verdict}", verdict=_said(now))
    yield from _facts(now)
    yield from _stored(explanation)
    yield ""
    yield from _rule(explanation)
    yield from _neighbour(explanation)
    yield ""
    if explanation.odds:
        yield from describe_odds(explanation.odds)
        yield ""
    yield from _observations(explanation.observations)


def encode_explanation(explanation: Explanation) -> dict[str, Any]:
    """The same for programs."""
    decision, other = explanation.decision, explanation.ruled_out
    return {
        "run_id": explanation.run.run_id, "rules_version": RULES_VERSION, "verdict": asdict(explanation.verdict),
        "stored": asdict(explanation.stored) if explanation.stored else None,
        "judged_otherwise": explanation.judged_otherwise,
        "in_catalogue": explanation.known, "rests_on": _basis(explanation.verdict),
        "rule": _rule_json(explanation.verdict.rule_id) | {"why": decision.rule.why if decision else ""},
        "address": _address(explanation),
        "fields": [_field_json(field) for field in explanation.fields],
        "ruled_out": None if other is None else _rule_json(other.rule.id) | {
            "outcome": other.rule.outcome, "block_type": other.rule.block_type, "why": other.rule.why,
            "field": _field_json(other.field)},
        "neighbour": _neighbour_json(explanation.verdict),
        "odds": asdict(explanation.odds) if explanation.odds else None,
        "observations": [
            {"observation_id": o.observation_id, "t0_s": o.t0_s, "operation": o.operation, "address": o.address,
             "port": o.port, "hostname": o.hostname, "failure": o.failure,
             "packets": [format_packet(packet) for packet in o.packets]}
            for o in explanation.observations],
    }


def _facts(now: Verdict) -> Iterator[str]:
    for name, text in (
        ("rests on", _basis(now, say)), ("suspected", visible(now.suspected)), ("also", visible(", ".join(now.also))),
        ("at times", describe_share(now.intermittent)), ("struck", visible(", ".join(now.struck))),
        ("spared", visible(", ".join(now.spared))), ("scope", visible(now.scope)), ("hop", visible(now.hop)),
        ("reason", say(visible(now.reason))),
    ):
        if text:
            yield f"{say(FACTS[name])}: {isolate(text)}"


def _stored(explanation: Explanation) -> Iterator[str]:
    if not explanation.known:
        yield say("Today's catalogue does not have this target: the verdict is the stored one, and nothing was judged "
                  "anew.")
    elif explanation.stored is None:
        yield say("Another endpoint decided the target's verdict; this endpoint has no row of its own.")
    elif explanation.judged_otherwise:
        yield say("Rules {now} judge otherwise than the stored row, which rules {stored} made: {verdict}, by {rule}",
                  now=RULES_VERSION, stored=visible(explanation.run.rules_version) or say("of old"),
                  verdict=_said(explanation.stored), rule=visible(explanation.stored.rule_id) or say("no rule"))


def _rule(explanation: Explanation) -> Iterator[str]:
    rule_id = explanation.verdict.rule_id
    if not rule_id:
        yield say("No rule was asked.")
        return
    yield say("rule: {rule}", rule=f"{visible(rule_id)}  {_where(rule_id)}")
    if explanation.decision is None:
        if explanation.known and rule_id not in {rule.id for rule in list_rules()}:
            yield "    " + say("no table has this rule: the verdict follows from what the catalogue expects of the "
                               "endpoint")
        return
    yield f"    {say(explanation.decision.rule.why)}"
    address = visible(_address(explanation))
    yield (say("fields of the evidence that it read, at {address}:", address=address) if address else
           say("fields of the evidence that it read:"))
    for field in explanation.fields:
        yield f"    {visible(_field(field))}"
    if not explanation.fields:
        yield "    " + say("none: this rule holds if no rule before it does")


def _neighbour(explanation: Explanation) -> Iterator[str]:
    if other := explanation.ruled_out:
        verdict = f"{other.rule.outcome} {other.rule.block_type}".strip()
        yield say("nearest rule that was ruled out: {rule}",
                  rule=f"{other.rule.id} ({verdict})  {_where(other.rule.id)}")
        yield f"    {say(other.rule.why)}"
        yield "    " + say("ruled out by {field}", field=visible(_field(other.field)))
    if block := BLOCK_TYPES.get(read_word(explanation.verdict.block_type, BLOCK_TYPES)):
        yield say("{id} differs from {nearest} in this: {test}", id=block.id, nearest=block.nearest,
                  test=say(block.test))


def _observations(seen: tuple[Observation, ...]) -> Iterator[str]:
    yield say("observations:") if seen else say("The verdict rests on no observation.")
    for o in seen:
        yield visible(f"    {o.observation_id}  {o.t0_s:.2f} s  {o.operation}  {_place(o)}{_elsewhere(o)}  "
                      f"{o.failure or o.reason or 'ok'}")
    captured = [o for o in seen if o.packets]
    if captured:
        yield say("captured packets (delay ms|direction|IP TTL|IP ID|DF|flags|seq|ack|window|length):")
    for o in captured:
        yield from (visible(f"    {o.observation_id}  {format_packet(packet)}") for packet in o.packets)


def _place(seen: Observation) -> str:
    if seen.address:
        return format_place(Place(seen.address, seen.port)) if seen.port else bracket_host(seen.address)
    return f"{seen.hostname} {seen.dns.query_type} asked of {seen.dns.resolver or 'nobody'}".strip()


def _elsewhere(seen: Observation) -> str:
    return f" {seen.hostname} {seen.purpose}" if seen.purpose in FOREIGN_NAMES else ""


def _said(verdict: Verdict) -> str:
    return say("{verdict}, confidence {confidence:.2f}", confidence=verdict.confidence,
               verdict=visible(f"{verdict.outcome} {verdict.block_type}".strip()))


def _basis(verdict: Verdict, tell: Callable[[str], str] = str) -> str:
    return f"{verdict.basis}: {tell(BASES[verdict.basis])}" if verdict.basis else ""


def _where(rule_id: str) -> str:
    place = find_rule_places().get(rule_id)
    return f"{place.file}:{place.line}" if place else ""


def _address(explanation: Explanation) -> str:
    evidence = explanation.decision.evidence if explanation.decision else None
    return evidence.path.address if isinstance(evidence, PathContext) else ""


def _field(field: Field) -> str:
    text = repr(sorted(field.value) if isinstance(field.value, frozenset) else field.value)
    return f"{field.name} = {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}"


def _field_json(field: Field) -> dict[str, Any]:
    value = sorted(field.value) if isinstance(field.value, frozenset) else field.value
    return {"name": field.name, "value": value}


def _rule_json(rule_id: str) -> dict[str, Any]:
    place = find_rule_places().get(rule_id)
    return {"id": rule_id, "file": place.file if place else "", "line": place.line if place else 0}


def _neighbour_json(verdict: Verdict) -> dict[str, str] | None:
    block = BLOCK_TYPES.get(read_word(verdict.block_type, BLOCK_TYPES))
    return {"block_type": block.nearest, "test": block.test} if block else None
