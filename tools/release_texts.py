"""What a release changes in files: version numbers, the changelogs' headings, Debian's changelog. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from distributions import PACKAGES

UNRELEASED: Final = "## [Unreleased]"
_VERSION = re.compile(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})")
_SCORED = re.compile(r"\bProgram \S+, rules (\S+), catalogue ")
PLACES: Final[Mapping[str, re.Pattern[str]]] = {
    **{f"{package}/__init__.py": re.compile(r'(?m)^(__version__ = ")([^"]*)(")$') for package in PACKAGES},
    "CITATION.cff": re.compile(r"(?m)^(version: )(\S+)()$"),
}
"""File -> where it holds the version. All others read those of the packages; the manual page is generated from them."""


def find_score_rules(text: str) -> str:
    """The version of the rules that a published score judged by. Raises ValueError unless it names exactly one."""
    found = _SCORED.findall(text)
    if len(found) != 1:
        raise ValueError(f"the score names {len(found)} versions of the rules, not one")
    return str(found[0])


def read_version(text: str) -> tuple[int, int, int]:
    """The parts of a version such as 0.2.0. Raises ValueError for anything else, pre-releases too."""
    found = _VERSION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a version: three numbers with dots between them, as 0.2.0")
    return int(found[1]), int(found[2]), int(found[3])


def find_version(file: str, text: str) -> str:
    """The version that a file of PLACES holds. Raises ValueError unless there is exactly one."""
    found = PLACES[file].findall(text)
    if len(found) != 1:
        raise ValueError(f"{file}: holds {len(found)} versions, not one")
    return str(found[0][1])


def set_version(file: str, text: str, version: str) -> str:
    """The text of a file of PLACES with another version. Raises ValueError as `find_version`."""
    find_version(file, text)
    return PLACES[file].sub(lambda match: f"{match[1]}{version}{match[3]}", text)


def set_release_date(text: str, day: str) -> str:
    """What CITATION.cff says with another day of release."""
    return re.sub(r"(?m)^(date-released: )\S+$", rf"\g<1>{day}", text)


def cut_changelog(text: str, version: str, day: str) -> str:
    """A changelog whose unreleased changes are those of `version`, with an empty list above.

    Raises ValueError where nothing is unreleased, or the version is in it already.
    """
    if text.count(f"\n{UNRELEASED}\n") != 1:
        raise ValueError(f"the changelog has not one heading {UNRELEASED!r}")
    if f"\n## [{version}]" in text:
        raise ValueError(f"the changelog has {version} already")
    head, _, rest = text.partition(f"\n{UNRELEASED}\n")
    if not list_changes(rest):
        raise ValueError("the changelog tells no change that is not released")
    return f"{head}\n{UNRELEASED}\n\n## [{version}] - {day}\n{rest}"


def list_changes(rest: str) -> list[str]:
    """The entries below a heading of a version, up to the next such heading."""
    return [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("- ")]


def add_debian_entry(text: str, version: str, when: datetime) -> str:
    """Debian's changelog with an entry above, by the last one's maintainer. Raises ValueError for another form."""
    first = re.match(r"(\S+) \((\S+)\) (\S+); urgency=(\w+)\n", text)
    maintainer = re.search(r"(?m)^ -- (.+ <[^>]+>)  \S", text)
    if not first or not maintainer:
        raise ValueError("debian/changelog: no entry to follow")
    return (f"{first[1]} ({version}) {first[3]}; urgency={first[4]}\n\n  * New release; see CHANGELOG.md.\n\n"
            f" -- {maintainer[1]}  {format_datetime(when)}\n\n{text}")
