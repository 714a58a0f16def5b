"""Rows from templates are the rows that a writer of CSV makes of each by itself."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from probe.core.runs import Run, RunResult
from probe.core.verdicts import Verdict
from probe.store.files.text_cells import encode
from probe.store.row_codec import rows_of, table_records
from probe.store.schema import TABLES, Table
from probe_analysis.bulk.csv_row_texts import FrameText, RowTexts, RunTexts
from stored import a_result

HOSTILE = st.text(st.sampled_from("a%s\"',;=\\ \r\n\u202eé"), max_size=12)


@settings(max_examples=25)
@given(st.lists(st.tuples(HOSTILE, HOSTILE, st.floats(0, 9), st.integers(0, 3)), min_size=1, max_size=4))
def test_rows_that_are_nearly_alike_are_written_as_each_by_itself(
        drawn: list[tuple[str, str, float, int]]) -> None:
    results = [made for drawing in drawn for made in _results_of(*drawing)]
    for table in TABLES.values():
        if table.row is not Run:
            texts = RowTexts(table)
            for result in results:
                written = texts.write(FrameText(result.run), table_records(result, table))
                assert written == _write_plainly(result, table)


def test_the_line_of_a_run_is_the_one_that_a_writer_of_csv_makes() -> None:
    texts = RunTexts(TABLES["runs"])
    for text in ("", "one; two", "=1", 'a "b", c\r\nd', "é\u202e"):
        for result in _results_of(text, text, 0.5, 2):
            changed = replace(result, run=replace(result.run, software_version=text, runtime_s=1.5))
            assert texts.write(changed.run) == _write_plainly(changed, TABLES["runs"])


def _results_of(title: str, source: str, at_s: float, attempt: int) -> list[RunResult]:
    """A run with a row that differs in one column from the one before, and another with nothing but another name."""
    made = a_result("r-1", text=title)
    first, second = made.observations
    said: Verdict = replace(made.verdicts[0], sources=(source,), theirs=(title, source), confidence=at_s, reason=title)
    told = replace(made.controls[0], t0_s=at_s, http_title=source)
    seen = (first, replace(first, observation_id="r-1.3", t0_s=at_s, attempt=attempt), second,
            replace(first, tcp=replace(first.tcp, min_rtt_ms=at_s)))
    one = replace(made, observations=seen, verdicts=(said, replace(said, attempts=attempt)), controls=(told,))
    return [one, replace(one, run=replace(one.run, run_id="r-2"),
                         observations=tuple(replace(o, run_id="r-2", tainted_by=source) for o in seen))]


def _write_plainly(result: RunResult, table: Table) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows_of(result, table):
        writer.writerow([encode(row[column.name], column) for column in table.columns])
    return text.getvalue()
