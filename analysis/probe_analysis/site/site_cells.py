"""What a site asks of a table of cells: days of each network and service, and the hours around each event.

Networks that may not be named on a day are summed up under the number 0 before anything is handed out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np

from probe_analysis.counting.cell_view import COUNTED, CellView, sum_counts
from probe_analysis.counts.cells_origin import CellsOrigin
from probe_analysis.findings.finding_values import MeasuredPart
from probe_analysis.look.look_cells import PART_SUMS, make_part
from probe_analysis.pages.time_buckets import TimeBuckets
from probe_analysis.site.day_lines import Counts, DayLine, split_day_lines
from probe_analysis.site.site_values import Place
from probe_analysis.tables.day_numbers import find_day, find_moment, number_day

MEMORY_MB = 600
_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class CellWindow:
    """The hours around an event that may be read for it."""

    cc: str
    service: str
    """Empty: all services."""
    roles: Sequence[str]
    """Empty: all roles."""
    networks: Mapping[int, bool]
    """Number -> it may be named; empty: all of the country."""
    whole: bool
    """Its chart is of the whole country, by days: none of the networks may be named."""
    begin: datetime
    limit: datetime
    """No cell is read that is not over by then."""
    onset: datetime
    steps: TimeBuckets
    """Of its chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSince:
    """What was counted on networks and of the roles of an event since its onset."""

    n: int
    blocked: int
    witnesses: int
    last: datetime
    """When the last of these cells begins."""


class SiteCells(CellView):
    """A table of cells that is open for the questions of a site."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(path, connection)
        # Gone through once for all questions about days: a year of many networks has tens of millions of cells.
        self.do(f"""CREATE TEMP TABLE service_days AS SELECT probe_cc, probe_asn, service, began // {_DAY_S} AS day,
                max(witnesses) AS most, max(witnesses) FILTER (standing = 'established') AS most_known, {sum_counts()}
            FROM cells WHERE level = 'service' AND began IS NOT NULL GROUP BY ALL""")

    def list_heard(self, *, known_alone: bool) -> Iterator[tuple[Place, date, int]]:
        """(network, day, most probes in one of its hours); `known_alone`: of those that were known some days before."""
        counted = "most_known" if known_alone else "most"
        for cc, asn, day, witnesses in self.rows(f"""
                SELECT probe_cc, probe_asn, day, coalesce(max({counted}), 0) FROM service_days GROUP BY ALL"""):
            yield (cc, asn), find_day(day), witnesses

    def is_lab(self) -> bool:
        """Whether the cells were made in the laboratory."""
        return bool(self.rows("SELECT lab FROM cells LIMIT 1")[0][0])

    def keep_named(self, named: Iterable[tuple[Place, date]]) -> None:
        """From now on a network has its number on these days alone."""
        rows = [(cc, asn, number_day(day)) for (cc, asn), day in named]
        self.do("CREATE OR REPLACE TEMP TABLE named (probe_cc VARCHAR, probe_asn BIGINT, day BIGINT)")
        self._fill("named", rows, 3)

    def sum_days(self, first: date, last: date) -> dict[tuple[str, int, str], DayLine]:
        """(country, network, service) -> its days, numbered from the first."""
        start = number_day(first)
        found = self.columns(f"""
            SELECT probe_cc, CASE WHEN known THEN probe_asn ELSE 0 END AS asn, service, day, {sum_counts()}
            FROM service_days LEFT JOIN (SELECT *, true AS known FROM named) USING (probe_cc, probe_asn, day)
            WHERE day BETWEEN {start} AND {number_day(last)} GROUP BY ALL ORDER BY ALL""")
        counts = np.column_stack([found[name] for name in COUNTED])
        return split_day_lines([found[name] for name in ("probe_cc", "asn", "service")], found["day"] - start, counts)

    def open_windows(self, windows: Sequence[CellWindow], step: timedelta, last: date) -> None:
        """Read the hours of these windows, once for all the questions about them; of networks without a name no day
        after the last that may be shown."""
        self.do("CREATE OR REPLACE TEMP TABLE windows (number INTEGER, cc VARCHAR, wanted VARCHAR, begin_s BIGINT,"
                " limit_s BIGINT, onset_s BIGINT, start_s BIGINT, width_s BIGINT, whole BOOLEAN, every BOOLEAN)")
        self.do("CREATE OR REPLACE TEMP TABLE window_networks (number INTEGER, asn BIGINT, shown BOOLEAN)")
        self.do("CREATE OR REPLACE TEMP TABLE window_roles (number INTEGER, wanted_role VARCHAR)")
        self._fill("windows", [(
            number, one.cc, one.service, _seconds(one.begin), _seconds(one.limit) - int(step.total_seconds()),
            _seconds(one.onset), _seconds(one.steps.start), int(one.steps.width.total_seconds()),
            one.whole, not one.networks) for number, one in enumerate(windows)], 10)
        self._fill("window_networks", [(number, asn, shown) for number, one in enumerate(windows)
                                       for asn, shown in one.networks.items()], 3)
        self._fill("window_roles", [(number, role) for number, one in enumerate(windows) for role in one.roles], 2)
        # Who has a name is asked of the few rows that lie in windows, not of all the cells.
        self.do(f"""CREATE OR REPLACE TEMP TABLE near AS
            WITH inside AS (
                SELECT number, probe_cc, probe_asn, service, role, began, witnesses, {', '.join(COUNTED)}
                FROM cells JOIN windows ON probe_cc = cc AND service = wanted
                WHERE level = 'role' AND wanted <> '' AND began BETWEEN begin_s AND limit_s
                UNION ALL
                SELECT number, probe_cc, probe_asn, '' AS service, '' AS role, began, max(witnesses),
                    {', '.join(f'sum({name})::BIGINT' for name in COUNTED)}
                FROM cells JOIN windows ON probe_cc = cc
                WHERE level = 'service' AND wanted = '' AND began BETWEEN begin_s AND limit_s
                GROUP BY ALL),
            told AS (SELECT *, began // {_DAY_S} AS day FROM inside)
            SELECT number, probe_asn, known IS NOT NULL AS known, service, role, began, witnesses, {', '.join(COUNTED)}
            FROM told LEFT JOIN (SELECT *, true AS known FROM named) USING (probe_cc, probe_asn, day)
            WHERE known OR day <= {number_day(last)}""")
        self.do("""CREATE OR REPLACE TEMP VIEW struck AS
            SELECT near.*, start_s, width_s, onset_s, every OR shown IS NOT NULL AS own,
                every OR whole OR coalesce(shown, false) AS drawn
            FROM near JOIN windows USING (number)
            LEFT JOIN window_networks ON near.number = window_networks.number AND near.probe_asn = asn
            WHERE near.role = '' OR near.number NOT IN (SELECT number FROM window_roles)
                OR (near.number, near.role) IN (SELECT (number, wanted_role) FROM window_roles)""")

    def list_parts(self, origin: CellsOrigin) -> Iterator[tuple[int, MeasuredPart]]:
        """(number of the window, sums of a network and role in it)."""
        for number, *row in self.rows(f"""
                SELECT number, CASE WHEN known THEN probe_asn ELSE 0 END AS asn, service, role, {PART_SUMS}
                FROM near WHERE service <> '' GROUP BY ALL ORDER BY ALL"""):
            yield number, make_part(origin, *row)

    def list_steps(self) -> Iterator[tuple[int, int, Counts]]:
        """(number of the window, step of its chart, sums of its networks and roles); an hour of a network that has no
        name then is in no step shorter than a day."""
        for number, step, *counts in self.rows(f"""
                SELECT number, (began - start_s) // width_s AS step, {sum_counts()}
                FROM struck WHERE drawn AND began >= start_s AND (known OR width_s >= {_DAY_S})
                GROUP BY ALL ORDER BY ALL"""):
            yield number, step, tuple(counts)

    def list_since(self) -> Mapping[tuple[int, int], WindowSince]:
        """(number of the window, number of a network) -> its roles since the onset, in hours in which it has a name;
        network 0: all networks of the event together."""
        return {(number, asn): WindowSince(n=n, blocked=blocked, witnesses=witnesses, last=find_moment(last))
                for number, asn, n, blocked, witnesses, last in self.rows("""
                    WITH since AS (SELECT * FROM struck WHERE own AND began >= onset_s),
                    each AS (SELECT *, 0 AS whose FROM since
                        UNION ALL SELECT *, probe_asn AS whose FROM since WHERE known AND probe_asn <> 0)
                    SELECT number, whose, sum(ok + blocked + down)::BIGINT, sum(blocked)::BIGINT, max(witnesses),
                        max(began)
                    FROM each GROUP BY ALL""")}

    def _fill(self, table: str, rows: Sequence[tuple[object, ...]], columns: int) -> None:
        """Many rows at once: a statement for each would take longer than all the rest."""
        if rows:
            lists = ", ".join(["unnest(?)"] * columns)
            self.do(f"INSERT INTO {table} SELECT {lists}", *map(list, zip(*rows, strict=True)))


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
