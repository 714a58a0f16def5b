"""Sentences about legal lists, application stores and outages. None of them convicts. Pure.

- An entry is no proof of a block, nor the reason of one; that nothing is listed acquits nobody.
- A store does not tell by whose wish an application is gone.
- Failures that an outage may explain are not told apart from it, unless other services were well beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from probe.core.counted_words import choose_word, count_things
from probe.core.tables.store_states import ABSENT, BLOCKED, IN, REASONS
from probe.research.look.beside_values import OutageReport, RegisterMention, RegisterSays, StoreListing
from probe.research.look.look_values import LookData, LookFinding, LookSentence
from probe.research.look.look_words import name_role
from probe.research.look.outage_overlaps import OutageOverlap, find_overlaps, is_told_apart
from probe.research.registers.register_words import MATCHES
from probe.research.report.language import ENGLISH

OLD = timedelta(days=14)
"""A check of a store that is older is told as it was then."""
MAX_TOLD = 8


def make_beside_sentences(data: LookData) -> Iterator[LookSentence]:
    """What lists and stores say, and that no outage is known."""
    for number, register in enumerate(data.beside.registers):
        yield from _of_register(data, number, register)
    if data.beside.stores_asked:
        yield from _of_stores(data)
    if data.beside.outages_asked and not data.beside.outages:
        yield LookSentence(topic="else", rows=("outages",), text=f"No outage of {data.subject.cc}, nor of the networks "
                           "that are named here, is in the answers that were given. They need not be whole.")


def describe_outages(data: LookData, finding: LookFinding) -> Iterator[tuple[str, str]]:
    """(sentence, row) for each outage in the hours of a finding."""
    overlaps = find_overlaps(finding, data.beside.outages)
    for one in overlaps[:MAX_TOLD]:
        yield f"{_describe_outage(data, one.outage)}. {_weigh_outage(finding, one)}", f"o{one.number}"
    if len(overlaps) > MAX_TOLD:
        yield f"{len(overlaps) - MAX_TOLD} more outages in these hours are in the table.", "outages"


def is_explained_by_outage(data: LookData, finding: LookFinding) -> bool:
    """Whether an outage may have made all of it, and nothing tells them apart."""
    return not is_told_apart(finding) and any(one.covers for one in find_overlaps(finding, data.beside.outages))


def _describe_outage(data: LookData, outage: OutageReport) -> str:
    named = [f"AS{asn} ({data.operators[asn]})" if asn in data.operators else f"AS{asn}" for asn in outage.asns[:4]]
    more = f" and {count_things(len(outage.asns) - 4, 'more network')}" if len(outage.asns) > 4 else ""
    place = ", ".join(named) + more if named else (
        f"a part of {data.subject.cc} ({outage.part})" if outage.part else data.subject.cc)
    signal = f", by its data {outage.signal!r}" if outage.signal else ""
    end = f"to {ENGLISH.moment(outage.end)}" if outage.end else "on, without an end"
    return f"{outage.source} reports an outage of {place} from {ENGLISH.moment(outage.start)} {end}{signal}"


def _weigh_outage(finding: LookFinding, overlap: OutageOverlap) -> str:
    if finding.kind == "network":
        return "That fits a loss of whole networks; by a fault or on purpose, neither tells."
    if is_told_apart(finding):
        return ("It does not explain these failures by itself: other services were well on the same networks in these "
                "hours.")
    if overlap.covers:
        return "These failures are not told apart from it: no other service is known to have been well beside."
    return "In its hours the failures are not told apart from it; it did not last as long, or not on all the networks."


def _of_register(data: LookData, number: int, register: RegisterSays) -> Iterator[LookSentence]:
    title, rows = data.subject.title, (f"r{number}",)
    if register.why:
        yield LookSentence(topic="law", rows=rows, text=(
            f"{register.title}: could not be read ({register.why}). Whether it names {title} is not known."))
        return
    stood = f"{register.title}, as of {register.time or 'a time that is not told'}"
    if not register.mentions:
        yield LookSentence(topic="law", rows=rows, text=(
            f"{stood}: none of {count_things(register.entries, 'entry', 'entries')} names one of "
            f"{count_things(register.targets, 'target')} of {title}. Not "
            "listed does not mean not blocked."))
    for at, mention in enumerate(register.mentions[:MAX_TOLD]):
        yield LookSentence(topic="law", rows=(f"r{number}m{at}",), text=(
            f"{stood}: {_describe_mention(mention)}. {_place_in_time(data, mention)}An entry is no proof that it is "
            "blocked, nor that a failure is its doing."))
    if len(register.mentions) > MAX_TOLD:
        yield LookSentence(topic="law", rows=rows, text=(
            f"{stood}: {count_things(len(register.mentions) - MAX_TOLD, 'more entry', 'more entries')} "
            f"{choose_word(len(register.mentions) - MAX_TOLD, 'is', 'are')} in the table."))


def _describe_mention(mention: RegisterMention) -> str:
    roles = ENGLISH.join_words(list(dict.fromkeys(name_role(target.split(".")[1]) for target in mention.targets)))
    dated = f"an entry of {mention.date}" if mention.date else "an entry without a date"
    number = f", {mention.decision}" if mention.decision else ", without a number"
    until = f", until {mention.until}" if mention.until else ""
    count = len(mention.targets)
    shared = f"; it may be about somebody else: {mention.shared}" if mention.shared else ""
    return (f"{dated}{number}{until}, lists {mention.listed} ({MATCHES.get(mention.match, mention.match)}; "
            f"{count_things(count, 'target')}: {roles}){shared}")


def _place_in_time(data: LookData, mention: RegisterMention) -> str:
    """The entry beside the first onset that is known of the service; by the day, and without a reason."""
    onsets = [one.onset_until for source in data.sources for one in source.findings
              if one.kind != "network" and one.status == "confirmed" and one.onset_from]
    if not onsets or not mention.date:
        return ""
    entered = datetime.fromisoformat(mention.date).date()
    days = (min(onsets).date() - entered).days
    if not days:
        return "It is dated on the day of the first confirmed failures. "
    return (f"It is dated {count_things(abs(days), 'day')} {'before' if days > 0 else 'after'} the first confirmed "
            f"failures. ")


def _of_stores(data: LookData) -> Iterator[LookSentence]:
    where = f"the storefront of {data.subject.cc}"
    if not data.beside.stores:
        yield LookSentence(topic="stores", rows=("stores",), text=(
            f"Nobody asked for applications of {data.subject.title} in {where}."))
    for number, one in enumerate(data.beside.stores[:MAX_TOLD]):
        asked = f"{one.store}, {one.app}, asked from {one.probe_cc}"
        old = "" if data.now - one.checked <= OLD else " Nobody has asked since."
        yield LookSentence(topic="stores", rows=(f"t{number}",),
                           text=f"{asked}: {_describe_state(one, where)}.{old}")
    if len(data.beside.stores) > MAX_TOLD:
        yield LookSentence(topic="stores", rows=("stores",), text=(
            f"{len(data.beside.stores) - MAX_TOLD} more applications are in the table."))


def _describe_state(one: StoreListing, where: str) -> str:
    when = ENGLISH.moment(one.checked)
    if one.state == IN:
        return f"{where} showed it on {when}"
    if one.state == ABSENT and one.removed_from and one.removed_until:
        return (f"it was removed from {where} between {ENGLISH.moment(one.removed_from)} and "
                f"{ENGLISH.moment(one.removed_until)}; by whose wish, the store does not tell")
    if one.state == ABSENT:
        return f"{where} did not show it on {when}, which is no removal: it may never have been there"
    if one.state == BLOCKED:
        return f"the store itself could not be reached on {when}; what it offers is not known"
    meaning = REASONS[one.reason][0] if one.reason in REASONS else "nothing was answered"
    return f"it is not known whether {where} shows it: {meaning} ({when})"
