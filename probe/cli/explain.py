"""`probe explain`: what a block type, an outcome or a rule means, and how a verdict of a run came about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from probe.core.plugins import EXPLANATIONS, find_plugin, load_plugin
from probe.core.tables.block_types import BLOCK_TYPES, BlockType, is_ancestor
from probe.core.tables.control_remedies import REMEDIES
from probe.core.tables.outcomes import OUTCOMES
from probe.core.tables.words import read_word
from probe.core.translation import isolate, say
from probe.upkeep.commands.screen import echo_lines

if TYPE_CHECKING:
    from probe.judge.common.rule import Rule


class PopulationRule(Protocol):
    """What is shown of a rule by which all probes of a network are judged together."""

    @property
    def id(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def block_type(self) -> str: ...
    @property
    def why(self) -> str: ...


class RunExplainer(Protocol):
    """What prints how a verdict of a run came about (entry point `run`). Raises ClickException."""

    def __call__(self, run_id: str, target: str, results: Path | None, catalogue: str | None, *,
                 as_json: bool) -> None: ...


_POPULATIONS, _RUN = "pop", "run"
"""Entry points of `probe.explanations`; the ids of populations' rules begin with theirs and a slash."""


@click.command()
@click.argument("words", nargs=-1, metavar="[RUN_ID TARGET | BLOCK_TYPE | OUTCOME | RULE_ID]...",
                shell_complete=lambda context, option, begun: [
                    word for word in (*OUTCOMES, *BLOCK_TYPES, *_list_rule_ids()) if word.startswith(begun)])
@click.option("--rules", is_flag=True, help="List every rule instead, in the order in which they are tried.")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path),
              help="Folder of the results in which the run is; default: the configured one.")
@click.option("--catalogue", type=click.Path(dir_okay=False), help="Judge by this catalogue instead of the usual one.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def explain(words: tuple[str, ...], rules: bool, results: Path | None, catalogue: str | None, as_json: bool) -> None:
    """Say what a block type, an outcome or a rule means, and how it differs from the most similar one.

    With RUN_ID and TARGET (a target_id, or the URL of an endpoint in the list of targets), the command says why the
    target has its verdict in this run. It names the rule, the file that defines the rule, the evidence that the rule
    used, the rule that almost applied, and the observations.

    You may shorten RUN_ID to a beginning that no other run has. The command makes no measurement and writes no file.

    \b
    Examples:
      probe explain tls.reset.sni
      probe explain down
      probe explain tls/reset_sni_control
      probe explain                      (the whole table)
      probe explain --rules --json
      probe explain 20170504T100000Z wechat.web.wx
      probe explain 20170504T100000Z_1a2b3c4d https://web.telegram.org/ --json
    """
    if len(words) == 2 and not rules and not any(map(_is_known, words)):
        explain_run: RunExplainer = load_plugin(EXPLANATIONS, _RUN, wanted="`probe explain RUN_ID TARGET`")
        explain_run(*words, results, catalogue, as_json=as_json)
        return
    if results or catalogue:
        raise click.UsageError(say("--results and --catalogue are for a run and a target: probe explain RUN_ID TARGET"))
    if rules:
        if words:
            raise click.UsageError(say("--rules lists them all; leave the words away"))
        _list_rules(as_json=as_json)
        return
    _explain_words(words, as_json=as_json)


def _explain_words(words: tuple[str, ...], *, as_json: bool) -> None:
    found: list[BlockType] = []
    lines: list[str] = []
    for word in words or tuple(BLOCK_TYPES):
        rows = [b for b in BLOCK_TYPES.values() if is_ancestor(word, b.id)]
        if rows and (words or word in BLOCK_TYPES):
            found += rows if words else [BLOCK_TYPES[read_word(word, BLOCK_TYPES)]]
        elif word in OUTCOMES:
            lines.append(f"{isolate(word)}: {say(OUTCOMES[word])}")
        elif rule := _rule(word):
            lines.append(rule)
        else:
            from probe.upkeep.status.answer_lookup import find_near  # late: brings all that reads results

            near = find_near(word, (*BLOCK_TYPES, *OUTCOMES, *_list_rule_ids()))
            hint = say("did you mean {near}?", near=say(" or ").join(near)) if near else say(
                "`probe explain` lists the types")
            raise click.UsageError(say("{word} is no block type, outcome or rule; {hint}", word=repr(word), hint=hint))
    if as_json:
        click.echo(json.dumps([{**asdict(b), "decided_by": REMEDIES.get(b.id, "")} for b in found]))
        return
    echo_lines(line for text in [*lines, *(_text(b) for b in found)] for line in text.split("\n"))


def _is_known(word: str) -> bool:
    return any(is_ancestor(word, block) for block in BLOCK_TYPES) or word in OUTCOMES or bool(_rule(word))


def _list_rules(*, as_json: bool) -> None:
    from probe.judge.common.innocents_tried import cap_by_innocents
    from probe.judge.path.all_rules import decides_fast_runs, list_rules
    from probe.judge.rules_version import RULES_VERSION

    rows = [{"id": rule.id, "outcome": rule.outcome, "block_type": rule.block_type,
             "confidence": cap_by_innocents(rule), "capped": cap_by_innocents(rule) < rule.confidence,
             "needs": list(rule.needs), "why": rule.why, "decides_fast_runs": decides_fast_runs(rule)}
            for rule in list_rules()]
    if as_json:
        click.echo(json.dumps({"rules_version": RULES_VERSION, "rules": rows}))
        return
    for rule in list_rules():
        click.echo(_rule_text(rule))


def _text(b: BlockType) -> str:
    remedy = "\n    " + say("This would decide it: {remedy}.", remedy=say(REMEDIES[b.id])) if b.id in REMEDIES else ""
    difference = say("Not {nearest}: {test}.", nearest=b.nearest, test=say(b.test))
    return f"{b.id}  ({b.outcome})\n    {say('{meaning}.', meaning=say(b.meaning))}\n    {difference}{remedy}"


def _list_rule_ids() -> tuple[str, ...]:
    from probe.judge.path.all_rules import list_rules

    populations: Sequence[PopulationRule] = find_plugin(EXPLANATIONS, _POPULATIONS) or ()
    return (*(rule.id for rule in list_rules()), *(rule.id for rule in populations))


def _rule(word: str) -> str:
    """A rule of runs or of populations, in words; empty where none has that id. Raises MissingPluginError."""
    from probe.judge.common.rule import NEEDS
    from probe.judge.path.all_rules import list_rules

    if rule := next((r for r in list_rules() if r.id == word), None):
        return "\n".join((_rule_text(rule), *(f"    {isolate(need)}: {say(NEEDS[need])}" for need in rule.needs)))
    if not word.startswith(f"{_POPULATIONS}/"):
        return ""
    populations: Sequence[PopulationRule] = load_plugin(EXPLANATIONS, _POPULATIONS, wanted=f"`probe explain {word}`")
    if many := next((r for r in populations if r.id == word), None):
        heading = say("{rule}: {verdict}, said of all probes of a network together", rule=many.id,
                      verdict=f"{many.outcome} {many.block_type}".strip())
        return f"{heading}\n    {say('{meaning}.', meaning=say(many.why))}"
    return ""


def _rule_text(rule: Rule[Any]) -> str:
    from probe.judge.common.innocents_tried import cap_by_innocents

    heading = say("{rule}: {verdict}, confidence {confidence:.2f}, needs {needs}", rule=rule.id,
                  verdict=f"{rule.outcome} {rule.block_type}".strip(), confidence=cap_by_innocents(rule),
                  needs=", ".join(rule.needs))
    return f"{heading}\n    {say('{meaning}.', meaning=say(rule.why))}"
