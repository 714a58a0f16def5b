"""The gallery: each figure is what its script makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from project_root import ROOT

pytest.importorskip("ibis", reason="needs the extra `research`")

FOLDER = ROOT / "docs" / "gallery"
SCRIPTS = sorted(FOLDER.glob("*.py"))


def test_each_figure_has_a_script_and_a_place_on_the_page() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {path.stem for path in FOLDER.glob("*.svg")} == {path.stem for path in SCRIPTS}
    assert all(f"({script.stem}.svg)" in page and f"({script.name})" in page for script in SCRIPTS)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_script_makes_the_figure(script: Path, tmp_path: Path) -> None:
    made = tmp_path / "figure.svg"
    subprocess.run([sys.executable, str(script), str(made)], check=True, timeout=240)
    assert made.read_bytes() == script.with_suffix(".svg").read_bytes(), f"run `python {script.name} {script.stem}.svg`"
