"""A run's digests are the same over CSV, Parquet, merged days and collected data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from any_results import RESULTS, TEXTS, any_of
from probe.core.runs import RunResult
from probe.core.verdicts import Verdict
from probe.store.archive.compaction import compact_days
from probe.store.files.csv_files import make_csv, parse_text
from probe.store.files.parquet_rows import read_parquet
from probe.store.row_codec import Row, rows_of
from probe.store.runs.run_reader import stored_runs, table_text
from probe.store.runs.run_writer import write_run
from probe.store.schema import COLUMNS_VERSION, TABLES, columns_at
from probe.store.signing.canonical_rows import canonical_time, digest_rows, digest_text
from probe.store.signing.signature_check import RunCheck, check_run
from probe_operate.collect.collecting import collect_runs
from signed_runs import KEY, named
from stored import a_result

DAY = "date=2017-05-04"
TIMES = st.datetimes().map(lambda moment: moment.isoformat()) | st.sampled_from((
    "2017-05-04T06:12:00Z", "2017-05-04T06:12:00.000001Z", "2017-05-04T06:12:00+05:30", "20170504T061200Z", "",
    "2017-05-04", "never", "0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00"))


def of_csv(folder: Path) -> dict[str, RunCheck]:
    return {run.run_id: check_run({name: table_text(folder, run, name) for name in TABLES})
            for run in stored_runs(folder)}


def of_parquet(folder: Path) -> dict[str, RunCheck]:
    rows: dict[str, dict[str, list[Row]]] = {}
    for name, table in TABLES.items():
        for path in sorted((folder / "parquet" / name / DAY).glob("*.parquet")):
            for row in read_parquet(path, table):
                rows.setdefault(str(row["run_id"]), {}).setdefault(name, []).append(row)
    return {run_id: check_run({name: partial(iter, found.get(name, [])) for name in TABLES})
            for run_id, found in rows.items()}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(result=RESULTS, text=TEXTS, end=TIMES)
def test_every_form_of_a_run_is_what_was_signed(result: RunResult, text: str, end: str) -> None:
    with TemporaryDirectory() as temporary:
        folder, out = Path(temporary) / "in", Path(temporary) / "out"
        for number, made in enumerate((result, a_result(text=text))):
            write_run(named(made, f"r-{number}", end=end), folder, parquet=True, signer=KEY)
        signed = {f"r-{number}": RunCheck(run_id=f"r-{number}", state="signed") for number in range(2)}
        assert of_csv(folder) == signed
        assert of_parquet(folder) == signed
        assert collect_runs([folder], out).taken == 2
        assert of_csv(out) == signed
        for place in (folder, out):
            compact_days(place, today=date(2017, 5, 9), parquet=True)
            assert [path.name[:4] for path in (place / "verdicts" / DAY).glob("*.csv")] == ["day@"]
            assert of_csv(place) == signed
            assert of_parquet(place) == signed
        collect_runs([folder], Path(temporary) / "again")
        assert of_csv(Path(temporary) / "again") == signed


@pytest.mark.parametrize(("given_time", "canonical"), [
    ("2017-05-04T06:12:00Z", "2017-05-04T06:12:00Z"), ("2017-05-04T08:12:00+02:00", "2017-05-04T06:12:00Z"),
    ("2017-05-04T06:12:00.5Z", "2017-05-04T06:12:00.500000Z"), ("2017-05-04", "2017-05-04T00:00:00Z"),
    ("0009-05-04T06:12:00Z", "0009-05-04T06:12:00Z"), ("", ""), ("yesterday", ""),
    ("0001-01-01T00:00:00+12:00", ""),
])
def test_times_have_one_form(given_time: str, canonical: str) -> None:
    assert canonical_time(given_time) == canonical


def test_the_order_of_rows_says_nothing_and_their_number_does() -> None:
    table = TABLES["observations"]
    header, *lines = make_csv(table, rows_of(a_result(), table)).splitlines(keepends=True)
    assert digest_text(header + b"".join(lines)) == digest_text(header + b"".join(reversed(lines)))
    assert digest_text(header + b"".join(lines)) != digest_text(header + b"".join([*lines, lines[0]]))


@pytest.mark.parametrize("change", [
    lambda text: text.replace(b"\r\n", b"\n"),
    lambda text: b"".join(b",".join(b'"' + cell + b'"' for cell in line.split(b",")) + b"\r\n"
                          for line in text.splitlines()),
])
def test_a_table_that_another_program_wrote_anew_is_the_same(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    write_run(named(a_result()), tmp_path, parquet=False, signer=KEY)
    (run,) = stored_runs(tmp_path)
    texts = {name: change(table_text(tmp_path, run, name)) for name in TABLES}
    assert check_run(texts).state == "signed"


@given(rows=st.lists(any_of(Verdict), max_size=4), order=st.randoms())
def test_text_and_rows_have_the_same_digest(rows: list[Verdict], order: object) -> None:
    result = replace(a_result(), verdicts=tuple(rows))
    table = TABLES["verdicts"]
    again = tuple(parse_text(Path(), make_csv(table, rows_of(result, table)), table))
    assert digest_rows(table, 1, again) == digest_rows(table, 1, rows_of(result, table))


HEADERS: Mapping[int, Mapping[str, str]] = {
    1: {"observations": "6b874df529e75fe7", "controls": "5960651f27b71607", "verdicts": "060cafff2384af5b",
        "services": "843d603c3fb4d11c", "runs": "e032fc06b5c18d6d"},
    2: {"observations": "cced5ab67a380636", "controls": "5960651f27b71607", "verdicts": "060cafff2384af5b",
        "services": "843d603c3fb4d11c", "runs": "e032fc06b5c18d6d"},
    3: {"observations": "cced5ab67a380636", "controls": "5960651f27b71607", "verdicts": "060cafff2384af5b",
        "services": "843d603c3fb4d11c", "runs": "b99a07c2f543e078"},
    4: {"observations": "cced5ab67a380636", "controls": "5960651f27b71607", "verdicts": "060cafff2384af5b",
        "services": "7e63153eb93782b2", "runs": "b99a07c2f543e078"},
    5: {"observations": "cced5ab67a380636", "controls": "5960651f27b71607", "verdicts": "fa84fadf0bec6a15",
        "services": "7e63153eb93782b2", "runs": "b99a07c2f543e078"},
    6: {"observations": "cced5ab67a380636", "controls": "5960651f27b71607", "verdicts": "fa84fadf0bec6a15",
        "services": "7e63153eb93782b2", "runs": "b99a07c2f543e078"},
    7: {"observations": "cced5ab67a380636", "controls": "5960651f27b71607", "verdicts": "83a1e688652c6def",
        "services": "7e63153eb93782b2", "runs": "b99a07c2f543e078"},
}
"""Version of the columns -> table -> the beginning of the SHA-256 of its header."""


@pytest.mark.parametrize("version", range(1, COLUMNS_VERSION + 1))
def test_the_columns_of_a_version_never_change(version: int) -> None:
    """Whoever adds a column raises the version and names the column beside it; else old runs could not be verified."""
    assert {name: digest_text(",".join(column.name for column in columns_at(table, version)).encode())[2:18]
            for name, table in TABLES.items()} == HEADERS[version]
