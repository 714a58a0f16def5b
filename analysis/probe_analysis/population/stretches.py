"""Where a target fails in a network, hour after hour, and all that is held against it: SQL over what is kept of days.

Hours of fresh names (of days on which nobody was known in the network) make stretches of their own. They are held
against nothing that known names say, and add nothing to it; against stretches of fresh names every hour is held.

Stretches are found in the marks of all days, which are few. The evidence of some stretches at a time is gathered
from the probe-hours of their days: so neither memory nor time grows with the rows of days that no stretch lies in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from probe_analysis.population.hour_files import explain_errors, read_files
from probe_analysis.population.kept_hours import KeptHours
from probe_analysis.population.probe_hours import FAILED, SERVED, SICK, STRUCK
from probe_analysis.populations.population_evidence import ENOUGH_HOURS, SETTLED_HOURS
from probe_analysis.tables.day_numbers import number_day

if TYPE_CHECKING:
    import duckdb

Row = Mapping[str, Any]

MAX_GAP_H = 168
"""What lies further apart is another stretch: nobody looked for a week."""
BEFORE_H = 168
"""So long before the onset it is asked who was served."""
_AT_ONCE = 300
"""Stretches whose evidence is gathered at once."""
_MOST_ADDRESSES = 64

NAMES = """
CREATE TABLE names AS
SELECT target_id, row_number() OVER (ORDER BY target_id)::INTEGER AS target, split_part(word, ' ', 1) AS service,
    split_part(word, ' ', 2) AS role
FROM (SELECT target_id, min(word) AS word FROM {marks} GROUP BY target_id)
"""

# An hour fails where most of what was met in it, and in the measured hours beside it, failed: so one success by chance
# parts no stretch, and where many hours fail after many that do not, the first of them stays the first. Where a stretch
# of fresh names meets one of known names, it adds nothing.
STRETCHES = f"""
CREATE TABLE stretches AS
WITH marked AS (
    SELECT cc, asn, target, fresh, hour, bad, met FROM {{marks}} JOIN names USING (target_id)
), smoothed AS (
    SELECT cc, asn, target, fresh, hour, bad, 2 * sum(bad) OVER near > sum(met) OVER near AS fails
    FROM marked WINDOW near AS (
        PARTITION BY cc, asn, target, fresh ORDER BY hour ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)
), begun AS (
    SELECT *, CASE WHEN fails = lag(fails) OVER own AND hour - lag(hour) OVER own <= {MAX_GAP_H} THEN 0 ELSE 1 END
        AS new
    FROM smoothed WINDOW own AS (PARTITION BY cc, asn, target, fresh ORDER BY hour)
), numbered AS (
    SELECT *, sum(new) OVER (PARTITION BY cc, asn, target, fresh ORDER BY hour ROWS UNBOUNDED PRECEDING) AS island
    FROM begun
), found AS (
    SELECT cc, asn, target, fresh, min(hour) FILTER (bad > 0) AS onset, max(hour) FILTER (bad > 0) AS last,
        (min(hour, {SETTLED_HOURS}) FILTER (bad > 0))[{SETTLED_HOURS}] AS settled
    FROM numbered WHERE fails GROUP BY cc, asn, target, fresh, island HAVING sum(bad) >= {ENOUGH_HOURS}
)
SELECT (row_number() OVER (ORDER BY onset, cc, asn, target))::INTEGER AS number, *
FROM found f WHERE NOT fresh OR NOT EXISTS (
    FROM found o WHERE o.cc = f.cc AND o.asn = f.asn AND o.target = f.target AND NOT o.fresh
        AND o.onset <= f.last AND o.last >= f.onset)
"""

_ONSETS = """
CREATE TABLE onsets AS
SELECT s.number, o.asn, min(o.onset) AS onset, arg_min(o.settled, o.onset) AS settled
FROM stretches s JOIN stretches o ON o.cc = s.cc AND o.target = s.target
    AND o.onset <= s.last AND o.last >= s.onset AND (s.fresh OR NOT o.fresh)
WHERE o.asn <> s.asn OR o.number = s.number GROUP BY s.number, o.asn
"""

_OTHERS = """
SELECT s.number, count(DISTINCT theirs.service) AS others
FROM stretches s JOIN names own ON own.target = s.target JOIN stretches o ON o.cc = s.cc AND o.asn = s.asn
    JOIN names theirs ON theirs.target = o.target AND theirs.service <> own.service
    AND o.onset <= s.last AND o.last >= s.onset AND (s.fresh OR NOT o.fresh)
GROUP BY s.number
"""

_VANTAGES = """
SELECT s.number, count(DISTINCT v.control) AS vantages
FROM stretches s JOIN names n ON n.target = s.target
    JOIN {vantages} v ON v.cc = s.cc AND v.target_id = n.target_id AND v.hour BETWEEN s.onset AND s.last
    AND (s.fresh OR NOT v.fresh)
GROUP BY s.number
"""

_ALL = """
SELECT s.*, n.target_id, n.service, n.role FROM stretches s JOIN names n USING (target) ORDER BY s.number
"""

# The days of a stretch and of the week before it.
_CHOSEN = f"""
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT *, unnest(range((onset - {BEFORE_H}) // 24, last // 24 + 1))::INTEGER AS day
FROM stretches WHERE list_contains(?::INTEGER[], number)
"""

_HERE = """
CREATE OR REPLACE TEMP TABLE here AS
SELECT h.* EXCLUDE (target_id, service, role), n.target FROM {hours} h JOIN names n USING (target_id)
    SEMI JOIN (SELECT DISTINCT target, day FROM chosen) c ON c.target = n.target AND c.day = h.day
"""


def _within(first: str, last: str) -> str:
    """Those of a row's hours that lie between two hours, both included, as bits."""
    begin, end = (f"greatest(0, least(24, {hour} - h.day * 24))" for hour in (first, f"{last} + 1"))
    return f"(h.hours & ((1 << {end}) - 1) & ~((1 << {begin}) - 1))"


def _side(name: str, when: str, state: int) -> str:
    """The columns of a `Side`; `when`: `inside` or `before`."""
    where = f"FILTER (WHERE {when} > 0 AND state = {state})"
    return f"""
    {_count(when, f"state = {state}")} AS {name}_hours, list_distinct(list(probe) {where}) AS {name}_probes,
    list(DISTINCT instrument) {where} AS {name}_instruments, list(DISTINCT access) {where} AS {name}_access,
    list_sort(list_distinct(list_concat(list(DISTINCT address_low) {where}, list(DISTINCT address_high) {where}))
        )[:{_MOST_ADDRESSES}] AS {name}_addresses,
    list(DISTINCT resolver) {where} AS {name}_resolvers,
    min(day * 24 + bit_count(({when} & -{when}) - 1)) {where} AS {name}_first_h,
    max(day * 24 + length(bin({when})) - 1) {where} AS {name}_last_h"""


def _count(when: str, condition: str) -> str:
    """How many hours."""
    return f"coalesce(sum(bit_count({when})) FILTER (WHERE {condition}), 0)::BIGINT"


_SEEN = f"""
CREATE OR REPLACE TEMP TABLE seen AS
SELECT s.number, o.onset, o.settled, h.* EXCLUDE (target, cc, hours),
    {_within("greatest(s.onset, coalesce(o.onset, s.onset))", "s.last")}::INTEGER AS inside,
    CASE WHEN o.onset IS NULL THEN 0 ELSE {_within(f"s.onset - {BEFORE_H}", "least(o.onset - 1, s.last)")} END::INTEGER
        AS before
FROM chosen s JOIN here h ON h.cc = s.cc AND h.target = s.target AND h.day = s.day
    AND {_within(f"s.onset - {BEFORE_H}", "s.last")} > 0 AND (s.fresh OR NOT h.fresh)
LEFT JOIN onsets o ON o.number = s.number AND o.asn = h.asn
"""

_NETWORKS = f"""
SELECT number, asn, coalesce(any_value(onset), -1) AS onset, coalesce(any_value(settled), -1) AS settled,
    {_side("struck", "inside", STRUCK)},
    {_side("served", "inside", SERVED)},
    {_side("earlier", "before", SERVED)},
    {_count("before", f"state IN ({STRUCK}, {SICK})")} AS struck_before,
    {_count("inside", f"state = {SICK}")} AS sick_hours,
    {_count("inside", f"state = {STRUCK} AND alone")} AS alone_hours
FROM seen GROUP BY number, asn ORDER BY number, asn
"""

_CAUSES = f"""
SELECT number, asn, {{word}} AS word, sum(bit_count(inside))::BIGINT AS hours FROM seen
WHERE inside > 0 AND state = {STRUCK} AND {{word}} IS NOT NULL GROUP BY number, asn, {{word}} ORDER BY number, asn, word
"""

_ABROAD = f"""
WITH far AS (
    SELECT s.number, h.cc, h.state, h.instrument, {_within("s.onset", "s.last")} AS inside
    FROM chosen s JOIN here h ON h.target = s.target AND h.day = s.day AND h.cc <> s.cc AND (s.fresh OR NOT h.fresh)
)
SELECT number, cc, {_count("inside", f"state IN ({STRUCK}, {FAILED})")} AS struck_hours,
    {_count("inside", f"state = {SERVED}")} AS served_hours,
    list(DISTINCT instrument) FILTER (WHERE state = {SERVED}) AS served_instruments
FROM far WHERE inside > 0 GROUP BY number, cc ORDER BY number, cc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchEvidence:
    """What a stretch is held against, as rows."""

    networks: list[Row]
    abroad: list[Row]


class Stretches:
    """Where targets fail in networks, by what is kept of all days, and what is asked of that."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, kept: KeptHours) -> None:
        self._connection = connection
        self._paths: dict[int, str] = {number_day(date.fromisoformat(day)): day for day in kept.days}
        self._kept = kept
        self.rows: list[Row] = []
        """Each stretch, by its onset, country, network and target: with its name, service and role, other services that
        fail beside it, controls that are served, and the onsets in its country as text."""

    def find(self) -> None:
        """Find where a target fails in a network."""
        if not self._kept.days:
            return
        with explain_errors():
            marks = self._files("marks", self._paths)
            for sql in (NAMES, STRETCHES, _ONSETS):
                self._connection.execute(sql.format(marks=marks))
            others = {row["number"]: row["others"] for row in self._rows(_OTHERS)}
            vantages = {row["number"]: row["vantages"] for row in self._rows(
                _VANTAGES.format(vantages=self._files("vantages", self._paths)))}
            onsets = _by_number(self._rows("SELECT * FROM onsets ORDER BY number, asn"))
            self.rows = [{**row, "others_alike": others.get(row["number"], 0),
                          "vantages": vantages.get(row["number"], 0), "onsets": _tell_onsets(onsets[row["number"]])}
                         for row in self._rows(_ALL)]

    def list_days(self, stretch: Row) -> list[str]:
        """The days that the evidence of a stretch is of."""
        days = range((stretch["onset"] - BEFORE_H) // 24, stretch["last"] // 24 + 1)
        return [self._paths[number] for number in days if number in self._paths]

    def read_evidence(self, stretches: Sequence[Row]) -> Iterator[tuple[Row, StretchEvidence]]:
        """These stretches, each with its networks and the other countries."""
        for first in range(0, len(stretches), _AT_ONCE):
            some = stretches[first:first + _AT_ONCE]
            with explain_errors():
                networks, abroad = self._gather([row["number"] for row in some])
            for row in some:
                yield row, StretchEvidence(networks=networks.get(row["number"], []),
                                           abroad=abroad.get(row["number"], []))

    def _gather(self, numbers: Sequence[int]) -> tuple[dict[int, list[Row]], dict[int, list[Row]]]:
        self._connection.execute(_CHOSEN, [list(numbers)])
        days = [row["day"] for row in self._rows("SELECT DISTINCT day FROM chosen")]
        hours = self._files("hours", [day for day in days if day in self._paths])
        self._connection.execute(_HERE.format(hours=hours))
        self._connection.execute(_SEEN)
        networks = self._rows(_NETWORKS)
        for name, word in (("causes", "cause"), ("proven", "proven")):
            counts: dict[tuple[int, int], dict[str, int]] = {}
            for row in self._rows(_CAUSES.format(word=word)):
                counts.setdefault((row["number"], row["asn"]), {})[row["word"]] = row["hours"]
            networks = [{**row, name: counts.get((row["number"], row["asn"]), {})} for row in networks]
        return _by_number(networks), _by_number(self._rows(_ABROAD))

    def _files(self, kind: str, days: Iterable[int]) -> str:
        return read_files(self._kept.path(self._paths[day], kind) for day in sorted(days))

    def _rows(self, sql: str) -> list[Row]:
        found = self._connection.execute(sql)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _tell_onsets(rows: Sequence[Row]) -> str:
    return " ".join(f"{row['asn']}:{row['onset']}:{row['settled']}" for row in rows)


def _by_number(rows: list[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["number"], []).append(row)
    return found
