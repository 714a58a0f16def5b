"""Writes share/licences.md: the licence of each pinned package. `make lock` calls it, where all are installed.

A package that is not installed here keeps the row that the page has.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from grid import grid
from hashes import read_pins
from lock import needed, plain

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "share" / "licences.md"
SPDX = {
    "Apache Software License": "Apache-2.0", "Apache 2.0": "Apache-2.0", "Apache License, Version 2.0": "Apache-2.0",
    "MIT License": "MIT", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "BSD": "BSD-3-Clause", "BSD License": "BSD-3-Clause", "ISC license": "ISC",
}
"""What packages call licences in their own words -> the names of SPDX."""
BY_HAND = {"resvg_py": "MIT", "mergedeep": "MIT", "pyrage": "MIT", "numba": "BSD-2-Clause", "scipy": "BSD-3-Clause"}
"""Packages whose metadata say nothing, or less than their licence's file."""
NAME = re.compile(r"[A-Za-z0-9.+-]+")


def find_licence(name: str) -> str:
    """The licence of an installed package, as an SPDX expression; empty where it does not tell. Raises
    PackageNotFoundError."""
    about = metadata(name)
    if said := about.get_all("License-Expression"):
        return str(said[0])
    lines = str((about.get_all("License") or [""])[0]).strip().splitlines()
    classified = [text.rpartition(" :: ")[2] for text in about.get_all("Classifier") or ()
                  if text.startswith("License :: ")]
    for text in (*lines[:1], *classified):
        if (known := SPDX.get(text, text)) and (text in SPDX or " OR " in text or NAME.fullmatch(text)):
            return str(known)
    return ""


def read_page(text: str) -> dict[str, str]:
    """Name -> licence of the page."""
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", text, re.MULTILINE))


def list_licences(pins: dict[str, str], known: dict[str, str]) -> dict[str, str]:
    """Name -> licence. Raises ValueError where nobody tells."""
    found = {}
    for name in pins:
        try:
            found[name] = BY_HAND.get(name) or find_licence(name)
        except PackageNotFoundError:
            found[name] = known.get(name, "")
    if unknown := [name for name, licence in found.items() if not licence]:
        raise ValueError(f"whose licence is not known: {', '.join(unknown)}")
    return found


def write_page(licences: dict[str, str], base: frozenset[str]) -> str:
    """The text of the page; `base`: what every installation has."""
    rows = [(f"`{name}`", licence, "always" if plain(name) in base else "") for name, licence in licences.items()]
    return ("# Licences of what the project needs\n\nThis page lists the licence of each package that the project's "
            "distributions, their extras or the tests need. `make lock` generates it from the packages' own metadata. "
            "The project itself is BSD-3-Clause. The last column marks the packages that every installation has. Scapy "
            "(GPL-2.0-only) comes with the extras `packets` and `dev`; no distribution of ours contains it.\n\n"
            f"{grid(('package', 'licence', 'in every installation'), rows)}\n")


def main() -> int:
    """Write the page; returns the exit status."""
    pins = read_pins((ROOT / "requirements" / "ci.txt").read_text(encoding="utf-8"))
    known = read_page(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    try:
        licences = list_licences(pins, known)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    PAGE.write_text(write_page(licences, frozenset(map(plain, needed({"reachability-probe": ()})))), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
