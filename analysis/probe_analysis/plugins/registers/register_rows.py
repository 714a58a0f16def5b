"""One row for each target and list: how it is listed, beside what was measured. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from probe.store.column_meanings import Words
from probe_analysis.plugins.registers.register_join import JoinedList, TargetIndex
from probe_analysis.plugins.registers.register_words import (
    LISTED,
    MATCHES,
    MEASURED,
    NOT_LISTED,
    STANDINGS,
    UNAVAILABLE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredTarget:
    """What runs in one country said of a target."""

    first_blocked_time: str = ""
    block_type: str = ""
    first_run_id: str = ""
    n_blocked: int = 0
    n_ok: int = 0
    n_other: int = 0
    last_time: str = ""

    @property
    def word(self) -> str:
        """A word of `MEASURED`."""
        if self.n_blocked:
            return "blocked"
        if self.n_ok:
            return "reachable"
        return "undecided" if self.n_other else "not_measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadList:
    """Which list a row is about."""

    register: str
    register_cc: str
    source: str
    list_time: str
    list_time_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRow(ReadList):
    """A target beside a list."""

    target_id: str
    service: str
    standing: str
    match: str = ""
    listed: str = ""
    entry_date: str = ""
    entry_until: str = ""
    authority: str = ""
    decision: str = ""
    entry_line: int = 0
    entries: int = 0
    address: str = ""
    shared: str = ""
    measured: str = "not_measured"
    first_blocked_time: str = ""
    block_type: str = ""
    first_run_id: str = ""
    n_blocked: int = 0
    n_ok: int = 0
    last_time: str = ""


WORDS: Words = {
    "register": ("", "Name of the list, a word of `probe registers --known`."),
    "register_cc": ("ISO 3166-1 alpha-2", "Country whose networks are asked to follow it; empty: not told."),
    "source": ("", "The list's URL, or the name of its file."),
    "list_time": ("UTC, RFC 3339", "What the list shows is how it stood then."),
    "list_time_from": ("", "Who says so: list, file (when it was changed), fetched (when it was)."),
    "target_id": ("", "Target."),
    "service": ("", "Messaging service."),
    "standing": ("", "; ".join(f"{word}: {text}" for word, text in STANDINGS.items()) + "."),
    "match": ("", "; ".join(f"{word}: {text}" for word, text in MATCHES.items()) + "."),
    "listed": ("", "What of the entry it is."),
    "entry_date": ("", "Date of the entry or the decision; empty where the list has none."),
    "entry_until": ("", "When it ends, as the list writes it."),
    "authority": ("", "Who decided, as the list writes it."),
    "decision": ("", "Number or reason, as the list writes it."),
    "entry_line": ("", "Line in the list; of JSON the number of the entry."),
    "entries": ("count", "Entries that match in this way; the earliest is told."),
    "address": ("", "Of a match by address: which address of the target."),
    "shared": ("", "Signs that the entry is about somebody else at the same address; empty: none."),
    "measured": ("", "; ".join(f"{word}: {text}" for word, text in MEASURED.items()) + "."),
    "first_blocked_time": ("UTC, RFC 3339", "Start of the first run of that country that found it blocked: the onset"
                           " lies before it."),
    "block_type": ("", "What that run said."),
    "first_run_id": ("", "That run."),
    "n_blocked": ("runs", "Runs of that country that found it blocked."),
    "n_ok": ("runs", "Runs of that country that found it ok."),
    "last_time": ("UTC, RFC 3339", "Start of the latest run that decided on it."),
}


def make_rows(read: ReadList, joined: JoinedList | None, index: TargetIndex,
              measured: Mapping[str, MeasuredTarget]) -> Iterator[RegisterRow]:
    """A row for each target; `joined` is None for a list that could not be read."""
    for target, service in index.targets.items():
        seen = measured.get(target, MeasuredTarget())
        match = joined.best(target) if joined else None
        row = RegisterRow(
            **asdict(read), target_id=target, service=service, standing=NOT_LISTED if joined else UNAVAILABLE,
            measured=seen.word, first_blocked_time=seen.first_blocked_time, block_type=seen.block_type,
            first_run_id=seen.first_run_id,
            n_blocked=seen.n_blocked, n_ok=seen.n_ok, last_time=seen.last_time)
        yield row if match is None else replace(
            row, standing=LISTED, match=match.kind, listed=match.listed, entry_date=match.date, entry_until=match.until,
            authority=match.authority, decision=match.decision, entry_line=match.place, entries=match.entries,
            address=match.address, shared=match.shared)


def list_blocked_unlisted(rows: Iterable[RegisterRow]) -> Sequence[RegisterRow]:
    """Targets that were found blocked in a country none of whose lists, as far as they were read, names them."""
    listed = {(row.register_cc, row.target_id) for row in rows if row.standing == LISTED}
    found: dict[tuple[str, str], RegisterRow] = {}
    for row in rows:
        if row.standing == NOT_LISTED and row.measured == "blocked" and (row.register_cc, row.target_id) not in listed:
            found.setdefault((row.register_cc, row.target_id), row)
    return tuple(found.values())
