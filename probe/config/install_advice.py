"""How to add what an extra of the project's distributions brings, as this installation can take it.

No advice names this program in a package index: until the name there is ours, whoever registers it would be installed.
The packages of an extra are named instead; these are their makers' own.
"""

from __future__ import annotations

import re
import shlex
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

DISTRIBUTION: Final = "reachability-probe"
InstallKind = Literal["pipx", "uv", "environment", "system", "debian"]
"""debian: by our Debian package, in an environment of its own; uv: as a tool of uv, or in an environment without pip,
as uv makes them; environment: in one with pip; system: packages are the distribution's matter."""
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w.-]+)["']""")
_OURS = re.compile(rf"{DISTRIBUTION}\[([\w,.-]+)\]")
MAX_DEPTH: Final = 5
DEBIAN_PLACE: Final = Path("/usr/lib/reachability-probe")
"""Where our Debian package keeps the program and what it needs; debian/rules says so too."""


def find_install_kind(prefix: Path, base_prefix: Path, *, managed: bool, has_pip: bool) -> InstallKind:
    """What an installation is, by the place of its interpreter's environment, and whether pip is in it. Pure."""
    parts = prefix.parts
    if prefix == base_prefix:
        return "system" if managed else "environment"
    if prefix == DEBIAN_PLACE:
        return "debian"
    if any(pair == ("pipx", "venvs") for pair in pairwise(parts)):
        return "pipx"
    return "environment" if has_pip and ("uv", "tools") not in pairwise(parts) else "uv"


def list_requirements(extra: str, declared: Iterable[str], *, depth: int = 0) -> tuple[str, ...]:
    """The packages that an extra brings, of all that its distribution declares, without markers. Pure."""
    found: list[str] = []
    declared = tuple(declared)
    for line in declared:
        name, _, marker = line.partition(";")
        if extra not in _EXTRA.findall(marker):
            continue
        ours = _OURS.match(name.strip())
        if ours and depth < MAX_DEPTH:
            found += [one for other in ours[1].split(",") for one in list_requirements(other, declared,
                                                                                      depth=depth + 1)]
        elif not ours:
            found.append(name.strip())
    return tuple(dict.fromkeys(found))


def write_advice(kind: InstallKind, packages: Sequence[str], *, python: str) -> str:
    """What to do for these packages. Pure."""
    if not packages:
        return "see docs/install.md"
    words = shlex.join(packages)
    if kind == "pipx":
        return f"pipx inject {DISTRIBUTION} {words}"
    if kind == "uv":
        return f"uv pip install --python {shlex.quote(python)} {words}"
    if kind == "environment":
        return f"{shlex.quote(python)} -m pip install {words}"
    if kind == "debian":
        return f"the Debian package cannot hold it; install the source too (docs/install.md), with: {words}"
    return f"install, from your distribution: {words}"


@cache
def advise_extra(extra: str, *, distribution: str = DISTRIBUTION) -> str:
    """The command that adds an extra of one of the project's distributions to this very installation."""
    from importlib import metadata  # late: takes a hundredth of a second, and a run needs no advice

    try:
        declared = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        declared = []
    managed = Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").is_file()
    kind = find_install_kind(Path(sys.prefix), Path(sys.base_prefix), managed=managed,
                             has_pip=find_spec("pip") is not None)
    return write_advice(kind, list_requirements(extra, declared), python=sys.executable)
