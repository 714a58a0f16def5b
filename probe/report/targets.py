"""The report's parts about single targets: a panel for each that was blocked, one line for every other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from probe.model import Observation
from probe.report.charts import strip
from probe.report.gather import Example, Part
from probe.report.markup import Html, foreign, join, tag
from probe.report.series import Segment, VerdictRow, changes_between, parse_time
from probe.report.words import (
    CONTROLS,
    OPERATIONS,
    SCOPES,
    block_stories,
    caveats,
    count,
    explained,
    listed,
    moment,
    result,
)

_MAX_PANELS = 60
_MAX_OBSERVATIONS = 8
_OUTCOMES = ("ok", "blocked", "down", "network", "local", "inconclusive", "not_attempted")


def was_blocked(rows: Sequence[VerdictRow]) -> bool:
    """Whether any run says blocked, believed or not."""
    return any(row.outcome == "blocked" for row in rows)


def by_blocked_runs(part: Part) -> list[str]:
    """The targets, those with most blocked runs first."""
    blocked = {target: sum(row.outcome == "blocked" for row in rows) for target, rows in part.targets.items()}
    return sorted(blocked, key=lambda target: (-blocked[target], target))


def panels(part: Part, believed: Mapping[str, Sequence[Segment]]) -> Html:
    """A panel for each target that any run calls blocked."""
    blocked = [target for target in by_blocked_runs(part) if was_blocked(part.targets[target])]
    if not blocked:
        return join()
    left = len(blocked) - _MAX_PANELS
    return join(
        tag("h3", "Targets that were blocked"),
        [_panel(part, target, believed[target]) for target in blocked[:_MAX_PANELS]],
        tag("p", f"{count(left, 'further blocked target')} in the table below.", class_="note") if left > 0 else "",
    )


def all_targets(part: Part) -> Html:
    """Every target with its runs by outcome: the numbers behind the charts."""
    lines = []
    for target, rows in sorted(part.targets.items()):
        found = Counter(row.outcome for row in rows)
        numbers = [tag("td", str(found[name]) if found[name] else "", class_="n") for name in _OUTCOMES]
        lines.append(tag("tr", tag("th", target, scope="row"), numbers, tag("td", str(len(rows)), class_="n")))
    heads = [tag("th", name.replace("_", " "), scope="col") for name in ("target", *_OUTCOMES, "runs")]
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", lines), class_="numbers")
    return tag("details", tag("summary", f"All {count(len(lines), 'target')} in numbers"),
               tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="All targets"))


def _panel(part: Part, target: str, believed: Sequence[Segment]) -> Html:
    rows = part.targets[target]
    service, role = part.roles[target]
    stories = block_stories(believed) or ("Blocked in lone runs only; one run is no change.",)
    chart = strip(rows, changes_between(believed), part.times[0], part.times[-1], f"{target}. {' '.join(stories)}")
    return tag(
        "article",
        tag("h4", f"{service.replace('_', ' ')} {role} ", tag("code", target)),
        [tag("p", story) for story in stories],
        [tag("p", _weight(segment)) for segment in believed if segment.outcome == "blocked"],
        chart,
        [tag("p", words, class_="note") for words in caveats(rows, believed)],
        [_example(example) for example in part.examples.get(target, ())],
    )


def _weight(segment: Segment) -> Html:
    """How many runs say so, and what they name as the cause, the most frequent in plain words."""
    causes = [join(tag("code", cause or "cause not told"), f" ({n})") for cause, n in segment.block_types]
    decided = segment.n + segment.n_contrary
    between = f"between {moment(segment.first.time)} and {moment(segment.last.time)}"
    known = explained(segment.block_types[0][0])
    return join(
        f"How: {known.meaning}. " if known else "",
        f"{segment.n} of {count(decided, 'decided run')} {between} say blocked: ",
        [join(", " if position else "", cause) for position, cause in enumerate(causes)], ".",
    )


def _example(example: Example) -> Html:
    verdict, run = example.verdict, example.run
    facts = (
        ("Address of the service", foreign(verdict.input)),
        ("Cause", tag("code", verdict.block_type)),
        ("Attempts", _attempts(example)),
        ("Where", SCOPES.get(verdict.scope, verdict.scope)),
        ("From elsewhere", _controls(example)),
        ("Decided by", join("rule ", tag("code", verdict.rule_id or "?"), f", confidence {verdict.confidence:.2f}")),
    )
    shown = example.observations[:_MAX_OBSERVATIONS]
    heads = tag("tr", [tag("th", words, scope="col") for words in ("second", "what", "to", "what came of it")])
    table = tag("table", tag("thead", heads), tag("tbody", [_operation(row) for row in shown]), class_="evidence")
    more = len(example.observations) - len(shown)
    return tag(
        "details",
        tag("summary", f"Evidence: the run of {moment(parse_time(run.measurement_start_time))}"),
        tag("dl", [join(tag("dt", name), tag("dd", words)) for name, words in facts], class_="facts"),
        tag("div", table, class_="scroll") if shown else tag("p", "No single operations are recorded.", class_="note"),
        tag("p", f"{count(more, 'further operation')} in the results.", class_="note") if more > 0 else "",
        tag("p", "Run ", tag("code", run.run_id), class_="note"),
    )


def _attempts(example: Example) -> str:
    verdict = example.verdict
    again = "seen again after a while" if verdict.confirmed else "not yet seen again after a while"
    return f"{verdict.failed_attempts} of {verdict.attempts} failed; {again}"


def _controls(example: Example) -> str:
    answered = [answer for answer in example.controls if answer.state == "answered"]
    words = CONTROLS.get(example.verdict.control, example.verdict.control) or "not recorded"
    places = listed(sorted({answer.cc for answer in answered if answer.cc}))
    return f"{words}{f' (asked in {places})' if places else ''}"


def _operation(row: Observation) -> Html:
    where = row.hostname or row.sni
    address = f"[{row.address}]" if ":" in row.address else row.address
    port = f":{row.port}" if row.port and row.address else ""
    remote = row.resolver_address or f"{address}{port}"
    bad = "bad" if row.failure or row.fingerprint or row.met_expectation == "no" else None
    return tag(
        "tr",
        tag("td", f"{row.t0_s:.2f}", class_="n"),
        tag("td", OPERATIONS.get(row.operation, row.operation)),
        tag("td", foreign(where), " ", tag("span", remote, class_="note")),
        tag("td", foreign(result(row)), class_=bad),
    )

