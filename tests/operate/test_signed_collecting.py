"""What a data set takes, and what it refuses, by the runs' signatures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli.main import cli
from probe.config.month_key import MonthKey
from probe.core.runs import RunResult
from probe.core.tables.signature_words import SignatureState
from probe.store.runs.run_reader import read_run, read_runs
from probe.store.runs.run_writer import write_run
from probe.store.schema import COLUMNS_VERSION
from probe_operate.collect import collecting, file_marks, known_files
from probe_operate.collect.collecting import collect_runs
from signed_runs import KEY, OTHER_KEY, named
from stored import a_result


def signed(folder: Path, run_id: str, *, key: MonthKey = KEY, text: str = "plain") -> RunResult:
    write_run(named(a_result(run_id, text=text), key=key), folder, parquet=False, signer=key)
    return read_run(folder, run_id)


def blocked(result: RunResult) -> RunResult:
    return replace(result, verdicts=(replace(result.verdicts[0], outcome="blocked", block_type="tls.reset.sni"),))


def with_run(**changed: object) -> Callable[[RunResult], RunResult]:
    return lambda result: replace(result, run=replace(result.run, **changed))  # type: ignore[arg-type]


def seen_by(name: str) -> Callable[[RunResult], RunResult]:
    return lambda result: replace(result, run=replace(result.run, vantage=replace(result.run.vantage, probe_id=name)))


FORGERIES: Mapping[str, tuple[Callable[[RunResult], RunResult], SignatureState]] = {
    "another verdict": (blocked, "damaged"),
    "no verdict": (lambda result: replace(result, verdicts=()), "damaged"),
    "one verdict twice": (lambda result: replace(result, verdicts=result.verdicts * 2), "damaged"),
    "another verdict, and no signature": (
        lambda result: with_run(public_key="", signature="", digests=(), columns_version=0)(blocked(result)),
        "damaged"),
    "no digests": (with_run(digests=()), "damaged"),
    "another country": (lambda result: replace(result, run=replace(result.run, vantage=replace(
        result.run.vantage, probe_cc="IR"))), "damaged"),
    "another time": (with_run(measurement_start_time="2017-05-04T07:12:00Z"), "damaged"),
    "another signature": (with_run(signature="00" * 64), "damaged"),
    "a signature in capitals": (lambda result: with_run(signature=result.run.signature.upper())(result), "damaged"),
    "no signature": (with_run(signature=""), "damaged"),
    "another key": (with_run(public_key=OTHER_KEY.public.hex()), "damaged"),
    "a key that is none": (with_run(public_key="ff" * 32), "damaged"),
    "a negative version": (with_run(columns_version=-1), "damaged"),
    "another name": (seen_by(OTHER_KEY.name), "damaged"),
    "columns of the future": (with_run(columns_version=COLUMNS_VERSION + 1), "newer"),
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forgery_is_refused_and_the_run_is_taken(tmp_path: Path, how: str) -> None:
    forge, state = FORGERIES[how]
    result = signed(tmp_path / "honest", "r-a")
    write_run(forge(result), tmp_path / "forged", parquet=False)
    done = collect_runs([tmp_path / "forged", tmp_path / "honest"], tmp_path / "out")
    assert done.signatures == {state: 1, "signed": 1}
    assert (done.taken, done.conflicts, done.contested) == (1, {}, {})
    assert [found.reason.partition(":")[0] for found in done.refused] == [state]
    assert list(read_runs(tmp_path / "out")) == [result]


class _Liar:
    """Signs with its own key what bears another's name."""

    name, public, sign = KEY.name, OTHER_KEY.public, OTHER_KEY.sign


def test_nobody_speaks_under_another_name(tmp_path: Path) -> None:
    result = signed(tmp_path / "honest", "r-a")
    write_run(blocked(replace(result, run=replace(result.run, run_id="r-b", signature=""),
                              observations=())), tmp_path / "forged", parquet=False, signer=_Liar())
    done = collect_runs([tmp_path / "forged"], tmp_path / "out")
    assert (done.signatures, done.taken) == ({"foreign": 1}, 0)


def test_a_second_version_by_another_key_is_refused(tmp_path: Path) -> None:
    first = signed(tmp_path / "a", "r-a")
    signed(tmp_path / "b", "r-a", key=OTHER_KEY, text="other")
    collect_runs([tmp_path / "a"], tmp_path / "out")
    done = collect_runs([tmp_path / "b"], tmp_path / "out")
    assert done.contested == {"r-a": {tmp_path / "b"}}
    assert list(read_runs(tmp_path / "out")) == [first]


def test_a_damaged_run_that_is_held_is_told(tmp_path: Path) -> None:
    signed(tmp_path / "a", "r-a")
    collect_runs([tmp_path / "a"], tmp_path / "out")
    (path,) = (tmp_path / "out" / "verdicts").rglob("r-a.csv")
    path.write_bytes(path.read_bytes().replace(b",ok,", b",down,"))
    done = collect_runs([tmp_path / "a"], tmp_path / "out")
    assert done.contested == {"r-a": {tmp_path / "a"}}
    assert "r-a" in done.problems[0]


def test_old_results_are_taken_and_counted_apart(tmp_path: Path) -> None:
    write_run(with_run(schema_version="1")(a_result("r-old")), tmp_path / "a", parquet=False)
    old = seen_by("0123456789abcdef")(with_run(schema_version="1")(a_result("r-hex")))
    write_run(old, tmp_path / "a", parquet=False)
    signed(tmp_path / "a", "r-new")
    told = CliRunner().invoke(cli, ["collect", str(tmp_path / "a"), "-o", str(tmp_path / "out"), "--json"])
    assert json.loads(told.output)["signatures"] == {"unsigned": 2, "signed": 1}
    assert json.loads(told.output)["taken"] == 3


def test_a_forgery_is_known_again_by_its_file_and_the_next_version_looks_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file_marks, "_SETTLED_NS", -(1 << 62))
    write_run(blocked(signed(tmp_path / "honest", "r-a")), tmp_path / "forged", parquet=False)
    first = collect_runs([tmp_path / "forged"], tmp_path / "out")
    assert not first.holds_runs
    with monkeypatch.context() as patched:
        patched.setattr(collecting, "check_run", lambda texts: pytest.fail("was read again"))
        again = collect_runs([tmp_path / "forged"], tmp_path / "out")
    assert [found.reason for found in again.refused] == [found.reason for found in first.refused] != []
    monkeypatch.setattr(known_files, "_VERSION", "of another program")
    assert collect_runs([tmp_path / "forged"], tmp_path / "out").signatures == {"damaged": 1}
