"""A misspelt word of the domain does not pass mypy: hundreds are planted at once, and mypy must name nearly all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest

from misspelt_words import ROOMS, ROOT, Planting, draw_plantings

MUST_BE_NAMED = 0.95
ERROR = re.compile(r"(?P<file>[^:]+):(?P<first>\d+):\d+:(?P<last>\d+):\d+: error:")


def plant(tree: Path, plantings: list[Planting]) -> None:
    """Misspell the words in a copy of the tree."""
    for name, of_file in groupby(plantings, key=lambda one: one.file):
        lines = (tree / name).read_bytes().split(b"\n")
        for one in of_file:
            one.plant(lines)
        (tree / name).write_bytes(b"\n".join(lines))


@pytest.mark.slow
@pytest.mark.long
def test_mypy_names_misspelt_words(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "probe", tmp_path / "probe", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    if (cache := ROOT / ".mypy_cache").is_dir():  # most of the work is done there
        shutil.copytree(cache, tmp_path / ".mypy_cache")
    plantings = list(draw_plantings())
    plant(tmp_path, plantings)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / ".mypy_cache"), "--show-error-end", "--no-pretty",
         "--no-color-output", *ROOMS], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "MYPYPATH": ""})
    assert done.returncode == 1, done.stdout + done.stderr
    named = {(found["file"], line) for found in map(ERROR.match, done.stdout.splitlines()) if found
             for line in range(int(found["first"]), int(found["last"]) + 1)}
    missed = [one for one in plantings if (one.file, one.line) not in named]
    assert len(missed) <= (1 - MUST_BE_NAMED) * len(plantings), "\n".join(map(str, missed))
