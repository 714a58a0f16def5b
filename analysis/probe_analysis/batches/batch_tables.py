"""Tables of batches (the checks of application stores) as one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from probe.store.row_codec import Row
from probe_analysis.batches.batch_files import BATCH_TABLES, batch_row, read_batches
from probe_analysis.exports.run_choice import RunFilter, check_not_mixed
from probe_analysis.exports.table_export import ExportResult, write_rows


def export_batches(directory: Path, out: Path | None, choice: RunFilter, *, table: str, form: str) -> ExportResult:
    """Writes the chosen rows to a file, whole or not at all, or to standard output where `out` is None.

    Days are those of the batches, countries those of whoever asked. Raises StoreError where rows of the laboratory and
    others would be mixed, something is damaged, or the file cannot be written.
    """
    rows, done = list(_chosen(directory, choice, table)), ExportResult()
    check_not_mixed(directory, (row["lab"] for row in rows), what="batches")
    done.rows, done.runs = len(rows), len({row["batch_id"] for row in rows})
    write_rows(out, BATCH_TABLES[table], iter(rows), form)
    return done


def _chosen(directory: Path, choice: RunFilter, table: str) -> Iterator[Row]:
    for record in read_batches(directory, BATCH_TABLES[table].row):
        day = f"{record.batch_id[:4]}-{record.batch_id[4:6]}-{record.batch_id[6:8]}"
        if ((choice.since is None or day >= choice.since.isoformat())
                and (choice.until is None or day <= choice.until.isoformat())
                and (not choice.services or record.service in choice.services)
                and (not choice.countries or record.probe_cc in choice.countries)
                and (choice.lab is None or record.lab is choice.lab)):
            yield batch_row(record, BATCH_TABLES[table])
