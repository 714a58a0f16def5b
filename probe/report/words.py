"""The report's plain sentences: times, outcomes, operations, and the story of one target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from probe.model import Observation
from probe.report.series import DECIDED, Segment, VerdictRow, changes_between
from probe.tables.blocks import BLOCK_TYPES, BlockType

_MONTHS = ("January", "February", "March", "April", "May", "June",
           "July", "August", "September", "October", "November", "December")

STATES: Mapping[str, tuple[str, str]] = {
    "ok": ("✓", "answered as it should"),
    "blocked": ("B", "blocked"),
    "partial": ("P", "partly blocked: some of its endpoints"),
    "mixed": ("M", "blocked in some runs, ok in others"),
    "down": ("D", "down: the service itself fails or refuses"),
    "network": ("N", "the whole network was cut or slowed"),
    "local": ("L", "the volunteer's own device or router is the cause"),
    "inconclusive": ("?", "the evidence does not decide"),
    "not_attempted": ("-", "not tried"),
    "none": ("", "no run"),
}
"""State -> (letter in a chart, words). The letter and the place say what the colour says."""

SCOPES: Mapping[str, str] = {
    "device": "on the volunteer's own device",
    "lan": "in the volunteer's own house, school or office",
    "access": "at the volunteer's provider",
    "beyond_access": "beyond the volunteer's provider",
    "unknown": "not known",
}

OPERATIONS: Mapping[str, str] = {
    "resolve": "name lookup",
    "dns_round_trip": "DNS question",
    "connect": "TCP connection",
    "tls_handshake": "TLS handshake",
    "app_round_trip": "messenger's own first words",
    "http_round_trip": "HTTP request",
    "trace": "trace of connection attempts",
}

_SUCCESS: Mapping[str, str] = {
    "connect": "connected",
    "tls_handshake": "completed",
    "resolve": "answered",
    "dns_round_trip": "answered",
    "app_round_trip": "answered",
    "http_round_trip": "answered",
    "trace": "taken",
}

CONTROLS: Mapping[str, str] = {
    "not_needed": "not needed: the evidence convicts by itself",
    "none": "none",
    "failed": "could not be asked",
    "agrees": "sees the same",
    "contrary": "reaches it without trouble",
    "doubtful": "in doubt",
}


def moment(time: datetime) -> str:
    """`4 May 2017, 06:12`."""
    return f"{day(time)}, {time:%H:%M}"


def day(time: datetime) -> str:
    """`4 May 2017`."""
    return f"{time.day} {_MONTHS[time.month - 1]} {time.year}"


def month(time: datetime) -> str:
    """`May 2017`."""
    return f"{_MONTHS[time.month - 1]} {time.year}"


def short_day(time: datetime) -> str:
    """`4 May`."""
    return f"{time.day} {_MONTHS[time.month - 1][:3]}"


def duration(span: timedelta) -> str:
    """About how long, in one unit: `45 minutes`, `9 hours`, `3 days`."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 90:
        return count(minutes, "minute")
    return count(round(minutes / 60), "hour") if minutes < 48 * 60 else count(round(minutes / 1440), "day")


def count(n: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def block_stories(believed: Sequence[Segment]) -> tuple[str, ...]:
    """One sentence for each time a target was blocked: began between, ended between."""
    stories = []
    for position, segment in enumerate(believed):
        if segment.outcome == "blocked":
            before = believed[position - 1] if position else None
            after = believed[position + 1] if position + 1 < len(believed) else None
            stories.append(f"{_began(before, segment)}; {_ended(segment, after)}.")
    return tuple(stories)


def caveats(series: Sequence[VerdictRow], believed: Sequence[Segment]) -> tuple[str, ...]:
    """What a reader must know before trusting the story of one target."""
    decided = [row for row in series if row.outcome in DECIDED]
    others = Counter(row.outcome for row in series if row.outcome not in DECIDED)
    found = []
    if others:
        kinds = listed([f"{STATES.get(name, ('', name))[1]} ({n})" for name, n in others.most_common()])
        found.append(f"{count(others.total(), 'run')} counted neither as ok nor as blocked: {kinds}.")
    if contrary := sum(segment.n_contrary for segment in believed):
        found.append(f"{count(contrary, 'lone run')} said the opposite of the runs around it; that alone is no change.")
    if believed and decided[-1].outcome != believed[-1].outcome:
        found.append(f"The latest decided run says {decided[-1].outcome}. One run is no change yet.")
    if not believed and decided:
        found.append("No two decided runs in a row agree, so nothing is concluded.")
    gap = max((segment.longest_gap for segment in believed), default=timedelta(0))
    if gap > timedelta(days=1):
        found.append(f"For {duration(gap)} no run decided; what happened then is not known.")
    if any(change.instrument_changed for change in changes_between(believed)):
        found.append("The probe, its rules or its list of targets changed in the same interval as the outcome:"
                     " rule out the instrument first.")
    return tuple(found)


def explained(block_type: str) -> BlockType | None:
    """The table's row for a cause, or for its deepest known ancestor."""
    path = block_type.split(".")
    known = (BLOCK_TYPES.get(".".join(path[:depth])) for depth in range(len(path), 0, -1))
    return next(filter(None, known), None)


def result(row: Observation) -> str:
    """What came of one operation, in few words."""
    if row.reason:
        return f"not tried: {row.reason}"
    facts = (
        row.failure.replace("_", " ") or _SUCCESS.get(row.operation, "worked"),
        row.rcode,
        ", ".join(row.answers[:4]),
        f"ICMP {row.icmp}" if row.icmp else "",
        "" if row.trust in ("", "valid") else f"certificate: {row.trust.replace('_', ' ')}",
        f"HTTP {row.status}" if row.status else "",
        f"leads to {row.location}" if row.location else "",
        f"“{row.title}”" if row.title else "",
        f"known answer {row.fingerprint} ({row.fingerprint_scope or 'scope unknown'})" if row.fingerprint else "",
        f"not as expected: {row.mismatch}" if row.mismatch else "",
    )
    return "; ".join(filter(None, facts))


def _began(before: Segment | None, segment: Segment) -> str:
    if before is None:
        return f"Already blocked in the first decided run ({moment(segment.first.time)})"
    return f"Began between {moment(before.last.time)} and {moment(segment.first.time)}"


def _ended(segment: Segment, after: Segment | None) -> str:
    if after is None:
        return f"still blocked in the last run that decided so ({moment(segment.last.time)})"
    return f"ended between {moment(segment.last.time)} and {moment(after.first.time)}"
