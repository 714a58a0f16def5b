"""A misspelt word of the domain does not pass mypy: sixty are planted at once, and mypy must name nearly all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from misspelt_words import DRAWN, ROOMS, ROOT, Planting, planted

MUST_BE_NAMED = 57
ERROR = re.compile(r"(?P<file>[^:]+):(?P<first>\d+):\d+:(?P<last>\d+):\d+: error:")
DRAW_ANEW = "draw anew: python tests/misspelt_words.py > tests/misspelt_words.tsv"


def plant(tree: Path, one: Planting) -> tuple[str, int]:
    """Misspell the word in the copy; file and line of it."""
    path = tree / one.file
    assert path.is_file(), f"{one.file} is no more; {DRAW_ANEW}"
    lines = path.read_text(encoding="utf-8").split("\n")
    where = [number for number, line in enumerate(lines) if line.strip() == one.source]
    assert len(where) == 1, f"{one.file} has {len(where)} lines {one.source!r}, not one; {DRAW_ANEW}"
    changed = lines[where[0]].replace(f'"{one.word}"', f'"{one.misspelt}"', 1)
    assert changed != lines[where[0]], f"{one.file}: no {one.word!r} in {one.source!r}; {DRAW_ANEW}"
    lines[where[0]] = changed
    path.write_text("\n".join(lines), encoding="utf-8")
    return one.file, where[0] + 1


def test_mypy_names_misspelt_words(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "probe", tmp_path / "probe", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    if (cache := ROOT / ".mypy_cache").is_dir():  # most of the work is done there
        shutil.copytree(cache, tmp_path / ".mypy_cache")
    table = planted()
    assert len(table) == DRAWN
    places = {plant(tmp_path, one): one for one in table}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / ".mypy_cache"), "--show-error-end", "--no-pretty",
         "--no-color-output", *ROOMS], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "MYPYPATH": ""})
    assert done.returncode == 1, done.stdout + done.stderr
    named = {(found["file"], line) for found in map(ERROR.match, done.stdout.splitlines()) if found
             for line in range(int(found["first"]), int(found["last"]) + 1)}
    missed = [one for place, one in places.items() if place not in named]
    assert len(places) - len(missed) >= MUST_BE_NAMED, "\n".join(map(str, missed))
