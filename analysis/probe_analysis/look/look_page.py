"""One page that answers for one service in one country: sentences, each with a link to its rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files

from probe.core.counted_words import choose_word, count_things
from probe.core.stamps import format_time
from probe.upkeep.page.markup import Child, Html, join_html, make_tag
from probe.upkeep.page.simple_document import make_simple_document
from probe_analysis.look.beside_tables import make_beside_tables, make_look_table
from probe_analysis.look.lab_words import describe_lab
from probe_analysis.look.look_json import cite
from probe_analysis.look.look_sentences import (
    ENOUGH,
    MAX_FINDINGS,
    NOTABLE,
    WHOLE,
    PrintableClaim,
    anchor_finding,
    anchor_table,
    make_claims,
    make_sentences,
    may_name,
    weigh_finding,
)
from probe_analysis.look.look_values import (
    LookData,
    LookFinding,
    LookNetwork,
    LookSentence,
    LookSource,
    MeasuredPart,
    PlannedPart,
)
from probe_analysis.look.look_words import TOPICS, WHO, name_role
from probe_analysis.look.mechanism_sentences import name_causes
from probe_analysis.report.language import ENGLISH

MAX_ROWS = 200


def make_look_page(data: LookData) -> str:
    """The whole document."""
    title = f"{data.subject.title} in {data.subject.cc}"
    sentences, claims = make_sentences(data), make_claims(data)
    since = f", from {format_time(data.since)} on" if data.since else ""
    body = join_html(
        _make_banner(data), make_tag("h1", title),
        make_tag("p", f"Asked {format_time(data.now)}{since}. All times are UTC. {WHO}", class_="soft"),
        make_tag("main", make_topics(sentences),
                 join_html() if data.lab else join_html(make_print(claims), _make_answer()), make_tables(data),
                 make_beside_tables(data.beside), _make_citation(data)))
    return make_simple_document(title, body, files("probe_analysis.report").joinpath("look.css").read_text("utf-8"))


def _make_banner(data: LookData) -> Html:
    if not data.lab:
        return join_html()
    first, meaning = describe_lab(data)
    return make_tag("p", make_tag("b", f"{first} "), meaning, class_="lab")


def make_topics(sentences: Sequence[LookSentence]) -> Html:
    """A section for each topic of which something is said."""
    return join_html([_make_topic(topic, heading, sentences) for topic, heading in TOPICS.items()])


def _make_topic(topic: str, heading: str, sentences: Sequence[LookSentence]) -> Html:
    own = [one for one in sentences if one.topic == topic]
    if not own:
        return join_html()
    return make_tag("section", make_tag("h2", heading, id=f"{topic}-h"),
                    make_tag("ul", [_make_sentence(one) for one in own], class_="says"), class_="topic",
                    aria_labelledby=f"{topic}-h")


def _make_sentence(one: LookSentence) -> Html:
    links = [join_html(" ", make_tag("a", "rows", href=f"#{row}", aria_label=f"rows of: {one.text[:60]}"))
             for row in one.rows]
    return make_tag("li", one.text, links)


def make_print(claims: Sequence[PrintableClaim]) -> Html:
    """What may be printed, each with its certainty and limits; or that nothing may."""
    if not claims:
        return make_tag("section", make_tag("h2", "To be printed"), make_tag(
            "p", "No sentence of this page is established well enough to be printed as a fact: that takes a confirmed "
                 "finding on a network that enough probes measure."), class_="print")
    return make_tag("section", make_tag("h2", "To be printed"), [join_html(
        make_tag("blockquote", one.text), make_tag("p", make_tag("b", "How sure: "), one.certainty),
        make_tag("p", make_tag("b", "Limits: "), one.limits),
        make_tag("p", f"Not to be printed before {ENGLISH.moment(one.not_before)} (UTC). ",
                 [make_tag("a", "Its rows", href=f"#{row}") for row in one.rows], class_="soft")) for one in claims],
        class_="print")


def _make_answer() -> Html:
    return make_tag("section", make_tag("h2", "What the operators say"), make_tag(
        "p", "Ask the operators of the networks and of the service before you print. Their answers:", class_="soft"),
        make_tag("div", class_="answer"))


def make_tables(data: LookData) -> Iterator[Html]:
    """The rows that the sentences rest on, by source."""
    for number, source in enumerate(data.sources):
        yield make_tag("h2", f"Rows: {source.label}")
        yield from (make_tag("p", problem, class_="soft") for problem in source.problems[:MAX_ROWS])
        if source.findings:
            yield make_look_table(f"Findings of {source.label}", _FINDING_HEADS, [
                make_tag("tr", [make_tag("td", cell) for cell in _list_finding(data, source, one)],
                         id=anchor_finding(number, at), class_=one.status)
                for at, one in enumerate(source.findings[:MAX_FINDINGS])])
        if source.dismissed:
            yield make_look_table(f"Told as no event: {source.label}", (
                "Service", "Part", "From", "To", "Blocked", "Of", "Explained by"), [
                _make_row((one.service, name_role(one.role), one.onset, one.end, str(one.blocked), str(one.n),
                           one.explained_by.replace("_", " "))) for one in source.dismissed[:MAX_ROWS]],
                anchor_table(number, "dismissed"))
        if source.slowed:
            yield make_look_table(f"Suspected to be slowed: {source.label}", _SLOWED_HEADS, [
                _make_row((*_list_planned(data, source, one), one.first_day, one.last_day,
                           f"{one.others_troubled} / {one.others_n}", f"{one.elsewhere_troubled} / {one.elsewhere_n}",
                           "yes" if one.by_name else "no", ", ".join(one.not_ruled_out)))
                for one in source.slowed[:MAX_ROWS]], anchor_table(number, "slowed"))
        if source.planned:
            yield make_look_table(f"Planned connections of the latest days: {source.label}", _PLANNED_HEADS, [
                _make_row(_list_planned(data, source, one)) for one in source.planned[:MAX_ROWS]],
                anchor_table(number, "planned"))
        yield make_look_table(f"Measured: {source.label}", _MEASURED_HEADS, list(_list_measured(data, source)),
                          anchor_table(number, "measured"))
        if len(source.measured) > MAX_ROWS:
            yield make_tag("p", f"{count_things(len(source.measured) - MAX_ROWS, 'more row')} "
                                f"{choose_word(len(source.measured) - MAX_ROWS, 'is', 'are')} in "
                                f"--json.", class_="soft")


_FINDING_HEADS = ("Status", "Kind", "What", "Reachable", "Cause", "Began between", "and", "Ended between", "and",
                  "Failed", "Of", "Probes", "Networks")
_PLANNED_HEADS = ("Network", "Service", "Probes", "Failed or lost something", "Of", "Share, with 95 %",
                  "Innocent names there")
_SLOWED_HEADS = (*_PLANNED_HEADS, "From", "To", "Other services", "Other countries", "The name matters", "Not excluded")
_MEASURED_HEADS = ("Network", "Service", "Part", "State", "Decided", "Well", "Blocked", "Down", "Open", "Network cut",
                   "Own device", "Probes", "First", "Last")


def _list_finding(data: LookData, source: LookSource, one: LookFinding) -> Iterator[Child]:
    yield one.status
    yield one.kind
    yield f"{one.service} {', '.join(map(name_role, one.roles))}".strip()
    yield "partly" if not weigh_finding(data, one).whole else "no"
    yield make_tag("code", name_causes(one))
    stamps = (one.onset_from, one.onset_until, one.end_from, one.end_until)
    yield from (moment.strftime("%Y-%m-%d %H:%M") if moment else "" for moment in stamps)
    yield str(one.blocked)
    yield str(one.n)
    yield "" if one.witnesses is None else str(one.witnesses)
    yield "; ".join(f"{_name(data, source, network)}: {network.blocked}/{network.n}" for network in
                    one.networks[:MAX_ROWS])


def _list_planned(data: LookData, source: LookSource, one: PlannedPart) -> tuple[str, ...]:
    name = _name_network(data, one) if may_name(source, one) else "not named"
    return (name, one.service, "" if one.witnesses is None else str(one.witnesses), str(one.troubled), str(one.n),
            f"{one.low:.1%} to {one.high:.1%}", f"{one.beside_troubled} / {one.beside_n}")


def _list_measured(data: LookData, source: LookSource) -> Iterator[Html]:
    for one in source.measured[:MAX_ROWS]:
        hidden = source.kind == "own" and not one.asn
        name = "not named" if hidden else _name_network(data, one)
        counts = (one.n, one.ok, one.blocked, one.down, one.inconclusive, one.network, one.local)
        form = "%Y-%m-%d" if hidden else "%Y-%m-%d %H:%M"
        yield _make_row((name, one.service, name_role(one.role), describe_part(source, one), *map(str, counts),
                         "" if one.witnesses is None else str(one.witnesses), one.first.strftime(form),
                         one.last.strftime(form)))


def describe_part(source: LookSource, part: MeasuredPart) -> str:
    """One word or two for what was counted of a part: decided runs, of which a part or most found a block. A finding
    looked at hours, and these are the sums of the whole time: where there is one, it says how the part is."""
    told = [finding for finding in source.findings[:MAX_FINDINGS] if _is_told_of(part, finding)]
    if told:
        return f"{'ended, ' if all(one.end_from for one in told) else ''}{told[0].status}: see the findings"
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


def _name(data: LookData, source: LookSource, network: LookNetwork) -> str:
    return _name_network(data, network) if may_name(source, network) else "not named"


def _name_network(data: LookData, network: LookNetwork | MeasuredPart | PlannedPart) -> str:
    return network.label or f"AS{network.asn} {data.operators.get(network.asn, '')}".strip()


def _make_row(cells: Sequence[str]) -> Html:
    return make_tag("tr", [make_tag("td", cell) for cell in cells])


def _make_citation(data: LookData) -> Html:
    return join_html(make_tag("h2", "Citation"), make_tag("p", cite(data), class_="hash"))
