"""The report's parts about single targets: a panel for each that was blocked, one line for every other. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from probe.core.addresses import bracket_host
from probe.core.observations import Observation
from probe.core.stamps import parse_time
from probe.judge.path.all_rules import list_rules
from probe_analysis.events.verdict_series import StateSegment, find_changes_between
from probe_analysis.pages.language import ReportLanguage, find_block_type
from probe_analysis.pages.tables import Cell, FoldedTable, PageTable, make_rows
from probe_analysis.report.part_view import ExampleView, KindsLine, TargetPanel
from probe_analysis.report.report_gather import BlockExample, NetworkPart
from probe_analysis.report.target_chart import draw_target_chart
from probe_analysis.report.target_sentences import describe_blocks, describe_result, list_caveats

MAX_STORIES = 8
"""Times that one target was blocked, in sentences; a target that flaps has hundreds."""
_MAX_OBSERVATIONS = 8
_MAX_IDS = 12
_OUTCOMES = ("ok", "blocked", "down", "network", "local", "inconclusive", "not_attempted")


def sort_by_blocked_runs(part: NetworkPart) -> list[str]:
    """The targets, those with most blocked runs first."""
    blocked = {target: sum(row.outcome == "blocked" for row in rows) for target, rows in part.targets.items()}
    return sorted(blocked, key=lambda target: (-blocked[target], target))


def make_panels(part: NetworkPart, service: str, believed: Mapping[str, Sequence[StateSegment]], most: int,
                say: ReportLanguage) -> tuple[list[TargetPanel], str]:
    """A panel for each target of a service that any run calls blocked, and how many there is no room for, in words."""
    everywhere = [target for target in sort_by_blocked_runs(part)
                  if any(row.outcome == "blocked" for row in part.targets[target])]
    shown = [target for target in everywhere[:most] if part.roles[target][0] == service]
    left = sum(part.roles[target][0] == service for target in everywhere) - len(shown)
    return ([_panel(part, target, believed[target], say) for target in shown],
            say("target.further", targets=say.count(left, "blocked_target")) if left else "")


def make_target_table(part: NetworkPart, most: int, say: ReportLanguage) -> FoldedTable:
    """Every target with its runs by outcome: the numbers behind the charts; with too many, the most blocked ones."""
    lines: list[list[Cell | str | int]] = []
    for target in sorted(sort_by_blocked_runs(part)[:most]):
        found = Counter(row.outcome for row in part.targets[target])
        lines.append([target, *(found[name] or Cell(css="n") for name in _OUTCOMES), len(part.targets[target])])
    n = f"{len(lines)} / {len(part.targets)}" if len(lines) < len(part.targets) else len(lines)
    title = say("target.all", n=n)
    return FoldedTable(summary=title, table=PageTable(title=title, rows=make_rows(lines), css="numbers", heads=[
        say("target.name"), *(say(f"outcome.{name}") for name in _OUTCOMES), say("target.runs")]))


def _panel(part: NetworkPart, target: str, believed: Sequence[StateSegment], say: ReportLanguage) -> TargetPanel:
    rows, stories = part.targets[target], describe_blocks(believed, say)
    left = len(stories) - MAX_STORIES
    stories = stories[:MAX_STORIES] or (say("story.lone"),)
    plot, numbers = draw_target_chart(rows, find_changes_between(believed), part.times[0], part.times[-1],
                                      f"{target}. {' '.join(stories)}", say)
    return TargetPanel(
        role=say.name_word("role", part.roles[target][1]), target=target,
        stories=[*stories, *([say("story.more", n=left)] if left > 0 else ())],
        weights=[_weigh(segment, say) for segment in believed if segment.outcome == "blocked"][:MAX_STORIES],
        plot=plot, numbers=numbers, caveats=list_caveats(rows, believed, say),
        examples=[_example(example, say) for example in part.examples.get(target, ())])


def _weigh(segment: StateSegment, say: ReportLanguage) -> KindsLine:
    """How many runs say so, and what they name as the cause, the most frequent in plain words."""
    known = find_block_type(segment.block_types[0][0])
    weight = say("target.weight", n=segment.n, decided=say.count(segment.n + segment.n_contrary, "decided_run"),
                 first=say.moment(segment.first.time), last=say.moment(segment.last.time))
    return KindsLine(lead=(say("target.how", meaning=say.meaning(known)) if known else "") + weight,
                     kinds=[(cause, str(n)) for cause, n in segment.block_types])


def _example(example: BlockExample, say: ReportLanguage) -> ExampleView:
    verdict, run = example.verdict, example.run
    title = say("target.evidence", time=say.moment(parse_time(run.measurement_start_time)))
    ids = ", ".join(verdict.evidence[:_MAX_IDS]) + (" …" if len(verdict.evidence) > _MAX_IDS else "")
    known = find_block_type(verdict.block_type)
    facts = (
        ("address", Cell(net=verdict.input)),
        ("cause", Cell(code=verdict.block_type, tail=f" {say.meaning(known)}" if known else "")),
        ("rule", _rule(verdict.rule_id, verdict.confidence, say)),
        ("attempts", Cell(text=_attempts(example, say))),
        ("where", Cell(text=say.name_word("scope", verdict.scope))),
        ("elsewhere", Cell(text=_controls(example, say))),
        ("ids", Cell(net_code=ids) if ids else Cell(text="-")),
    )
    more = len(example.observations) - _MAX_OBSERVATIONS
    return ExampleView(
        title=title, facts=[(say(f"target.{name}"), said) for name, said in facts], run_id=run.run_id,
        more=say("target.more_operations", operations=say.count(more, "operation")) if more > 0 else "",
        operations=PageTable(
            title=title, css="evidence", is_headed=False,
            heads=[say(f"target.{key}") for key in ("id", "second", "what", "to", "came")],
            rows=make_rows([_list_cells(row, run.run_id, say) for row in example.observations[:_MAX_OBSERVATIONS]])))


@cache
def _why() -> Mapping[str, str]:
    """Rule -> why it decides as it does."""
    return {rule.id: rule.why for rule in list_rules()}


def _rule(rule_id: str, confidence: float, say: ReportLanguage) -> Cell:
    """The rule in words, and its id."""
    why = say.translate(_why()[rule_id]) if rule_id in _why() else say("target.no_rule")
    sure = say("target.confidence", confidence=f"{confidence:.2f}")
    return Cell(text=f"{why} (", net_code=rule_id or "?", tail=f"{sure})")


def _attempts(example: BlockExample, say: ReportLanguage) -> str:
    verdict = example.verdict
    again = say("target.confirmed" if verdict.confirmed else "target.unconfirmed")
    return say("target.attempts_said", failed=verdict.failed_attempts, all=verdict.attempts, again=again)


def _controls(example: BlockExample, say: ReportLanguage) -> str:
    answered = [answer for answer in example.controls if answer.state == "answered"]
    control = example.verdict.control
    words = say.name_word("control", control) if control else say("page.not_recorded")
    places = say.join_words(sorted({answer.cc for answer in answered if answer.cc}))
    return f"{words}{say('target.asked_in', places=places) if places else ''}"


def _list_cells(row: Observation, run_id: str, say: ReportLanguage) -> tuple[Cell | str, ...]:
    port = f":{row.port}" if row.port and row.address else ""
    bad = row.failure or row.fingerprint or row.met_expectation == "no"
    return (
        Cell(code=row.observation_id.removeprefix(run_id), css="n"), Cell(text=f"{row.t0_s:.2f}", css="n"),
        say.name_word("operation", row.operation),
        Cell(net=row.hostname or row.tls.sni, aside=row.dns.resolver_address or f"{bracket_host(row.address)}{port}"),
        Cell(net=describe_result(row, say), css="bad" if bad else ""))
