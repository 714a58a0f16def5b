"""Writes requirements/ci.txt: the versions, in this environment, of what the tests need and of all that this needs.

`make lock` calls it in an environment with the newest versions that pyproject.toml allows.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

FILE = Path(__file__).resolve().parent.parent / "requirements" / "ci.txt"
PROJECT, EXTRAS = "reachability-probe", ("dev", "lab", "research", "spark", "upload")
"""What the Makefile makes for the tests, and what some of them skip without."""
HEAD = """\
# Versions that the continuous integration uses, as constraints: pip install -c requirements/ci.txt -e '.[dev]'.
# Written by `make lock`.
"""


def plain(name: str) -> str:
    """A name as the package index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(project: str = PROJECT, extras: tuple[str, ...] = EXTRAS) -> dict[str, str]:
    """Name and version of everything that the project needs here with these extras, itself left out.

    Raises PackageNotFoundError where something is not installed.
    """
    found: dict[str, str] = {}
    gone: set[tuple[str, str]] = set()
    todo = [(project, extra) for extra in ("", *extras)]
    while todo:
        name, extra = step = todo.pop()
        if step in gone:
            continue
        gone.add(step)
        there = distribution(name)
        if plain(name) != plain(project):
            found[there.metadata["Name"]] = there.version
        for line in there.requires or ():
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                todo += [(plain(wanted.name), more) for more in ("", *wanted.extras)]
    return found


def text(found: dict[str, str]) -> str:
    """The file's text."""
    return HEAD + "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))


def main() -> int:
    """Write the file; returns the exit status."""
    try:
        FILE.write_text(text(needed()), encoding="utf-8")
    except PackageNotFoundError as error:
        print(f"{error.name} is not installed here: pip install -e '.[{','.join(EXTRAS)}]'", file=sys.stderr)
        return 1
    print(f"wrote requirements/{FILE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
