"""The gallery: each figure is what its script makes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from probe_analysis.examples.example_files import unpack_example
from project_root import ROOT

FOLDER = ROOT / "docs" / "gallery"
SCRIPTS = sorted(FOLDER.glob("*.py"))
R_SCRIPTS = sorted(FOLDER.glob("*.R"))


def test_each_figure_has_a_script_and_a_place_on_the_page() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {path.stem for path in FOLDER.glob("*.svg")} == {path.stem for path in (*SCRIPTS, *R_SCRIPTS)}
    assert all(f"({script.stem}.svg)" in page and f"({script.name})" in page for script in (*SCRIPTS, *R_SCRIPTS))
    assert len(SCRIPTS) + len(R_SCRIPTS) == 10


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_script_makes_the_figure(script: Path, tmp_path: Path) -> None:
    made = tmp_path / "figure.svg"
    subprocess.run([sys.executable, str(script), str(made)], check=True, timeout=240)
    assert made.read_bytes() == script.with_suffix(".svg").read_bytes(), f"run `python {script.name} {script.stem}.svg`"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R (r-base-core)")
@pytest.mark.parametrize("script", R_SCRIPTS, ids=lambda path: path.stem)
def test_the_script_in_r_draws_what_the_figure_shows(script: Path, tmp_path: Path) -> None:
    """Versions of R and fonts draw the same figure with other bytes: as many shapes are compared."""
    made = tmp_path / "figure.svg"
    unpack_example("may-2017", tmp_path)
    subprocess.run(["Rscript", "--vanilla", str(script), str(tmp_path), str(made)], check=True, timeout=240)
    assert count_shapes(made) == count_shapes(script.with_suffix(".svg"))
    assert count_shapes(made) > 1


def count_shapes(figure: Path) -> int:
    """What is drawn in a colour: letters and axes are black, or as good as."""
    colours = re.findall(r"rgb\(\s*([\d.]+)%,\s*([\d.]+)%,\s*([\d.]+)%\s*\)", figure.read_text(encoding="utf-8"))
    return sum(len(set(one)) > 1 for one in colours)
