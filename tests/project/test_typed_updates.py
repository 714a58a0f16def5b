"""A misspelt field in an update of evidence, an observation or a verdict does not pass mypy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from misspelt_updates import UPDATES, write_updates
from misspelt_words import ROOT

ERROR = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): error: Unexpected keyword argument ")


def test_mypy_refuses_misspelt_fields(tmp_path: Path) -> None:
    text = write_updates()
    file = tmp_path / "updates.py"
    file.write_text(text, encoding="utf-8")
    expected = [number for number, line in enumerate(text.splitlines(), 1) if line.endswith("# expect")]
    assert len(expected) == UPDATES
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(ROOT / ".mypy_cache"), "--no-pretty", "--no-color-output",
         "--no-error-summary", str(file)], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "MYPYPATH": ""})
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    named = [int(found["line"]) for line in errors if (found := ERROR.match(line))]
    assert (named, len(errors)) == (expected, UPDATES), done.stdout + done.stderr
