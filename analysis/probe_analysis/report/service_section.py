"""A section for each service: what is blocked of it, its time series role by role, and its blocked targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from probe.core.verdicts import ServiceVerdict
from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.report.charts import Rows
from probe_analysis.report.language import ReportLanguage
from probe_analysis.report.report_gather import NetworkPart, PartlyBlocked
from probe_analysis.report.strip_rows import count_decided, sum_outcomes
from probe_analysis.report.strips import draw_share_chart
from probe_analysis.report.target_section import make_panels
from probe_analysis.report.target_sentences import describe_account_need, format_counts
from probe_analysis.report.time_buckets import BucketCell, TimeBuckets, make_bucket_cells, make_day_buckets
from probe_analysis.report.verdict_series import StateSegment

BLOCKED = frozenset({"blocked", "partial", "mixed"})
_STEPS, _OVERVIEW_STEPS, _PANELS, _TARGETS, _STRETCHES = 80_000, 40_000, 60, 3_000, 6_000
"""What all networks together may take of the page: steps of time series, of overviews, panels, lines of tables."""
_TITLED = 250
"""With more time series than this their single steps have no words of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRoom:
    """What a network may take of the page, so that the whole stays small: shared out among all that are shown."""

    steps: int
    """Steps of each time series."""
    overview_steps: int
    stretches: int
    """Lines of each table of stretches; 0: none."""
    titled: bool
    """Each step has its numbers as a title; in the overview a letter, too."""
    panels: int
    """Blocked targets with a panel."""
    targets: int
    """Lines in the table of all targets."""


def share_room(*, networks: int, roles: int, services: int) -> PageRoom:
    """Shares out what the page may hold among so many networks, and roles and services of all of them."""
    networks, roles, services = max(1, networks), max(1, roles), max(1, services)
    stretches = min(24, _STRETCHES // roles)
    return PageRoom(
        steps=max(26, min(400, _STEPS // roles)), overview_steps=max(26, min(400, _OVERVIEW_STEPS // services)),
        stretches=stretches if stretches > 2 else 0, titled=roles <= _TITLED,
        panels=max(5, _PANELS // networks), targets=_TARGETS // networks,
    )


def combine_services(part: NetworkPart) -> dict[str, Rows]:
    """Service -> its state in each run, over all its roles; those that were blocked most stand first."""
    runs: dict[str, dict[datetime, list[str]]] = {}
    for (service, _), rows in part.services.items():
        found = runs.setdefault(service, {})
        for time, state in rows:
            found.setdefault(time, []).append(state)
    made = {service: [(time, combine_roles(states)) for time, states in sorted(found.items())]
            for service, found in runs.items()}
    return dict(sorted(made.items(), key=lambda row: (-sum(state in BLOCKED for _, state in row[1]), row[0])))


def combine_roles(states: Sequence[str]) -> str:
    """What one run says of a service, from its roles: partly blocked where some of the decided ones are."""
    found = set(states)
    if found & {"blocked", "partial"}:
        return "partial" if found & {"ok", "partial"} else "blocked"
    if "ok" in found:
        return "ok"
    return Counter(state for state in states if state != "not_attempted" or len(found) == 1).most_common(1)[0][0]


def make_service_section(part: NetworkPart, service: str, name: str, anchor: str,
                         believed: Mapping[str, Sequence[StateSegment]], room: PageRoom, say: ReportLanguage) -> Html:
    """One service on one network; `anchor` names the section, `data-` attributes are for the filters."""
    roles = {role: rows for (owner, role), rows in sorted(part.services.items()) if owner == service}
    states = {state for rows in roles.values() for _, state in rows}
    buckets = make_day_buckets(part.times, most=room.steps)
    charts = [make_role_chart(buckets, make_bucket_cells(buckets, rows), name, role, room, say) for role,
              rows in roles.items()]
    hit = bool(states & BLOCKED)
    unseen = describe_account_need(service, say)
    partly = [_partly(role, part.partly[service, role], say) for role in roles if (service, role) in part.partly]
    return make_tag(
        "section",
        make_tag("h3", name, id=f"{anchor}-h"),
        _causes(part, service, say) if hit else make_tag("p", say("service.no_block"), class_="note")
        if not states & BLOCKED and "ok" in states else "",
        make_tag("p", say("service.account", parts=unseen), class_="note") if unseen else "",
        make_tag("ul", [make_tag("li", words) for words in partly]) if partly else "",
        charts if hit else make_tag("details", make_tag("summary", say("service.charts")), charts),
        make_panels(part, service, believed, room.panels, say),
        id=anchor, class_="service", data_service=service, data_outcomes=" ".join(sorted(states)),
        aria_labelledby=f"{anchor}-h",
    )


def make_role_chart(buckets: TimeBuckets, line: Sequence[BucketCell], name: str, role: str, room: PageRoom,
                    say: ReportLanguage) -> Html:
    """The time series of one role, over its numbers and its stretches."""
    title = say("chart.series", service=name, role=say.name_word("role", role))
    numbers = _numbers(buckets, line, say)
    axis = make_tag("div", make_tag("span", "100 %"), make_tag("span", "0 %"), class_="scale", aria_hidden="true")
    plot = make_tag("div", axis, draw_share_chart(buckets, line, say, f"{title}. {numbers}", titled=room.titled),
                    class_="plot")
    return make_tag("figure", make_tag("h4", title), plot, make_tag("figcaption", numbers, class_="note"),
                    _stretches(buckets, line, title, room.stretches, say))


def _numbers(buckets: TimeBuckets, line: Sequence[BucketCell], say: ReportLanguage) -> str:
    counts = format_counts(sum_outcomes(line), say)
    if not (n := count_decided(line)):
        return say("chart.numbers_none", counts=counts)
    found = [cell.decided() for cell in line if cell.total]
    each = str(min(found)) if min(found) == max(found) else f"{min(found)}\u2013{max(found)}"
    return say("chart.numbers", n=n, total=sum(cell.total for cell in line), counts=counts, each=each,
               step=say.duration(buckets.width), gaps=sum(not cell.total for cell in line),
               steps=len(line))


def _stretches(buckets: TimeBuckets, line: Sequence[BucketCell], title: str, most: int, say: ReportLanguage) -> Html:
    """The chart as a table: neighbouring steps of one state together, each with its numbers."""
    if not most or not any(cell.state in BLOCKED for cell in line):
        return join_html()
    groups = [(state, list(found)) for state, found in groupby(enumerate(line), key=lambda step: step[1].state)]
    rows = []
    for state, steps in groups[:most]:
        begin, end = buckets.begin(steps[0][0]), buckets.begin(steps[-1][0] + 1)
        alike = [cell for _, cell in steps]
        rows.append(make_tag("tr", make_tag("td", say.moment(begin)), make_tag("td", say.moment(end)),
                             make_tag("td", say(f"state.{state}")),
                             make_tag("td", str(count_decided(alike)), class_="n"),
                             make_tag("td", format_counts(sum_outcomes(alike), say))))
    words = [say("chart.from"), say("chart.to"), say("chart.state"), "n", say("chart.counts")]
    heads = make_tag("tr", [make_tag("th", word, scope="col") for word in words])
    left = len(groups) - most
    return make_tag("details", make_tag("summary", say("chart.stretches")),
                    make_tag("div",
                             make_tag("table", make_tag("caption", title, class_="unseen"), make_tag("thead", heads),
                                      make_tag("tbody", rows)),
                             class_="scroll", tabindex="0", role="region", aria_label=title),
                    make_tag("p", say("chart.more_stretches", n=left), class_="note") if left > 0 else "")


def _causes(part: NetworkPart, service: str, say: ReportLanguage) -> Html:
    """Kinds of blocking of a service, each with the runs in which some target of it says so."""
    runs: dict[str, set[str]] = {}
    for target, rows in part.targets.items():
        if part.roles[target][0] == service:
            for row in rows:
                if row.outcome == "blocked":
                    runs.setdefault(row.block_type, set()).add(row.run_id)
    if not runs:
        return join_html()
    found = sorted(runs.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    shown = [join_html(say("page.comma") if position else "", make_tag("code", cause or say("target.no_cause")),
                       f" ({say('service.cause_count', runs=say.count(len(names), 'run'))})")
             for position, (cause, names) in enumerate(found)]
    return make_tag("p", say("service.causes"), shown, say("page.stop"))


def _partly(role: str, partly: PartlyBlocked, say: ReportLanguage) -> Html:
    """A role that was partly blocked: in how many runs, of how many endpoints, which, and over which address family."""
    latest = partly.latest
    words = say("service.partly", role=say.name_word("role", role), runs=say.count(partly.runs, "run"),
                time=say.moment(partly.time), k=latest.k, n=latest.n)
    targets = ", ".join(latest.blocked_targets[:6]) + (" …" if len(latest.blocked_targets) > 6 else "")
    return join_html(words, describe_families(latest, say), say("page.stop"), " ",
                     make_tag("span", targets, class_="ids"))


def describe_families(row: ServiceVerdict, say: ReportLanguage) -> str:
    """Blocked of decided endpoints of each address family, where both were told."""
    told = ((4, row.k_ipv4, row.n_ipv4), (6, row.k_ipv6, row.n_ipv6))
    found = [say("service.family", family=family, k=k, n=n) for family, k, n in told if n]
    return f" ({', '.join(found)})" if found else ""
