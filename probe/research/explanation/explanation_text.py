"""An explanation of a verdict as lines for a person, and as JSON. Texts of files are made harmless to terminals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from probe.core.addresses import bracket_host
from probe.core.observations import Observation
from probe.core.places import Place
from probe.core.tables.basis_words import BASES
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.words import read_word
from probe.core.verdicts import Verdict
from probe.inference.evidence.planned_looks import describe_share
from probe.inference.rules import RULES_VERSION
from probe.inference.rules.all_rules import list_rules
from probe.inference.rules.field_reads import Field
from probe.inference.rules.path_context import PathContext
from probe.operation.commands.rule_places import find_rule_places
from probe.research.explanation.run_explanation import Explanation
from probe.results.files.text_cells import visible
from probe.results.text_forms import format_packet, format_place

_LONGEST = 160
"""Characters that are shown of one value."""


def describe_explanation(told: Explanation) -> Iterator[str]:
    """Verdict, rule, fields, neighbour, observations, packets: one thing a line."""
    for text in _lines(told):
        yield visible(text)


def encode_explanation(told: Explanation) -> dict[str, Any]:
    """The same for programs."""
    decision, other = told.decision, told.ruled_out
    return {
        "run_id": told.run.run_id, "rules_version": RULES_VERSION, "verdict": asdict(told.verdict),
        "stored": asdict(told.stored) if told.stored else None, "judged_otherwise": told.judged_otherwise,
        "in_catalogue": told.known, "rests_on": _basis(told.verdict),
        "rule": _rule_json(told.verdict.rule_id) | {"why": decision.rule.why if decision else ""},
        "address": _address(told),
        "fields": [_field_json(field) for field in told.fields],
        "ruled_out": None if other is None else _rule_json(other.rule.id) | {
            "outcome": other.rule.outcome, "block_type": other.rule.block_type, "why": other.rule.why,
            "field": _field_json(other.field)},
        "neighbour": _neighbour_json(told.verdict),
        "observations": [
            {"observation_id": o.observation_id, "t0_s": o.t0_s, "operation": o.operation, "address": o.address,
             "port": o.port, "hostname": o.hostname, "failure": o.failure,
             "packets": [format_packet(packet) for packet in o.packets]}
            for o in told.observations],
    }


def _lines(told: Explanation) -> Iterator[str]:
    now = told.verdict
    yield f"{told.run.run_id}  {now.target_id}  {now.input}"
    yield f"verdict: {_said(now)}"
    for name, text in (("rests on", _basis(now)), ("suspected", now.suspected), ("also", ", ".join(now.also)),
                       ("at times", describe_share(now.intermittent)), ("struck", ", ".join(now.struck)),
                       ("spared", ", ".join(now.spared)), ("scope", now.scope), ("hop", now.hop),
                       ("reason", now.reason)):
        if text:
            yield f"{name}: {text}"
    yield from _stored(told)
    yield ""
    yield from _rule(told)
    yield from _neighbour(told)
    yield ""
    yield from _observations(told.observations)


def _stored(told: Explanation) -> Iterator[str]:
    if not told.known:
        yield "Today's catalogue does not have this target: the verdict is the stored one, and nothing was judged anew."
    elif told.stored is None:
        yield "Another endpoint decided of the target; this one has no row of its own."
    elif told.judged_otherwise:
        yield (f"Rules {RULES_VERSION} judge otherwise than the stored row, which rules "
               f"{told.run.rules_version or 'of old'} made: {_said(told.stored)}, "
               f"by {told.stored.rule_id or 'no rule'}")


def _rule(told: Explanation) -> Iterator[str]:
    if not told.verdict.rule_id:
        yield "No rule was asked."
        return
    yield f"rule: {told.verdict.rule_id}  {_where(told.verdict.rule_id)}"
    if told.decision is None:
        if told.known and told.verdict.rule_id not in {rule.id for rule in list_rules()}:
            yield "    no table has it: it follows from what the catalogue expects of the endpoint"
        return
    yield f"    {told.decision.rule.why}"
    yield f"fields of the evidence that it read{f', at {address}' if (address := _address(told)) else ''}:"
    for field in told.fields:
        yield f"    {_field(field)}"
    if not told.fields:
        yield "    none: it holds where no rule before it does"


def _neighbour(told: Explanation) -> Iterator[str]:
    if other := told.ruled_out:
        verdict = f"{other.rule.outcome} {other.rule.block_type}".strip()
        yield f"nearest rule that was ruled out: {other.rule.id} ({verdict})  {_where(other.rule.id)}"
        yield f"    {other.rule.why}"
        yield f"    ruled out by {_field(other.field)}"
    if block := BLOCK_TYPES.get(read_word(told.verdict.block_type, BLOCK_TYPES)):
        yield f"{block.id} is told from {block.nearest} by this: {block.test}"


def _observations(seen: tuple[Observation, ...]) -> Iterator[str]:
    yield "observations:" if seen else "It rests on no observation."
    for o in seen:
        yield f"    {o.observation_id}  {o.t0_s:.2f} s  {o.operation}  {_place(o)}  {o.failure or o.reason or 'ok'}"
    captured = [o for o in seen if o.packets]
    if captured:
        yield "captured packets (delay ms|direction|IP TTL|IP ID|DF|flags|seq|ack|window|length):"
    for o in captured:
        yield from (f"    {o.observation_id}  {format_packet(packet)}" for packet in o.packets)


def _place(seen: Observation) -> str:
    if seen.address:
        return format_place(Place(seen.address, seen.port)) if seen.port else bracket_host(seen.address)
    return f"{seen.hostname} {seen.dns.query_type} asked of {seen.dns.resolver or 'nobody'}".strip()


def _said(verdict: Verdict) -> str:
    return f"{verdict.outcome} {verdict.block_type}".strip() + f", confidence {verdict.confidence:.2f}"


def _basis(verdict: Verdict) -> str:
    return f"{verdict.basis}: {BASES[verdict.basis]}" if verdict.basis else ""


def _where(rule_id: str) -> str:
    place = find_rule_places().get(rule_id)
    return f"{place.file}:{place.line}" if place else ""


def _address(told: Explanation) -> str:
    evidence = told.decision.evidence if told.decision else None
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
