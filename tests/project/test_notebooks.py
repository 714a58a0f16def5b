"""The notebooks: what stands in docs is what the tool makes, has charts, and runs in a kernel from the wheel alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import notebooks as tool

pytest.importorskip("nbformat", reason="needs the extra `notebooks`")
pytest.importorskip("nbclient", reason="needs the extra `notebooks`")
pytest.importorskip("ipykernel", reason="needs the extra `notebooks`")

from nbclient.exceptions import CellExecutionError

from built import unpack_wheel

NAMES = tuple(tool.NOTEBOOKS)
NO_WIDGETS = ("code", "import sys; sys.modules['ipywidgets'] = None")
MAX_EXAMPLES_BYTES = 1_500_000


def read(root: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((root / "docs" / "notebooks" / f"{name}.ipynb").read_text())["cells"]
    return found


def pictures(cells: list[dict[str, Any]]) -> int:
    return sum("image/svg+xml" in output.get("data", {}) for cell in cells for output in cell.get("outputs", ()))


def texts(cells: list[dict[str, Any]]) -> list[str]:
    """What the programs print and show as text, however it is spaced."""
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    told = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return [" ".join("".join(one).split()) for one in told]


def test_each_notebook_is_one_of_the_tool(root: Path) -> None:
    assert {path.stem for path in (root / "docs" / "notebooks").glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebooks_are_those_of_the_tool_and_were_run(root: Path, name: str) -> None:
    cells = read(root, name)
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == list(tool.NOTEBOOKS[name]), (
        "run `python tools/notebooks.py`")
    programs = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] for cell in programs)
    assert [cell["execution_count"] for cell in programs] == list(range(1, len(programs) + 1))
    assert not any(output["output_type"] == "error" for cell in programs for output in cell["outputs"])
    assert pictures(cells)


@pytest.mark.parametrize("name", NAMES)
def test_they_tell_nothing_of_the_machine_they_were_made_on(root: Path, name: str) -> None:
    text = json.dumps(read(root, name))
    assert not any(word in text for word in (str(root), str(Path.home()) + "/", "/tmp/"))


def test_the_examples_are_small(root: Path) -> None:
    folder = root / "analysis" / "probe_analysis" / "examples"
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < MAX_EXAMPLES_BYTES


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_wheel(tmp_path_factory.mktemp("notebooks"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_programs_run_in_a_kernel(root: Path, site: Path, tmp_path: Path, name: str,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """From the wheel alone, in a folder that holds nothing, without ipywidgets."""
    monkeypatch.setenv("PYTHONPATH", str(site))
    where = ("code", "import probe; print(probe.__file__)")
    made = tool.run((NO_WIDGETS, where, *tool.NOTEBOOKS[name]), tmp_path)
    assert made.cells[1].outputs[0].text.strip() == os.fspath(site / "probe" / "__init__.py")
    assert pictures(made.cells) == pictures(read(root, name))
    assert texts(made.cells[2:]) == texts(read(root, name)), "run `python tools/notebooks.py`"


@pytest.mark.slow
def test_a_program_that_breaks_is_no_notebook(tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        tool.run((("code", "1 / 0"),), tmp_path)
