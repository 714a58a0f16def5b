"""The log of events: only ever longer. A rerun over the same data adds nothing; late data revise openly.

Rows are plain values that JSON can hold. An event keeps the id under which it was first reported, even if later data
move its onset: what is detected now is known again by kind, place, service and a common time. Windows that were
dismissed, and series that fail by themselves, have rows too: kind `dismissed` and `flaky`, logged anew when another
cause explains them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from probe.core.counted_words import count_things
from probe.core.stamps import format_time
from probe_analysis.events.event_json import DISMISSED, FLAKY

LogRow: TypeAlias = Mapping[str, object]
Subject: TypeAlias = tuple[object, ...]

NEW, REVISED, ENDED, WITHDRAWN, RETRACTED = "new", "revised", "ended", "withdrawn", "retracted"
CHANGES: Mapping[str, str] = {
    NEW: "an event that was not told before",
    REVISED: "more is known of it, or it is known better",
    ENDED: "it is over",
    WITHDRAWN: "later data do not bear it out",
    RETRACTED: "people found that it was wrong",
}
GONE = (WITHDRAWN, RETRACTED)
"""Changes after which an event is told no more."""
_QUIET = ("blocked", "decided", "witnesses", "probability", "strength", "networks", "end_from", "end_until",
          "onset_from", "onset_until", "forgers_needed", "own_hello", "services_failed", "services_spared",
          "countries_well", "because", "would_confirm", "lacks", "daily_windows", "times")
"""What moves with every hour while an event goes on; a revision of these alone is logged when the event is over."""


_STRONGER = 0.2
"""By so much more of what was tried must fail for a retracted event to be told anew, under a name of its own."""
_HOLD = timedelta(days=3)
"""What was more than a suspicion is not withdrawn before so much more was measured since it was seen last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredTime:
    """The time that the cells span from which the events were detected."""

    begin: datetime
    end: datetime


def update_log(old: Iterable[LogRow], found: Iterable[LogRow], now: datetime,
               covered: CoveredTime | None = None) -> list[LogRow]:
    """The rows to append to a log so that it reports what was found (`probe_analysis.events.event_json.list_rows`).

    What the log reports and was not found is withdrawn, unless `covered` says that the cells did not span it.
    """
    latest = list_current(old)
    named = name_findings(latest, found)
    retracted = [known for known in latest.values() if known["change"] == RETRACTED]
    rows: list[LogRow] = []
    stamp = format_time(now)
    for finding in named:
        before, row = latest.get(str(finding["event_id"])), {**finding, "logged_at": stamp}
        if any(_stays_retracted(row, known) for known in retracted if before in (None, known)):
            continue
        if before is None:
            rows.append({**row, "change": NEW, "revision": 1})
        elif change := _change(before, row):
            rows.append({**row, "change": change, "revision": _revision(before) + 1})
    named_ids = {str(row["event_id"]) for row in named}
    for event_id, known in latest.items():
        if event_id not in named_ids and known["change"] not in GONE and _within(known, covered):
            whole = next((row for row in named if _subject(row) == _subject(known) and _find_common_s(row, known) > 0),
                         None)
            joined = {"part_of": whole["event_id"]} if whole and is_event(known) else {}
            rows.append({**known, **joined, "logged_at": stamp, "change": WITHDRAWN,
                         "revision": _revision(known) + 1})
    return rows


def name_findings(latest: Mapping[str, LogRow], found: Iterable[LogRow]) -> list[LogRow]:
    """What was found, under the ids that the log has for it: the same id, else the same subject with the longest common
    time. What the log does not have keeps its own, which no other has."""
    rows = list(found)
    alike: dict[Subject, list[LogRow]] = {}
    for known in latest.values():
        alike.setdefault(_subject(known), []).append(known)
    pairs = [(known["change"] in GONE, -_find_common_s(row, known), row["event_id"] != known["event_id"],
              _asns(row) != _asns(known), at, str(known["event_id"]))
             for at, row in enumerate(rows) for known in alike.get(_subject(row), ())
             if known["change"] != RETRACTED or _stays_retracted(row, known)]
    names: dict[int, str] = {}
    taken: set[str] = set()
    wholes: dict[int, str] = {}
    for _, common_s, is_other, _, at, name in sorted(pairs):
        if at in names or (common_s >= 0 and is_other):
            continue
        if name in taken:
            wholes.setdefault(at, name)  # what was one episode is found in pieces: this is another piece of it
        else:
            names[at] = name
            taken.add(name)
    for at, row in enumerate(rows):
        if at not in names:
            own = name = str(row["event_id"])
            number = 1
            while name in taken or name in latest:
                number += 1
                name = f"{own}-{number}"
            names[at] = name
            taken.add(name)
    own_names = {str(row["event_id"]): names[at] for at, row in enumerate(rows)}
    made = [{**row, "event_id": names[at], **_rename_whole(row, own_names)} for at, row in enumerate(rows)]
    wholes = {at: str(latest[names[at]].get("part_of") or "") if names[at] in latest else name
              for at, name in wholes.items() if rows[at]["kind"] == "service" and not rows[at].get("part_of")}
    return [{**row, "part_of": wholes[at]} if wholes.get(at) else row for at, row in enumerate(made)]


def retract_event(known: LogRow, now: datetime) -> LogRow:
    """The row that says of an event, given its last row, that it was wrong. Raises ValueError where it is told no
    more, or is no event."""
    if known["change"] in GONE or not is_event(known):
        raise ValueError("it is no event, or is told no more")
    return {**known, "logged_at": format_time(now), "change": RETRACTED, "revision": _revision(known) + 1}


def _stays_retracted(row: LogRow, known: LogRow) -> bool:
    """Whether what was found is what was retracted, and no more: no further network, and hardly stronger."""
    return (_subject(row) == _subject(known) and _find_common_s(row, known) > 0
            and set(_asns(row)) <= set(_asns(known)) and _strength(row) <= _strength(known) + _STRONGER)


def _strength(row: LogRow) -> float:
    return float(str(row.get("strength") or 0))


def _rename_whole(row: LogRow, names: Mapping[str, str]) -> LogRow:
    return {"part_of": names.get(str(row["part_of"]), row["part_of"])} if row.get("part_of") else {}


def is_event(row: LogRow) -> bool:
    """Whether a row is an event, and not what was dismissed or fails by itself."""
    return row.get("kind") not in (DISMISSED, FLAKY)


def list_current(log: Iterable[LogRow]) -> dict[str, LogRow]:
    """The last row of each event, by its id, in the order in which they were first reported."""
    latest: dict[str, LogRow] = {}
    for row in log:
        latest[str(row["event_id"])] = row
    return latest


def list_changes(log: Iterable[LogRow], since: datetime) -> list[LogRow]:
    """Rows that were logged at or after a time: what is new, ended, revised or withdrawn since."""
    return [row for row in log if _time(row["logged_at"]) >= since]


def describe_row(row: LogRow, counted: str = "verdict") -> str:
    """One row in words; `counted`: what its numbers count."""
    subject = str(row["service"]) or describe_services(row) or "the whole network"
    networks = ", ".join(str(reach.get("name") or f"AS{reach['asn']}") for reach in _reaches(row) if reach["asn"])
    where = f"{row['place']}{f' ({networks})' if networks else ''}"
    begin = f"{row['onset_from'] or 'before measuring began'} to {row['onset_until']}"
    over = "going on" if row["ongoing"] else f"until {row['end_from']}"
    windows = row.get("daily_windows") or [row["daily_hours"]]
    hours = " and ".join(f"{one[0]:02}-{one[1]:02}" for one in windows if isinstance(one, list | tuple)
                         ) if isinstance(windows, list | tuple) and row["daily_hours"] else ""
    daily = f", daily {hours} h UTC" if hours else ""
    kind = f" by {row['mechanism']}" if row["mechanism"] else ""
    lab = " [laboratory]" if row["lab"] else ""
    return (f"{row['change']}{lab}: {subject} in {where}{kind}, {row['status']}, began {begin}{daily}, {over}"
            f"{_describe_hellos(row)}; "
            f"{int(str(row['blocked'])):,} of {count_things(int(str(row['decided'])), counted)}, "
            f"{_count_witnesses(row['witnesses'])}, "
            f"probability {row.get('probability', row.get('confidence'))} [{row['event_id']}]")


def describe_services(row: LogRow) -> str:
    """What an event of several services, or of a network, names; empty where it names no service."""
    blocked, failed, spared = (_names(row.get(f"services_{word}")) for word in ("blocked", "failed", "spared"))
    if not blocked and not failed:
        return ""
    said = f"{count_things(len(blocked), 'service')} ({', '.join(blocked)})" if blocked else (
        f"the network, on which {', '.join(failed)} failed")
    return f"{said}, while {', '.join(spared)} were well," if spared else said


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list | tuple) else []


def _count_witnesses(value: object) -> str:
    """How many probes saw it; nobody counted them where there is no number."""
    return count_things(int(str(value)), "witness", "witnesses") if value else "witnesses not counted"


def _describe_hellos(row: LogRow) -> str:
    """Which shapes of ClientHellos are struck, and which came with the onset; empty where it makes no difference."""
    hellos = row.get("own_hello")
    if not isinstance(hellos, Mapping):
        return ""
    struck = f", only hellos of {' and '.join(hellos['struck'])}" if hellos["struck"] else ""
    return struck + (f", began with new hellos, {' and '.join(hellos['new'])}" if hellos["answer"] == "doubt" else "")


def _time(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


def _subject(row: LogRow) -> Subject:
    """What a row is about; of an event the country, of what is none the series as well."""
    about: Subject = (row["kind"], row["lab"], row["place"], row["service"])
    return about if is_event(row) else (*about, *_asns(row), str(row["roles"]), str(row["endpoints"]))


def _find_common_s(one: LogRow, other: LogRow) -> float:
    """Seconds that both have in common; 0 or less: none."""
    end = min(_time(one["end_from"]), _time(other["end_from"]))
    return (end - max(_time(one["onset"]), _time(other["onset"]))).total_seconds()


def _change(known: LogRow, row: LogRow) -> str:
    if known["change"] == WITHDRAWN:
        return REVISED
    if not is_event(row):
        return REVISED if row["explained_by"] != known.get("explained_by") else ""
    if known["ongoing"] and not row["ongoing"]:
        return ENDED
    compared = [name for name in row if name not in ("logged_at", "event_id")]
    if row["ongoing"]:
        compared = [name for name in compared if name not in _QUIET]
        if _asns(row) != _asns(known):
            return REVISED
    # A column that an older version did not write is no news.
    return REVISED if any(name in known and row[name] != known[name] for name in compared) else ""


def _reaches(row: LogRow) -> list[Mapping[str, object]]:
    networks = row["networks"]
    return [reach for reach in networks if isinstance(reach, Mapping)] if isinstance(networks, list | tuple) else []


def _asns(row: LogRow) -> list[object]:
    return [reach["asn"] for reach in _reaches(row)]


def _revision(row: LogRow) -> int:
    return int(str(row["revision"]))


def _within(row: LogRow, covered: CoveredTime | None) -> bool:
    """Whether the cells span an event, and for long enough that the next days do not bring it back."""
    if covered is None:
        return True
    hold = _HOLD if row["status"] in ("confirmed", "unplaced") else timedelta(0)
    return covered.begin <= _time(row["onset"]) and _time(row["end_from"]) + hold <= covered.end
