"""Wheels and source archives, built from a copy of this tree and installed without asking any index."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from lock import needed
from project_root import ROOT


def tree_copy(folder: Path) -> Path:
    """A copy of the source tree, without what a checkout collects."""
    anywhere = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__")
    at_the_top = shutil.ignore_patterns("results", "dist", "build", "site")

    def skip(place: str, names: list[str]) -> set[str]:
        return anywhere(place, names) | (at_the_top(place, names) if Path(place) == ROOT else set())

    return Path(shutil.copytree(ROOT, folder / "source", ignore=skip))


def build(tree: Path, hook: str, out: Path) -> Path:
    """What a PEP 517 hook of the build backend makes of the source tree."""
    program = f"import hatchling.build\nprint(hatchling.build.{hook}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tree, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.split()[-1]


def unpack_wheel(home: Path) -> Path:
    """The folder with what the wheel holds, and nothing of the tree."""
    with zipfile.ZipFile(build(tree_copy(home), "build_wheel", home)) as archive:
        archive.extractall(home / "site")
    shutil.rmtree(home / "source")
    return home / "site"


def install(home: Path, *wheels: Path) -> frozenset[str]:
    """An environment in `home` with these wheels, and with what they declare to need, as links into this environment.

    The names of what was linked: nothing else can be imported there.
    """
    venv.create(home, with_pip=False, symlinks=True)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet", "--no-deps",
         "--no-index", "--disable-pip-version-check", *map(str, wheels)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (site,) = home.glob("lib/python*/site-packages")

    def find(name: str) -> Distribution:
        return next(iter(distributions(name=name, path=[str(site)])), None) or distribution(name)

    installed = {found.metadata["Name"]: () for found in distributions(path=[str(site)])}
    linked = needed(installed, find=find)
    for name in linked:
        for top in {file.parts[0] for file in distribution(name).files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution(name).locate_file(top))).resolve())
    return frozenset(linked)


def call(program: Path | str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a program says and ends with, in a folder that is its home, without our own settings."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "PROBE_", "PYTHON"))}
    return subprocess.run([str(program), *arguments], cwd=folder, capture_output=True, text=True, timeout=120,
                          check=False, env={**environment, "HOME": str(folder)})
