"""What passes as canonical is, byte for byte, what reading the run and writing it anew would give."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from any_results import HOSTILE, RESULTS
from probe.core.runs import RunResult
from probe.store.files.atomic import StoreError
from probe.store.runs.canonical_texts import are_canonical
from probe.store.runs.run_reader import read_run
from probe.store.runs.run_writer import make_texts, write_texts
from probe.store.schema import TABLES
from stored import a_result

CELLS = (*HOSTILE[:-2], "0", "00", "1.0", "1.00", "1e3", "nan", "inf", "-0", "TRUE", "true", "1;2", "a=b", "=", "x;",
         "1.5|in|64|1|1|SA|1|1|1|0", "1.50|in|64|1|1|SA|1|1|1|0", "3.0|64|NOERROR||192.0.2.1", "3|64|NOERROR||",
         "3/1 192.0.2.1", "03/1", "00000001", "192.0.2.1:443=", "[2001:db8::1]:443=a")


def written_anew(texts: dict[str, bytes], directory: Path) -> dict[str, bytes] | None:
    """What the way through values makes of these files; None where it refuses them."""
    for table, text in texts.items():
        path = directory / table / "date=2017-05-04" / "r-1.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes(text)
    try:
        return make_texts(read_run(directory, "r-1"))
    except (StoreError, ValueError):
        return None


@pytest.mark.slow
@given(result=RESULTS)
def test_runs_as_they_are_written_pass(result: RunResult) -> None:
    assert are_canonical(result.run, make_texts(result)) or any(
        "\ud800" <= char < "\ue000" for char in str(result))  # a lone surrogate may stand in a form that is read away


@pytest.mark.slow
@given(result=st.just(a_result("r-1")) | RESULTS, data=st.data())
def test_what_was_changed_passes_only_where_it_would_be_written_so(
    result: RunResult, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory,
) -> None:
    texts = make_texts(result)
    table = data.draw(st.sampled_from(list(TABLES)))
    lines = texts[table].decode().split("\r\n")
    row = data.draw(st.integers(0, max(0, len(lines) - 2)))
    cells = lines[row].split(",")
    cells[data.draw(st.integers(0, len(cells) - 1))] = data.draw(st.sampled_from(CELLS))
    lines[row] = ",".join(cells)
    end = data.draw(st.sampled_from(("\r\n", "\r\n", "\r\n", "\n", "\r\n\r\n")))
    texts[table] = end.join(lines).encode("utf-8", "surrogatepass")
    directory = tmp_path_factory.mktemp("results")
    anew = written_anew(texts, directory)
    run = result.run if anew is None else read_run(directory, "r-1").run
    if are_canonical(run, texts):
        assert anew == texts


@pytest.mark.parametrize("damage", [
    lambda text: text[:-3], lambda text: text.replace(b"\r\n", b"\n"), lambda text: text + b"r-1\r\n",
    lambda text: text.replace(b"r-1,", b"r-2,"), lambda text: text.replace(b",", b";", 3), lambda text: b"",
    lambda text: text.replace(b"RU", b'"RU"'), lambda text: b"\xff" + text, lambda text: b"\xef\xbb\xbf" + text,
])
@pytest.mark.parametrize("table", list(TABLES))
def test_no_damage_passes(table: str, damage: object) -> None:
    result = a_result("r-1")
    texts = make_texts(result)
    assert are_canonical(result.run, texts)
    texts[table] = damage(texts[table])  # type: ignore[operator]
    assert not are_canonical(result.run, texts)


def test_texts_are_stored_as_they_are(tmp_path: Path) -> None:
    result = a_result("r-1")
    write_texts(result.run, make_texts(result), tmp_path)
    assert read_run(tmp_path, "r-1") == result
