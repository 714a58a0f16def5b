"""The main sentences about one network: what was blocked and when, what was not, what is not decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probe_analysis.events.verdict_series import StateSegment
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.names import name_service
from probe_analysis.pages.tables import Cell
from probe_analysis.report.report_gather import NetworkPart
from probe_analysis.report.target_section import sort_by_blocked_runs
from probe_analysis.report.target_sentences import describe_account_need, describe_blocks

_MAX_ITEMS = 30
_MAX_SERVICES = 12


def describe_scope(part: NetworkPart, say: ReportLanguage) -> str:
    """How many runs, when, of how much."""
    first, last = part.times[0], part.times[-1]
    when = say("page.at", time=say.moment(first)) if first == last else say(
        "page.between", first=say.moment(first), last=say.moment(last))
    services = {service for service, _ in part.roles.values()}
    return say("page.scope", runs=say.count(len(part.runs), "run"), when=when,
               targets=say.count(len(part.targets), "target"), services=say.count(len(services), "service"))


def list_findings(part: NetworkPart, believed: Mapping[str, Sequence[StateSegment]], names: Mapping[str, str],
                  say: ReportLanguage) -> list[Cell]:
    """Believed blocks, one item for each interval, then everything else; `names`: what services are called."""
    stories: dict[str, list[str]] = {}
    for target in sort_by_blocked_runs(part):
        for story in describe_blocks(believed[target], say):
            stories.setdefault(story, []).append(target)
    items = [_finding(part, story, targets, names, say) for story, targets in list(stories.items())[:_MAX_ITEMS]]
    if len(stories) > _MAX_ITEMS:
        items.append(Cell(text=say("story.more", n=len(stories) - _MAX_ITEMS)))
    blocked = {part.roles[target][0] for targets in stories.values() for target in targets}
    return [*items, *(Cell(text=words) for words in _others(part, blocked, names, say))]


def _others(part: NetworkPart, blocked: set[str], names: Mapping[str, str], say: ReportLanguage) -> list[str]:
    """Sentences about the services without a believed block, and about the network as a whole."""
    seen: dict[str, set[str]] = {}
    runs: dict[str, set[str]] = {}
    for target, rows in part.targets.items():
        for row in rows:
            seen.setdefault(part.roles[target][0], set()).add(row.outcome)
            runs.setdefault(row.outcome, set()).add(row.run_id)
    free = {service: outcomes for service, outcomes in seen.items() if service not in blocked}
    lone = {service for service, outcomes in free.items() if "blocked" in outcomes}
    clear = {service for service, outcomes in free.items() if "ok" in outcomes} - lone
    named = (
        ("clear", clear), ("lone", lone), ("never", set(free) - lone - clear),
        ("down", {service for service, outcomes in seen.items() if "down" in outcomes}),
    )
    sentences = [say(f"finding.{key}", services=say.join_words([name_service(name, names) for name in sorted(found)]))
                 for key, found in named if found]
    unseen = [f"{name_service(name, names)} ({parts})" for name in sorted(seen)
              if (parts := describe_account_need(name, say))]
    if unseen:
        sentences.append(say("service.account", parts=say.join_words(unseen)))
    if cut := runs.get("network"):
        sentences.append(say("finding.cut", runs=say.count(len(cut), "run")))
    return sentences


def _finding(part: NetworkPart, story: str, targets: Sequence[str], names: Mapping[str, str],
             say: ReportLanguage) -> Cell:
    """What was blocked in the same interval: services with their roles, when, and the targets' names."""
    roles: dict[str, set[str]] = {}
    for target in targets:
        service, role = part.roles[target]
        roles.setdefault(name_service(service, names), set()).add(say.name_word("role", role))
    shown = [f"{service} ({say.join_words(sorted(found))})" for service, found in list(roles.items())[:_MAX_SERVICES]]
    left = len(roles) - len(shown)
    what = say.join_words([*shown, say("finding.more", n=left)] if left else shown)
    return Cell(strong=what, text=say("finding.one" if len(roles) == 1 else "finding.many", story=story),
                ids=f"{', '.join(targets[:6])}{' …' if len(targets) > 6 else ''}")
