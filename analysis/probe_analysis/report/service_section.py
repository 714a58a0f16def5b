"""A section for each service: what is blocked of it, its time series role by role, and its blocked targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from probe.core.verdicts import ServiceVerdict
from probe_analysis.events.verdict_series import StateSegment
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.strip_rows import count_decided, format_counts, sum_outcomes
from probe_analysis.pages.strips import draw_share_chart
from probe_analysis.pages.tables import Cell, FoldedTable, PageTable, make_rows
from probe_analysis.pages.time_buckets import BucketCell, TimeBuckets, make_bucket_cells, make_day_buckets
from probe_analysis.report.part_view import ChartView, KindsLine, ServiceView
from probe_analysis.report.report_gather import NetworkPart, PartlyBlocked
from probe_analysis.report.target_section import make_panels
from probe_analysis.report.target_sentences import describe_account_need

Rows = Sequence[tuple[datetime, str]]
"""(time, state) of each run."""
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


def make_service_view(part: NetworkPart, service: str, name: str, believed: Mapping[str, Sequence[StateSegment]],
                      room: PageRoom, say: ReportLanguage) -> ServiceView:
    """One service on one network."""
    roles = {role: rows for (owner, role), rows in sorted(part.services.items()) if owner == service}
    states = {state for rows in roles.values() for _, state in rows}
    buckets = make_day_buckets(part.times, most=room.steps)
    hit = bool(states & BLOCKED)
    panels, further = make_panels(part, service, believed, room.panels, say)
    return ServiceView(
        service=service, name=name, states=states, is_open=hit,
        charts=[make_role_chart(buckets, make_bucket_cells(buckets, rows), name, role, room, say)
                for role, rows in roles.items()],
        note=say("service.no_block") if not hit and "ok" in states else "",
        kinds=_list_kinds(part, service, say) if hit else None, unseen=describe_account_need(service, say),
        partly=[_partly(role, part.partly[service, role], say) for role in roles if (service, role) in part.partly],
        panels=panels, further=further)


def make_role_chart(buckets: TimeBuckets, line: Sequence[BucketCell], name: str, role: str, room: PageRoom,
                    say: ReportLanguage) -> ChartView:
    """The time series of one role, over its numbers and its stretches."""
    title = say("chart.series", service=name, role=say.name_word("role", role))
    numbers = _numbers(buckets, line, say)
    plot = draw_share_chart(buckets, line, say, f"{title}. {numbers}", titled=room.titled)
    return ChartView(title=title, plot=plot, numbers=numbers,
                     stretches=_stretches(buckets, line, title, room.stretches, say))


def _numbers(buckets: TimeBuckets, line: Sequence[BucketCell], say: ReportLanguage) -> str:
    counts = format_counts(sum_outcomes(line), say)
    if not (n := count_decided(line)):
        return say("chart.numbers_none", counts=counts)
    found = [cell.decided() for cell in line if cell.total]
    each = str(min(found)) if min(found) == max(found) else f"{min(found)}\u2013{max(found)}"
    return say("chart.numbers", n=n, total=sum(cell.total for cell in line), counts=counts, each=each,
               step=say.duration(buckets.width), gaps=sum(not cell.total for cell in line),
               steps=len(line))


def _stretches(buckets: TimeBuckets, line: Sequence[BucketCell], title: str, most: int,
               say: ReportLanguage) -> FoldedTable | None:
    """The chart as a table: neighbouring steps of one state together, each with its numbers."""
    if not most or not any(cell.state in BLOCKED for cell in line):
        return None
    groups = [(state, list(found)) for state, found in groupby(enumerate(line), key=lambda step: step[1].state)]
    rows: list[tuple[str | int, ...]] = []
    for state, steps in groups[:most]:
        begin, end = buckets.begin(steps[0][0]), buckets.begin(steps[-1][0] + 1)
        alike = [cell for _, cell in steps]
        rows.append((say.moment(begin), say.moment(end), say(f"state.{state}"), count_decided(alike),
                     format_counts(sum_outcomes(alike), say)))
    left = len(groups) - most
    return FoldedTable(
        summary=say("chart.stretches"), notes=[say("chart.more_stretches", n=left)] if left > 0 else (),
        table=PageTable(title=title, rows=make_rows(rows), is_headed=False, heads=(
            say("chart.from"), say("chart.to"), say("chart.state"), "n", say("chart.counts"))))


def _list_kinds(part: NetworkPart, service: str, say: ReportLanguage) -> KindsLine | None:
    """Kinds of blocking of a service, each with the runs in which some target of it says so."""
    runs: dict[str, set[str]] = {}
    for target, rows in part.targets.items():
        if part.roles[target][0] == service:
            for row in rows:
                if row.outcome == "blocked":
                    runs.setdefault(row.block_type, set()).add(row.run_id)
    found = sorted(runs.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return KindsLine(lead=say("service.causes"), kinds=[
        (cause, say("service.cause_count", runs=say.count(len(names), "run"))) for cause, names in found
    ]) if found else None


def _partly(role: str, partly: PartlyBlocked, say: ReportLanguage) -> Cell:
    """A role that was partly blocked: in how many runs, of how many endpoints, which, and over which address family."""
    latest = partly.latest
    words = say("service.partly", role=say.name_word("role", role), runs=say.count(partly.runs, "run"),
                time=say.moment(partly.time), k=latest.k, n=latest.n)
    return Cell(text=f"{words}{describe_families(latest, say)}{say('page.stop')}",
                ids=", ".join(latest.blocked_targets[:6]) + (" …" if len(latest.blocked_targets) > 6 else ""))


def describe_families(row: ServiceVerdict, say: ReportLanguage) -> str:
    """Blocked of decided endpoints of each address family, where both were told."""
    families = ((4, row.k_ipv4, row.n_ipv4), (6, row.k_ipv6, row.n_ipv6))
    found = [say("service.family", family=family, k=k, n=n) for family, k, n in families if n]
    return f" ({', '.join(found)})" if found else ""
