"""Wheels and source archives, built from a copy of this tree without asking any index."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def tree_copy(folder: Path) -> Path:
    """A copy of the source tree, without what a checkout collects."""
    skip = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "results", "dist",
                                  "build")
    return Path(shutil.copytree(ROOT, folder / "source", ignore=skip))


def build(tree: Path, hook: str, out: Path) -> Path:
    """What a PEP 517 hook of the build backend makes of the source tree."""
    program = f"import hatchling.build\nprint(hatchling.build.{hook}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tree, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.split()[-1]
