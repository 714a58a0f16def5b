"""Writes requirements/ci.txt: the versions, in this environment, of what the tests need and of all that this needs.

`make lock` calls it in an environment with the newest versions that the files pyproject.toml allow.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

from distributions import FOLDERS, ROOT, TESTED

FILE = ROOT / "requirements" / "ci.txt"
HEAD = """\
# Versions that the continuous integration uses, as constraints, of what our distributions and their tests need:
# pip install -c requirements/ci.txt -e '.[dev]' -e ./analysis -e ./operate -e ./lab
# Written by `make lock`.
"""


def plain(name: str) -> str:
    """A name as the package index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(projects: Mapping[str, tuple[str, ...]] = TESTED, *,
           find: Callable[[str], Distribution] = distribution) -> dict[str, str]:
    """Name and version of everything that these distributions need here with these extras, our own left out.

    Raises PackageNotFoundError where something is not installed.
    """
    found: dict[str, str] = {}
    gone: set[tuple[str, str]] = set()
    todo = [(project, extra) for project, extras in projects.items() for extra in ("", *extras)]
    ours = {*map(plain, projects), *FOLDERS}
    while todo:
        name, extra = step = todo.pop()
        if step in gone:
            continue
        gone.add(step)
        there = find(name)
        if plain(name) not in ours:
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
        print(f"{error.name} is not installed here: run `make lock`", file=sys.stderr)
        return 1
    print(f"wrote requirements/{FILE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
