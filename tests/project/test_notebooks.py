"""The notebooks: what stands in docs is what the tool makes, and its programs run on any results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import notebooks as tool

pytest.importorskip("pandas", reason="needs the extra `research`")
pytest.importorskip("ibis", reason="needs the extra `research`")
pytest.importorskip("duckdb", reason="needs the extra `research`")

from fleet_days import some_runs, write_runs

NAMES = ("may-2017", "telegram-partial")


@pytest.mark.parametrize("name", NAMES)
def test_the_notebooks_are_those_of_the_tool_and_were_run(root: Path, name: str) -> None:
    cells = json.loads((root / "docs" / "notebooks" / f"{name}.ipynb").read_text())["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == list(tool.NOTEBOOKS[name].cells), (
        "run `python tools/notebooks.py`")
    programs = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] for cell in programs)
    assert [cell["execution_count"] for cell in programs] == list(range(1, len(programs) + 1))


def test_the_programs_run(tmp_path: Path) -> None:
    """On results whose services are named as those of the notebooks."""
    runs = []
    for run in some_runs(6, lab=True):
        verdicts = tuple(replace(v, service="telegram", role="chat", target_id=f"telegram.chat.{n}", evidence=())
                         for n, v in enumerate(run.verdicts))
        services = (replace(run.services[0], service="telegram", role="chat"),)
        runs.append(replace(run, verdicts=verdicts, services=services))
    write_runs(tmp_path, runs, parquet=False)
    for name in NAMES:
        cells = tool.run(tool.NOTEBOOKS[name].cells, tmp_path)
        assert json.loads(tool.document(cells))["nbformat"] == 4
        (printed,) = [output for output in cells[1]["outputs"] if output["output_type"] == "stream"]
        assert printed["text"][0].startswith("6 runs, ")


def test_a_program_that_breaks_is_no_notebook(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        tool.run((("code", "1 / 0"),), tmp_path)
    (cell,) = tool.run((("code", "print('a')\n2 + 3"),), tmp_path)
    assert [output.get("text", output.get("data")) for output in cell["outputs"]] == [["a\n"], {"text/plain": ["5"]}]
