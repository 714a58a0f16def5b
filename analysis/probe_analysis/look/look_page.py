"""One page that answers for one service in one country: sentences, each with a link to its rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from probe.core.counted_words import choose_word, count_things
from probe.core.stamps import format_time
from probe.upkeep.page.markup import Html
from probe_analysis.findings.finding_values import LookFinding, LookSource, MeasuredPart, PlannedPart
from probe_analysis.look.beside_tables import MAX_ROWS, list_beside_tables, make_look_table
from probe_analysis.look.lab_words import describe_lab
from probe_analysis.look.look_json import cite
from probe_analysis.look.look_sentences import (
    ENOUGH,
    MAX_FINDINGS,
    NOTABLE,
    WHOLE,
    Counted,
    anchor_finding,
    anchor_table,
    make_claims,
    make_sentences,
    may_name,
    name_counted,
    weigh_finding,
)
from probe_analysis.look.look_values import LookData, LookSentence
from probe_analysis.look.look_words import TOPICS, WHO, name_role
from probe_analysis.look.mechanism_sentences import name_causes
from probe_analysis.look.slow_chart import draw_slow_chart
from probe_analysis.look.timed_parts import describe_slowness
from probe_analysis.pages.engine import render
from probe_analysis.pages.tables import Cell, PageTable, TableRow, make_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTables:
    """The rows that the sentences of one source rest on."""

    heading: str
    problems: Sequence[str]
    tables: Sequence[PageTable]
    notes: Sequence[str]
    charts: Sequence[tuple[Html, str]] = ()
    """Pictures with what stands below them."""


def make_look_page(data: LookData) -> str:
    """The whole document."""
    return render(
        "look.html", title=f"{data.subject.title} in {data.subject.cc}", lab=describe_lab(data) if data.lab else (),
        asked=format_time(data.now), since=format_time(data.since) if data.since else "", who=WHO,
        topics=list_topics(make_sentences(data)), claims=make_claims(data), sources=list_sources(data),
        problems=data.beside.problems[:MAX_ROWS], beside=list(list_beside_tables(data.beside)), citation=cite(data))


def list_topics(sentences: Sequence[LookSentence]) -> list[tuple[str, str, list[LookSentence]]]:
    """(topic, heading, sentences) of each topic of which something is said."""
    return [(topic, heading, own) for topic, heading in TOPICS.items()
            if (own := [one for one in sentences if one.topic == topic])]


def list_sources(data: LookData) -> list[SourceTables]:
    """The rows that the sentences rest on, by source."""
    return [SourceTables(heading=f"Rows: {source.label}", problems=source.problems[:MAX_ROWS],
                         tables=list(_list_tables(data, number, source)), notes=_list_left_out(source),
                         charts=list(_list_charts(data, source)))
            for number, source in enumerate(data.sources)]


def _list_tables(data: LookData, number: int, source: LookSource) -> Iterator[PageTable]:
    if source.findings:
        yield make_look_table(f"Findings of {source.label}", _FINDING_HEADS, [
            TableRow(cells=list(_list_finding(data, source, one)), anchor=anchor_finding(number, at), css=one.status)
            for at, one in enumerate(source.findings[:MAX_FINDINGS])])
    if source.dismissed:
        yield make_look_table(f"Told as no event: {source.label}", _DISMISSED_HEADS, make_rows([
            (one.service, name_role(one.role), one.onset, one.end, str(one.blocked), str(one.n),
             one.explained_by.replace("_", " ")) for one in source.dismissed[:MAX_ROWS]]),
            anchor_table(number, "dismissed"))
    if source.slowed:
        yield make_look_table(f"Suspected to be slowed: {source.label}", _SLOWED_HEADS, make_rows([
            (*_list_planned(data, source, one), one.first_day, one.last_day,
             f"{one.others_troubled} / {one.others_n}", f"{one.elsewhere_troubled} / {one.elsewhere_n}",
             "yes" if one.by_name else "no", ", ".join(one.not_ruled_out)) for one in source.slowed[:MAX_ROWS]]),
            anchor_table(number, "slowed"))
    if source.planned:
        yield make_look_table(f"Planned connections of the latest days: {source.label}", _PLANNED_HEADS, make_rows([
            _list_planned(data, source, one) for one in source.planned[:MAX_ROWS]]), anchor_table(number, "planned"))
    if source.times:
        yield make_look_table(f"Times of handshakes: {source.label}", _TIMED_HEADS, make_rows([
            (one.service, str(one.n), str(one.networks), str(one.alone), f"{one.typical_s:.2f} s",
             f"{one.slowest_s:.2f} s", str(one.others_n), str(one.others_names), str(one.beside_names))
            for one in source.times[:MAX_ROWS]]), anchor_table(number, "times"))
    yield make_look_table(f"Measured: {source.label}", _MEASURED_HEADS, list(_list_measured(data, source)),
                          anchor_table(number, "measured"))


def _list_charts(data: LookData, source: LookSource) -> Iterator[tuple[Html, str]]:
    for one in source.findings[:MAX_FINDINGS]:
        if one.times and (chart := draw_slow_chart(one.times, f"{data.subject.title}: {describe_slowness(one.times)}")):
            yield chart, (f"Medians of every six hours, {one.service}: {describe_slowness(one.times)}.")


def _list_left_out(source: LookSource) -> list[str]:
    left = len(source.measured) - MAX_ROWS
    return [f"{count_things(left, 'more row')} {choose_word(left, 'is', 'are')} in --json."] if left > 0 else []


_FINDING_HEADS = ("Status", "Kind", "What", "Reachable", "Cause", "Began between", "and", "Ended between", "and",
                  "Failed", "Of", "Probes", "Networks")
_DISMISSED_HEADS = ("Service", "Part", "From", "To", "Blocked", "Of", "Explained by")
_PLANNED_HEADS = ("Network", "Service", "Probes", "Failed or lost something", "Of", "Share, with 95 %",
                  "Innocent names there")
_SLOWED_HEADS = (*_PLANNED_HEADS, "From", "To", "Other services", "Other countries", "The name matters", "Not excluded")
_TIMED_HEADS = ("Service", "Handshakes", "Networks", "Without another network", "Fastest network", "Slowest network",
                "Handshakes of others", "Other names", "In its prefixes")
_MEASURED_HEADS = ("Network", "Service", "Part", "State", "Decided", "Well", "Blocked", "Down", "Open", "Network cut",
                   "Own device", "Probes", "First", "Last")


def _list_finding(data: LookData, source: LookSource, one: LookFinding) -> Iterator[Cell | str]:
    yield one.status
    yield one.kind
    yield f"{one.service} {', '.join(map(name_role, one.roles))}".strip()
    yield "late" if one.kind == "slowed" else "partly" if not weigh_finding(data, one).whole else "no"
    yield Cell(code=name_causes(one))
    stamps = (one.onset_from, one.onset_until, one.end_from, one.end_until)
    yield from (moment.strftime("%Y-%m-%d %H:%M") if moment else "" for moment in stamps)
    yield str(one.blocked)
    yield str(one.n)
    yield _count(one.witnesses)
    yield "; ".join(f"{_name(data, source, network)}: {network.blocked}/{network.n}" for network in
                    one.networks[:MAX_ROWS])


def _list_planned(data: LookData, source: LookSource, one: PlannedPart) -> tuple[str, ...]:
    return (_name(data, source, one), one.service, _count(one.witnesses), str(one.troubled), str(one.n),
            f"{one.low:.1%} to {one.high:.1%}", f"{one.beside_troubled} / {one.beside_n}")


def _list_measured(data: LookData, source: LookSource) -> Iterator[TableRow]:
    for one in source.measured[:MAX_ROWS]:
        hidden = source.kind == "own" and not one.asn
        name = "not named" if hidden else name_counted(data, one)
        counts = (one.n, one.ok, one.blocked, one.down, one.inconclusive, one.network, one.local)
        form = "%Y-%m-%d" if hidden else "%Y-%m-%d %H:%M"
        yield TableRow(cells=(name, one.service, name_role(one.role), describe_part(source, one), *map(str, counts),
                         _count(one.witnesses), one.first.strftime(form),
                         one.last.strftime(form)))


def describe_part(source: LookSource, part: MeasuredPart) -> str:
    """One word or two for what was counted of a part: decided runs, of which a part or most found a block. A finding
    looked at hours, and these are the sums of the whole time: where there is one, it says how the part is."""
    findings = [finding for finding in source.findings[:MAX_FINDINGS] if _is_told_of(part, finding)]
    if findings:
        return f"{'ended, ' if all(one.end_from for one in findings) else ''}{findings[0].status}: see the findings"
    if part.n < ENOUGH:
        return "too little decided"
    if part.blocked >= WHOLE * part.n:
        return "blocked"
    if part.blocked >= NOTABLE * part.n:
        return "partly blocked"
    if part.down >= NOTABLE * part.n:
        return "partly down" if part.down < WHOLE * part.n else "down"
    return "no block found"


def _is_told_of(part: MeasuredPart, finding: LookFinding) -> bool:
    """Whether the finding is of this part on this network; of networks that are kept back nobody can say."""
    same = finding.kind == "network" or (part.service == finding.service and
                                         (not finding.roles or part.role in finding.roles))
    return same and bool(part.asn or part.label) and any(
        (one.asn, one.label) == (part.asn, part.label) for one in finding.networks)


def _name(data: LookData, source: LookSource, counted: Counted) -> str:
    return name_counted(data, counted) if may_name(source, counted) else "not named"


def _count(n: int | None) -> str:
    return "" if n is None else str(n)
