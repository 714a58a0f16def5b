"""The report's parts about single targets: a panel for each that was blocked, one line for every other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from probe.core.addresses import bracket_host
from probe.core.observations import Observation
from probe.core.stamps import parse_time
from probe.judge.path.all_rules import list_rules
from probe.upkeep.page.markup import Html, isolate_text, join_html, make_tag
from probe_analysis.report.charts import draw_target_strip
from probe_analysis.report.language import ReportLanguage, find_block_type
from probe_analysis.report.report_gather import BlockExample, NetworkPart
from probe_analysis.report.target_sentences import describe_blocks, describe_result, list_caveats
from probe_analysis.report.verdict_series import StateSegment, VerdictRow, find_changes_between

MAX_STORIES = 8
"""Times that one target was blocked, in sentences; a target that flaps has hundreds."""
_MAX_OBSERVATIONS = 8
_MAX_IDS = 12
_OUTCOMES = ("ok", "blocked", "down", "network", "local", "inconclusive", "not_attempted")


def was_blocked(rows: Sequence[VerdictRow]) -> bool:
    """Whether any run says blocked, believed or not."""
    return any(row.outcome == "blocked" for row in rows)


def sort_by_blocked_runs(part: NetworkPart) -> list[str]:
    """The targets, those with most blocked runs first."""
    blocked = {target: sum(row.outcome == "blocked" for row in rows) for target, rows in part.targets.items()}
    return sorted(blocked, key=lambda target: (-blocked[target], target))


def blocked_targets(part: NetworkPart) -> list[str]:
    """Targets that any run calls blocked, those with most blocked runs first."""
    return [target for target in sort_by_blocked_runs(part) if was_blocked(part.targets[target])]


def make_panels(part: NetworkPart, service: str, believed: Mapping[str, Sequence[StateSegment]], most: int,
                say: ReportLanguage) -> Html:
    """A panel for each target of a service that any run calls blocked, as far as there is room."""
    everywhere = blocked_targets(part)
    shown = [target for target in everywhere[:most] if part.roles[target][0] == service]
    left = sum(part.roles[target][0] == service for target in everywhere) - len(shown)
    further = make_tag("p", say("target.further", targets=say.count(left, "blocked_target")), class_="note")
    if not shown:
        return further if left else join_html()
    return join_html(
        make_tag("h4", say("target.blocked")),
        [_panel(part, target, believed[target], say) for target in shown],
        further if left else "",
    )


def make_target_table(part: NetworkPart, most: int, say: ReportLanguage) -> Html:
    """Every target with its runs by outcome: the numbers behind the charts; with too many, the most blocked ones."""
    lines = []
    for target in sorted(sort_by_blocked_runs(part)[:most]):
        rows = part.targets[target]
        found = Counter(row.outcome for row in rows)
        numbers = [make_tag("td", str(found[name]) if found[name] else "", class_="n") for name in _OUTCOMES]
        lines.append(make_tag("tr", make_tag("th", target, scope="row"), numbers,
                              make_tag("td", str(len(rows)), class_="n")))
    words = [say("target.name"), *(say(f"outcome.{name}") for name in _OUTCOMES), say("target.runs")]
    heads = [make_tag("th", word, scope="col") for word in words]
    table = make_tag("table", make_tag("thead", make_tag("tr", heads)), make_tag("tbody", lines), class_="numbers")
    n = f"{len(lines)} / {len(part.targets)}" if len(lines) < len(part.targets) else len(lines)
    title = say("target.all", n=n)
    return make_tag("details", make_tag("summary", title),
                    make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=title))


def _panel(part: NetworkPart, target: str, believed: Sequence[StateSegment], say: ReportLanguage) -> Html:
    rows = part.targets[target]
    _, role = part.roles[target]
    blocked = [segment for segment in believed if segment.outcome == "blocked"]
    stories = describe_blocks(believed, say)
    left = len(stories) - MAX_STORIES
    stories = stories[:MAX_STORIES] or (say("story.lone"),)
    chart = draw_target_strip(rows, find_changes_between(believed), part.times[0], part.times[-1],
                              f"{target}. {' '.join(stories)}", say)
    return make_tag(
        "article",
        make_tag("h5", f"{say.name_word('role', role)} ", make_tag("code", target)),
        [make_tag("p", story) for story in stories],
        make_tag("p", say("story.more", n=left)) if left > 0 else "",
        [make_tag("p", _weight(segment, say)) for segment in blocked[:MAX_STORIES]],
        chart,
        [make_tag("p", words, class_="note") for words in list_caveats(rows, believed, say)],
        [_example(example, say) for example in part.examples.get(target, ())],
    )


def _weight(segment: StateSegment, say: ReportLanguage) -> Html:
    """How many runs say so, and what they name as the cause, the most frequent in plain words."""
    causes = [join_html(make_tag("code", cause or say("target.no_cause")), f" ({n})") for cause,
              n in segment.block_types]
    known = find_block_type(segment.block_types[0][0])
    weight = say("target.weight", n=segment.n, decided=say.count(segment.n + segment.n_contrary, "decided_run"),
                 first=say.moment(segment.first.time), last=say.moment(segment.last.time))
    return join_html(
        say("target.how", meaning=say.meaning(known)) if known else "", weight,
        [join_html(say("page.comma") if position else "", cause) for position, cause in enumerate(causes)],
        say("page.stop"),
    )


def _example(example: BlockExample, say: ReportLanguage) -> Html:
    verdict, run = example.verdict, example.run
    time = say.moment(parse_time(run.measurement_start_time))
    ids = ", ".join(verdict.evidence[:_MAX_IDS]) + (" …" if len(verdict.evidence) > _MAX_IDS else "")
    facts = (
        (say("target.address"), isolate_text(verdict.input)),
        (say("target.cause"), _cause(verdict.block_type, say)),
        (say("target.rule"), _rule(verdict.rule_id, verdict.confidence, say)),
        (say("target.attempts"), _attempts(example, say)),
        (say("target.where"), say.name_word("scope", verdict.scope)),
        (say("target.elsewhere"), _controls(example, say)),
        (say("target.ids"), make_tag("code", isolate_text(ids, limit=800)) if ids else "-"),
    )
    shown = example.observations[:_MAX_OBSERVATIONS]
    words = [say(f"target.{key}") for key in ("id", "second", "what", "to", "came")]
    heads = make_tag("tr", [make_tag("th", word, scope="col") for word in words])
    title = say("target.evidence", time=time)
    table = make_tag("table", make_tag("caption", title, class_="unseen"), make_tag("thead", heads),
                     make_tag("tbody", [_operation(row, run.run_id, say) for row in shown]), class_="evidence")
    more = len(example.observations) - len(shown)
    return make_tag(
        "details",
        make_tag("summary", title),
        make_tag("dl", [join_html(make_tag("dt", name), make_tag("dd", said)) for name, said in facts], class_="facts"),
        make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=title) if shown
        else make_tag("p", say("target.no_operations"), class_="note"),
        make_tag("p", say("target.more_operations", operations=say.count(more, "operation")), class_="note")
        if more > 0 else "",
        make_tag("p", say("target.run"), make_tag("code", run.run_id), class_="note"),
    )


def _cause(block_type: str, say: ReportLanguage) -> Html:
    known = find_block_type(block_type)
    return join_html(make_tag("code", block_type), f" {say.meaning(known)}" if known else "")


@cache
def _why() -> Mapping[str, str]:
    """Rule -> why it decides as it does."""
    return {rule.id: rule.why for rule in list_rules()}


def _rule(rule_id: str, confidence: float, say: ReportLanguage) -> Html:
    """The rule in words, and its id."""
    why = say.translate(_why()[rule_id]) if rule_id in _why() else say("target.no_rule")
    sure = say("target.confidence", confidence=f"{confidence:.2f}")
    return join_html(why, " (", make_tag("code", isolate_text(rule_id or "?")), sure, ")")


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


def _operation(row: Observation, run_id: str, say: ReportLanguage) -> Html:
    where = row.hostname or row.tls.sni
    port = f":{row.port}" if row.port and row.address else ""
    remote = row.dns.resolver_address or f"{bracket_host(row.address)}{port}"
    bad = "bad" if row.failure or row.fingerprint or row.met_expectation == "no" else None
    return make_tag(
        "tr",
        make_tag("td", make_tag("code", row.observation_id.removeprefix(f"{run_id}")), class_="n"),
        make_tag("td", f"{row.t0_s:.2f}", class_="n"),
        make_tag("td", say.name_word("operation", row.operation)),
        make_tag("td", isolate_text(where), " ", make_tag("span", remote, class_="note")),
        make_tag("td", isolate_text(describe_result(row, say)), class_=bad),
    )
