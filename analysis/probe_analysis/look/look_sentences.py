"""Sentences about one service in one country. Each follows from values and claims no more than they do. Pure.

- A network is named from two probes on, of volunteers from as many as a release takes.
- A suspicion, a part, an end, and what nobody has measured since are said in words of their own.
- Nobody's deed is named: where it fails is known, by whose act is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from probe.core.counted_words import choose_word, count_things
from probe_analysis.exports.release import DELAY, MIN_PROBES
from probe_analysis.findings.finding_values import (
    FindingKind,
    LookFinding,
    LookNetwork,
    LookSource,
    MeasuredPart,
    PlannedPart,
    SourceKind,
)
from probe_analysis.look.beside_sentences import describe_outages, is_explained_by_outage, make_beside_sentences
from probe_analysis.look.certainty_words import describe_certainty
from probe_analysis.look.lab_words import describe_other_side
from probe_analysis.look.look_values import LookData, LookSentence, LookSubject
from probe_analysis.look.look_words import DECIDES, WHO, Topic, describe_doubt, describe_word, name_role
from probe_analysis.look.mechanism_sentences import describe_mechanism
from probe_analysis.look.planned_sentences import count_trouble, describe_slowed_part, describe_told_part, is_told_by
from probe_analysis.look.timed_parts import describe_slow_kind, describe_slowness, describe_timed
from probe_analysis.pages.language import ENGLISH
from probe_analysis.pages.names import name_asn

STALE = timedelta(hours=24)
"""What nobody has measured for longer is told as it was then."""
ENOUGH: Final = 5
"""With fewer decided runs nothing is said of a service."""
WHOLE: Final = 0.8
"""Share of what used to pass that must be stopped before a service is called not reachable."""
NOTABLE: Final = 0.1
"""A share of blocked runs that is told though no event came of it."""
QUIET = timedelta(hours=2)
"""Of what was not seen to be well for so long before the end it is not said that no block was found."""
NAMED_FROM: dict[SourceKind, int] = {"own": MIN_PROBES, "ooni": 2, "counts": 2}
"""Probes that a network must have to be named; of volunteers' own results what a release takes."""
MAX_FINDINGS: Final = 8
MAX_NETWORKS: Final = 12
Counted: TypeAlias = LookNetwork | MeasuredPart | PlannedPart


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintableClaim:
    """What may be printed: the sentence, how certain it is, what it does not say, and from when on."""

    text: str
    certainty: str
    limits: str
    rows: tuple[str, ...]
    not_before: datetime


def anchor_finding(source: int, finding: int) -> str:
    """The row of a finding."""
    return f"s{source}f{finding}"


def anchor_table(source: int, table: str) -> str:
    """A table of a source: `measured`, `planned`, `slowed` or `dismissed`."""
    return f"s{source}{table}"


def make_sentences(data: LookData) -> list[LookSentence]:
    """Every sentence, by source; the page puts them in order of their topics."""
    made = [LookSentence(topic="what", text="There are no data: no source says anything of it.", rows=())
            ] if not data.sources else []
    for number, source in enumerate(data.sources):
        made += _of_source(data, number, source)
    return [*made, *make_beside_sentences(data)]


def make_claims(data: LookData) -> list[PrintableClaim]:
    """What may be printed as found; nothing of suspicions, one witness, networks without a name, or the laboratory."""
    return [claim for number, source in enumerate(data.sources)
            for at, finding in enumerate(source.findings[:MAX_FINDINGS])
            if not data.lab and (claim := _claim(data, source, finding, anchor_finding(number, at)))]


def _of_source(data: LookData, number: int, source: LookSource) -> Iterator[LookSentence]:
    shown = source.findings[:MAX_FINDINGS]
    for at, finding in enumerate(shown):
        yield from _of_finding(data, source, finding, anchor_finding(number, at))
    if len(source.findings) > len(shown):
        yield LookSentence(topic="what", rows=(), text=f"{source.label}: {len(source.findings) - len(shown)} further "
                           "findings are in the data alone.")
    table = (anchor_table(number, "measured"),)
    if not any(finding.kind != "network" for finding in shown):
        yield LookSentence(topic="what", text=_describe_no_finding(data, source), rows=table)
    if shown and (spared := _list_spared(data, source)):
        yield LookSentence(topic="where", rows=table, text=f"{source.label}: no block was found on {spared}.")
    if timed := describe_timed(source, data.subject):
        yield LookSentence(topic="sure", rows=(anchor_table(number, "times" if source.times else "measured"),),
                           text=f"{source.label}: {timed}")
    yield from _of_planned(data, number, source)
    for defect in source.defects[:MAX_FINDINGS]:
        yield LookSentence(topic="else", rows=table, text=(
            f"{source.label}: {count_things(defect.verdicts, 'verdict')} "
            f"{choose_word(defect.verdicts, 'was', 'were')} set aside, because of the program and not the network: "
            f"{defect.what}."))
    for window in source.dismissed[:MAX_FINDINGS]:
        yield LookSentence(
            topic="else", rows=(anchor_table(number, "dismissed"),),
            text=f"{source.label}: failures from {window.onset} to {window.end} ({window.blocked} of "
                 f"{count_things(window.n, 'run')}) are told as no event, because "
                 f"{describe_word(window.explained_by)}.")
    yield LookSentence(topic="unmeasured", text=_describe_gaps(data.subject, source), rows=table)


def _of_planned(data: LookData, number: int, source: LookSource) -> Iterator[LookSentence]:
    """Suspicions that the service is slowed; else how often planned connections were in trouble where it is most."""
    for part in source.slowed[:MAX_FINDINGS]:
        place = name_counted(data, part) if may_name(source, part) else "a network that is not named"
        said = any(is_told_by(part, finding) for finding in source.findings)
        for topic, text in describe_told_part(part, place) if said else describe_slowed_part(part, data.subject, place):
            yield LookSentence(topic=topic, text=f"{source.label}: {text}", rows=(anchor_table(number, "slowed"),))
    worst = next((part for part in source.planned if part.troubled), None)
    if worst and not source.slowed:
        yield LookSentence(topic="sure", rows=(anchor_table(number, "planned"),), text=f"{source.label}: where it is "
                           f"most, {count_trouble(worst)}; a share alone accuses nobody.")


def _list_spared(data: LookData, source: LookSource) -> str:
    """Networks that were measured, may be named, and are in no finding."""
    struck = {(one.asn, one.label) for finding in source.findings for one in finding.networks}
    spared: dict[tuple[int, str], list[MeasuredPart]] = {}
    for part in source.measured:
        spared.setdefault((part.asn, part.label), []).append(part)
    said = []
    for key, parts in spared.items():
        n, blocked = sum(one.n for one in parts), sum(one.blocked for one in parts)
        named = any(may_name(source, one) for one in parts)
        if key not in struck and n >= ENOUGH and blocked < NOTABLE * n and named:
            said.append(f"{name_counted(data, parts[0])} ({blocked} of {n})")
    rest = f" and {count_things(len(said) - MAX_NETWORKS, 'more network')}" if len(said) > MAX_NETWORKS else ""
    return ", ".join(said[:MAX_NETWORKS]) + rest


def _describe_no_finding(data: LookData, source: LookSource) -> str:
    """What a source says that found nothing: how much it looked at, or that it did not look."""
    subject, parts = data.subject, source.measured
    n, blocked = sum(p.n for p in parts), sum(p.blocked for p in parts)
    unsaid, cut = sum(p.inconclusive for p in parts), sum(p.network for p in parts)
    where = f"{subject.title} in {subject.cc}"
    if not parts:
        return (f"{source.label}: there are no data on {where}. Nothing can be said of it. "
                f"{describe_other_side(source)}").rstrip()
    networks, last = len({(p.asn, p.label) for p in parts}), max(p.last for p in parts)
    span = f"{_time(min(p.first for p in parts))} to {_time(last)}"
    rest = (f" {count_things(unsaid, 'further verdict was', 'further verdicts were')} left open." if unsaid else "") + (
        f" {cut} found the network cut as a whole." if cut else "") + _describe_silent(parts)
    if n < ENOUGH:
        return (f"{source.label}: too little was decided on {where} to say anything ({count_things(n, 'verdict')}, "
                f"{span}).{rest}")
    old = " Nobody has measured it since." if data.now - last > STALE else ""
    counts = (f"{blocked} of {count_things(n, 'decided verdict')} in {count_things(networks, 'network')} found a "
              f"block, {span}")
    if blocked >= NOTABLE * n or unsaid + cut >= NOTABLE * (n + unsaid + cut) or _list_silent(parts):
        return (f"{source.label}: no event was established for {where}, and that it is well was not shown: "
                f"{counts}.{rest}{old}")
    return f"{source.label}: no block of {where} was found: {counts}.{rest}{old}"


def _list_silent(parts: Sequence[MeasuredPart]) -> list[MeasuredPart]:
    """Parts that were measured to the end, and were not well for the last hours."""
    return [one for one in parts if one.blocked + one.inconclusive + one.network + one.down and (
        one.last_ok is None or one.last - one.last_ok >= QUIET)]


def _describe_silent(parts: Sequence[MeasuredPart]) -> str:
    silent = _list_silent(parts)
    if not silent:
        return ""
    networks = len({(one.asn, one.label) for one in silent})
    seen = [one.last_ok for one in silent if one.last_ok]
    when = f"after {_time(max(seen))}" if seen else "at any time"
    return f" In {count_things(networks, 'network')} nothing was seen to be well {when}."


def _describe_gaps(subject: LookSubject, source: LookSource) -> str:
    decided = {part.role for part in source.measured if part.n and part.service in (subject.service, *subject.sites)}
    missing = [name_role(role) for role in subject.roles if role not in decided]
    said = []
    if missing:
        said.append(f"nothing was decided on these parts of {subject.title}: {', '.join(missing)}")
    if not source.countries_beside:
        said.append("nobody measured it in another country")
    if not source.services_beside:
        said.append("nobody measured another service in this country")
    if any(part.witnesses is None for part in source.measured):
        said.append("nobody counted the devices")
    said.append("networks that are in no table were not measured")
    return f"{source.label}: {'; '.join(said)}."


def _of_finding(data: LookData, source: LookSource, finding: LookFinding, row: str) -> Iterator[LookSentence]:
    def say(topic: Topic, text: str) -> LookSentence:
        return LookSentence(topic=topic, text=f"{source.label}: {text}", rows=(row,))

    yield say("what", f"{describe_state(data, source, finding)}.")
    yield say("where", f"{_describe_networks(data, source, finding)}.")
    yield say("since", f"{describe_time(data, source, finding)}.")
    yield say("how", describe_slow_kind(finding.mechanism) or describe_mechanism(finding))
    yield say("sure", describe_certainty(finding))
    if finding.because:
        yield say("sure", finding.because)
    if finding.ruled_out:
        yield say("else", "Asked and ruled out: "
                  f"{'; '.join(f'that {describe_word(word)}' for word in finding.ruled_out)}.")
    if finding.not_ruled_out:
        yield say("else", f"Not excluded: {'; '.join(map(describe_doubt, finding.not_ruled_out))}.")
    for text, outage in describe_outages(data, finding):
        yield LookSentence(topic="else", text=f"{source.label}: {text}", rows=(row, outage))
    if finding.would_confirm:
        yield say("decide", f"It would be confirmed by {finding.would_confirm}.")
    decides = [text for word, text in DECIDES.items() if word in finding.not_ruled_out]
    if finding.witnesses is None or finding.witnesses < NAMED_FROM["ooni"]:
        decides.append(DECIDES["one_device"])
    if _is_stale(data, finding):
        decides.append("new measurements")
    if decides:
        yield say("decide", f"{'; '.join(dict.fromkeys(decides))}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimStrength:
    """How much a sentence about a finding may claim."""

    established: bool
    past: bool
    """It is over, or nobody has measured it of late."""
    stale: bool
    whole: bool
    """Not reachable; else in part."""
    alone: bool
    """One probe alone saw it, or nobody knows how many did."""


def weigh_finding(data: LookData, finding: LookFinding) -> ClaimStrength:
    """How much may be claimed."""
    stale = _is_stale(data, finding)
    return ClaimStrength(
        established=finding.status == "confirmed", past=stale or finding.end_from is not None, stale=stale,
        whole=finding.strength >= WHOLE and finding.blocked >= WHOLE * finding.n,
        alone=finding.witnesses is None or finding.witnesses < 2)


def describe_state(data: LookData, source: LookSource, finding: LookFinding) -> str:
    """What is not reachable, as strongly as the finding says and no more."""
    strength = weigh_finding(data, finding)
    many = finding.kind != "network" and len(finding.targets) > 1 and finding.service == data.subject.service
    verb = _VERBS[strength.past, many]
    if finding.kind == "network":
        state = f"{verb} cut or failing as a whole"
    else:
        state = f"{verb} " + ("slow" if finding.kind == "slowed" else _REACH[strength.whole])
    hours = f" at some hours of the day ({describe_hours(finding)})" if finding.daily_hours else ""
    counts = f"{finding.blocked} of {finding.n} {_UNITS.get(finding.kind, 'decided runs')}"
    counts += f"; {describe_slowness(finding.times)}" if finding.kind == "slowed" else ""
    hedge = "" if strength.established else "a suspicion, not established: "
    say = _day if is_by_day(source, finding) else _time
    stale = f"; nobody has measured it since {say(finding.last)}" if strength.stale else ""
    unknown = "; nobody counted the probes" if finding.witnesses is None else "; one probe alone saw it"
    alone = unknown if strength.alone else ""
    return (f"{hedge}{_name_parts(data.subject, finding)} {state}{hours} from {_name_place(data, source, finding)} "
            f"({counts}{alone}){stale}")


def describe_hours(finding: LookFinding) -> str:
    """The hours of the day in which it comes back; empty where it keeps none."""
    if finding.daily_hours is None:
        return ""
    return ENGLISH.join_words([f"{first:02d}:00 to {(last + 1) % 24:02d}:00"
                               for first, last in finding.daily_windows or (finding.daily_hours,)]) + " UTC"


_VERBS = {(False, False): "is", (True, False): "was", (False, True): "are", (True, True): "were"}
"""(past, of several endpoints) -> verb."""
_REACH = {True: "not reachable", False: "reachable only in part"}
_UNITS: dict[FindingKind, str] = {"population": "probe-hours", "slowed": "handshakes"}


def describe_time(data: LookData, source: LookSource, finding: LookFinding) -> str:
    """When it began and ended, as intervals; by the day where a network may not be named by the hour."""
    say = _day if is_by_day(source, finding) else _time
    began = (f"it began {_between(say(finding.onset_from), say(finding.onset_until))}" if finding.onset_from
             else f"it was so at the first measurement, by {say(finding.onset_until)}; when it began is not known")
    if finding.end_from is None:
        return f"{began}; it had not ended at the last measurement, {say(finding.last)}"
    return f"{began}; it ended {_between(say(finding.end_from), say(finding.end_until or finding.last))}"


def _between(first: str, last: str) -> str:
    """An interval in words; where both ends are told by the same words, when."""
    return f"between {first} and {last}" if first != last else f"at {first}" if ":" in first else f"on {first}"


def is_by_day(source: LookSource, finding: LookFinding) -> bool:
    """Whether no network may be named by the hour."""
    return source.kind == "own" and not _named(source, finding)


def _claim(data: LookData, source: LookSource, finding: LookFinding, row: str) -> PrintableClaim | None:
    named = _named(source, finding)
    if finding.status != "confirmed" or finding.kind == "network" or not named or not finding.blocked or (
            is_explained_by_outage(data, finding)):
        return None
    limits = [WHO, "It says nothing of other networks, nor of other parts of the service."]
    if finding.not_ruled_out:
        limits.append(f"Not excluded: {'; '.join(map(describe_doubt, finding.not_ruled_out))}.")
    limits += [text for text, _ in describe_outages(data, finding)]
    wait = DELAY if source.kind == "own" else timedelta(0)
    return PrintableClaim(
        text=f"According to {source.label}, {describe_state(data, source, finding)}; "
             f"{describe_time(data, source, finding)} (UTC).",
        certainty=describe_certainty(finding), limits=" ".join(limits), rows=(row,), not_before=finding.last + wait)


def _describe_networks(data: LookData, source: LookSource, finding: LookFinding) -> str:
    named = _named(source, finding)
    each = [f"{name_counted(data, one)}: {one.blocked} of {one.n}" for one in named[:MAX_NETWORKS]]
    if len(named) > MAX_NETWORKS:
        each.append(f"{len(named) - MAX_NETWORKS} more")
    if quiet := len(finding.networks) - len(named):
        why = ("the file has no column `witnesses`" if source.kind == "counts" and finding.witnesses is None else
               f"fewer than {NAMED_FROM[source.kind]} probes are known there")
        each.append(f"{count_things(quiet, 'network is', 'networks are')} not named: {why}")
    return "; ".join(each) or "no network is known"


def _name_place(data: LookData, source: LookSource, finding: LookFinding) -> str:
    named = [name_counted(data, one) for one in _named(source, finding)[:MAX_NETWORKS]]
    rest = len(finding.networks) - len(named)
    if not named:
        return f"{count_things(rest, 'network')} in {data.subject.cc}"
    others = f" and {count_things(rest, 'other network')}" if rest else ""
    return f"{', '.join(named)}{others} in {data.subject.cc}"


def _named(source: LookSource, finding: LookFinding) -> list[LookNetwork]:
    return [one for one in finding.networks if may_name(source, one)]


def may_name(source: LookSource, counted: Counted) -> bool:
    """Whether enough probes are known to measure there that neither chance nor one device speaks, nor one person is
    shown."""
    known = counted.known or source.kind != "own"
    return known and counted.witnesses is not None and counted.witnesses >= NAMED_FROM[source.kind]


def name_counted(data: LookData, counted: Counted) -> str:
    """The label that a file of counts gives a network, else its number, with its operator where a table names it."""
    return counted.label or name_asn(counted.asn, data.operators)


def _name_parts(subject: LookSubject, finding: LookFinding) -> str:
    if finding.kind == "network":
        return "the network"
    if finding.service != subject.service:
        return f"a web page of {subject.title} ({finding.service})"
    roles = ENGLISH.join_words([name_role(role) for role in finding.roles if role])
    whole = f"{subject.title} ({roles})" if roles else subject.title
    if not finding.targets:
        return whole
    count = len(finding.targets)
    return f"{count_things(count, 'endpoint') if count > 1 else f'the endpoint {finding.targets[0]}'} of {whole}"


def _is_stale(data: LookData, finding: LookFinding) -> bool:
    return finding.end_from is None and data.now - finding.last > STALE


def _time(moment: datetime) -> str:
    return ENGLISH.moment(moment)


def _day(moment: datetime) -> str:
    return ENGLISH.day(moment)
