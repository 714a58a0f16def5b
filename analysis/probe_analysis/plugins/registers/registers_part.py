"""Sentences and tables about legal lists, beside the measurements of a look. None of them convicts. Pure.

An entry is no proof of a block, nor the reason of one; that nothing is listed acquits nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from probe.core.counted_words import choose_word, count_things
from probe_analysis.look.beside_sentences import MAX_TOLD
from probe_analysis.look.beside_tables import make_look_table
from probe_analysis.look.look_values import LookData, LookSentence
from probe_analysis.look.look_words import name_role
from probe_analysis.pages.language import ENGLISH
from probe_analysis.pages.tables import PageTable, TableRow
from probe_analysis.plugins.registers.register_mentions import RegisterMention, RegisterSays
from probe_analysis.plugins.registers.register_words import MATCHES


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistersPart:
    """What each list says of the service."""

    registers: tuple[RegisterSays, ...]

    def make_sentences(self, data: LookData) -> Iterator[LookSentence]:
        """Of each list the entries that name the service, by date and number."""
        for number, register in enumerate(self.registers):
            yield from _of_register(data, number, register)

    def make_tables(self) -> Iterator[PageTable]:
        """A table for each list."""
        for number, register in enumerate(self.registers):
            yield make_look_table(f"{register.title} ({register.source})", (
                "Entry", "Date", "Until", "Who decided, as it says", "Number or reason", "Lists", "Match", "Targets",
                "May be about somebody else"), list(_list_mentions(number, register)), f"r{number}")


def _list_mentions(number: int, register: RegisterSays) -> Iterator[TableRow]:
    for at, one in enumerate(register.mentions):
        yield TableRow(anchor=f"r{number}m{at}", cells=(
            str(one.place), one.date, one.until, one.authority, one.decision, one.listed, one.match,
            " ".join(one.targets), one.shared))


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
