"""What a look asks of a table of cells: the parts that were measured in a country, and how its targets failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from probe_analysis.counting.cell_view import CellView, sum_counts
from probe_analysis.counts.cells_origin import CellsOrigin
from probe_analysis.exports.release import MIN_PROBES
from probe_analysis.findings.finding_values import LookFinding, MeasuredPart
from probe_analysis.findings.logged_findings import MAX_TEXT
from probe_analysis.tables.day_numbers import find_moment

if TYPE_CHECKING:
    import duckdb

MEMORY_MB: Final = 160
"""Of DuckDB: with Python and what it reads beside, a look at two months of forty volunteers stays below 500."""


class LookCells(CellView):
    """A table of cells that is open for questions about one country."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(path, connection)
        self.do("CREATE TEMP VIEW roles AS SELECT * FROM cells WHERE level = 'role' AND began IS NOT NULL")

    def leave_out_before(self, since: datetime) -> None:
        """From now on no cell that began before is counted."""
        self.do("CREATE OR REPLACE TEMP VIEW roles AS SELECT * FROM cells"
                f" WHERE level = 'role' AND began >= {since.timestamp()}")

    def list_services(self, cc: str) -> set[str]:
        """Services that were measured in the country."""
        return {service for service, in self.rows("SELECT DISTINCT service FROM roles WHERE probe_cc = ?", cc)}

    def count_countries_beside(self, cc: str, services: Sequence[str]) -> int:
        """Other countries in which one of the services was measured."""
        (count,), = self.rows("SELECT count(DISTINCT probe_cc) FROM roles WHERE probe_cc <> ? AND"
                              " list_contains(?::VARCHAR[], service)", cc, list(services))
        return int(count)

    def list_parts(self, cc: str, services: Sequence[str], origin: CellsOrigin) -> list[MeasuredPart]:
        """The sums of each network and role, those with most blocked runs first."""
        rows = self.rows(f"""
            SELECT coalesce(max(witnesses) FILTER (standing = 'established'), 0) >= {MIN_PROBES}, asn, service, role,
                {PART_SUMS}
            FROM roles WHERE probe_cc = ? AND list_contains(?::VARCHAR[], service) GROUP BY ALL""", cc, list(services))
        return sorted((make_part(origin, *row, known=known) for known, *row in rows),
                      key=lambda part: (-part.blocked, -part.n, part.asn, part.service, part.role))

    def count_causes(self, cc: str, finding: LookFinding) -> Counter[tuple[str, str]]:
        """(target, block type) -> blocked runs of the finding's targets on its networks while it lasted."""
        begin = finding.onset_from or finding.onset_until - timedelta(hours=1)
        targets, asns = list(finding.targets), [one.asn for one in finding.networks]
        return Counter({(target[:MAX_TEXT], cause): blocked for target, cause, blocked in self.rows("""
            SELECT target_id, block_type, sum(blocked)::BIGINT FROM cells
            WHERE level = 'target' AND probe_cc = ? AND service = ? AND blocked > 0 AND began >= ? AND began < ?
                AND list_contains(?::VARCHAR[], role) AND (? OR list_contains(?::VARCHAR[], target_id))
                AND (? OR list_contains(?::BIGINT[], asn))
            GROUP BY ALL""", cc, finding.service, begin.timestamp(), finding.last.timestamp(), list(finding.roles),
            not targets, targets, 0 in asns, asns)})


PART_SUMS: Final = f"max(witnesses), min(began), max(began), max(began) FILTER (ok > 0), {sum_counts()}"
"""What `make_part` takes after network, service and role, as SQL over cells."""


def make_part(origin: CellsOrigin, asn: int, service: str, role: str, witnesses: int, first: int, last: int,
              last_ok: int | None, *counts: int, known: bool = True) -> MeasuredPart:
    """One part, from its sums."""
    ok, blocked, down, inconclusive, network, local = counts
    return MeasuredPart(
        asn=asn, label=(origin.names or {}).get(asn, "")[:MAX_TEXT], service=service[:MAX_TEXT], role=role,
        n=ok + blocked + down, ok=ok, blocked=blocked, down=down, inconclusive=inconclusive, network=network,
        local=local, witnesses=witnesses if origin.witnesses_told else None, first=find_moment(first),
        last=find_moment(last) + origin.step, known=known,
        last_ok=None if last_ok is None else find_moment(last_ok) + origin.step)
