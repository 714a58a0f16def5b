"""Rows of the table `population` of one service and country, put together: what many probes say. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from probe.core.stamps import parse_time
from probe_analysis.events.event import agree_on_cause
from probe_analysis.findings.finding_values import LookFinding, LookNetwork
from probe_analysis.look.mechanism_sentences import list_target_causes

APART = timedelta(days=2)
"""Stretches that are further apart than this are findings of their own."""
_HOUR = timedelta(hours=1)
Row = Mapping[str, Any]
LastOk = Mapping[tuple[int, str, str], datetime]


def make_population_findings(rows: Sequence[Row], last_ok: LastOk, known: Container[int]) -> list[LookFinding]:
    """A finding for each outcome, basis and service whose stretches follow each other; accusations first. What rests on
    fresh names is a finding of its own.

    `last_ok`: (network, service, role) -> the end of the last hour in which the role was well there. `known`: networks
    in which enough probes were known some days before.
    """
    def key(row: Row) -> tuple[bool, bool, str, str]:
        return row["outcome"] != "blocked", _is_fresh(row), row["service"], row["basis"]

    chosen = sorted((row for row in rows if row["outcome"] == "blocked" or (
        row["outcome"] == "inconclusive" and row["suspected"])),
                    key=lambda row: (*key(row), row["onset"]))
    return [_finding(near, last_ok, known) for _, group in groupby(chosen, key=key) for near in _split(list(group))]


def _split(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows in order of onset, parted where nothing failed for longer than `APART`."""
    parts: list[list[Row]] = []
    last: datetime | None = None
    for row in rows:
        if last is None or parse_time(row["onset"]) - last > APART:
            parts.append([])
        parts[-1].append(row)
        end = parse_time(row["last"])
        last = end if last is None else max(last, end)
    return parts


def _finding(rows: Sequence[Row], last_ok: LastOk, known: Container[int]) -> LookFinding:
    first = min(rows, key=lambda row: row["onset"])
    sure = first["outcome"] == "blocked"
    n, struck = sum(row["n"] for row in rows), sum(row["struck"] for row in rows)
    last = max(parse_time(row["last"]) for row in rows) + _HOUR
    ended = [last_ok.get((row["probe_asn"], row["service"], row["role"])) for row in rows]
    over = [moment for moment in ended if moment and moment > last]
    everywhere = len(over) == len(ended)
    return LookFinding(
        kind="population", status="confirmed" if sure else "suspected", service=first["service"],
        roles=tuple(dict.fromkeys(row["role"] for row in rows)),
        targets=tuple(dict.fromkeys(row["target_id"] for row in rows)), networks=tuple(_networks(rows, known)),
        onset_from=_served_until(first), onset_until=parse_time(first["onset"]) + _HOUR,
        end_from=last if everywhere else None, end_until=max(over) if everywhere else None, last=last,
        mechanism=agree_on_cause(_count_causes(rows)),
        n=n, blocked=struck, witnesses=max(row["witnesses_alike"] for row in rows), strength=struck / n if n else 0.0,
        daily_hours=None, probability=None, basis=first["basis"], ruled_out=(),
        causes=list_target_causes(_count_by_target(rows)),
        not_ruled_out=tuple(dict.fromkeys(word for row in rows for word in row["not_excluded"].split())))


def _networks(rows: Sequence[Row], known: Container[int]) -> list[LookNetwork]:
    """Each network once; of several targets the one that began first tells when."""
    by_network: dict[int, list[Row]] = {}
    for row in rows:
        by_network.setdefault(row["probe_asn"], []).append(row)
    made = []
    for asn, own in sorted(by_network.items()):
        first = min(own, key=lambda row: row["onset"])
        made.append(LookNetwork(
            asn=asn, label="", n=sum(row["n"] for row in own), blocked=sum(row["struck"] for row in own),
            witnesses=max(row["witnesses"] for row in own), known=asn in known and not _is_fresh(first),
            onset_from=_served_until(first), onset_until=parse_time(first["onset"]) + _HOUR))
    return made


def _served_until(row: Row) -> datetime | None:
    return parse_time(row["served_until"]) if row["served_until"] else None


def _is_fresh(row: Row) -> bool:
    return "fresh_names" in row["not_excluded"].split()


def _count_causes(rows: Sequence[Row]) -> Counter[str]:
    votes = Counter[str]()
    for (_, cause), n in _count_by_target(rows).items():
        votes[cause] += n
    return votes


def _count_by_target(rows: Sequence[Row]) -> Counter[tuple[str, str]]:
    votes = Counter[tuple[str, str]]()
    for row in rows:
        cause = row["block_type"] if row["outcome"] == "blocked" else row["suspected"]
        votes[row["target_id"], cause] += row["struck"]
    return votes
