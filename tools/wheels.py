"""Which packages that the probe needs have a wheel for small machines: what has none is compiled there, or lacks.

`python tools/wheels.py` asks the package index that pip is configured for, one package at a time, in the versions that
are installed here; it needs the network. Packages of Python alone are not asked about: they run everywhere. Exit status
1: something that every run needs has no wheel.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, distribution

from lock import needed

_GLIBC = (17, 36)
"""Oldest for which wheels are made, and that of Debian 12: pip, told a platform, takes no wheel of an older one."""


def _tags(machine: str) -> tuple[str, ...]:
    first, last = _GLIBC
    return (f"linux_{machine}", f"manylinux2014_{machine}",
            *(f"manylinux_2_{minor}_{machine}" for minor in range(first, last + 1)))


PLATFORMS: Mapping[str, tuple[str, ...]] = {
    "arm64": _tags("aarch64"), "armv7": _tags("armv7l"),
    "arm64, musl": ("musllinux_1_2_aarch64", "musllinux_1_1_aarch64"),
}
"""Machine -> what its pip takes; musl is Alpine's and OpenWrt's."""
GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "": {"reachability-probe": ()},
    **{extra: {"reachability-probe": (extra,)} for extra in ("quic", "upload", "geo", "packets", "parquet")},
    "operate": {"reachability-operate": ()}, "analysis": {"reachability-analysis": ()},
}
"""What is asked about: what every run needs, then extra by extra, then other parts."""
PYTHON = "3.11"
_WAIT_S = 180.0

Asked = Callable[[str, str, tuple[str, ...]], bool]


def is_pure(name: str) -> bool:
    """Whether the installed wheel is of Python alone."""
    tags = distribution(name).read_text("WHEEL") or ""
    return "-none-any" in tags


def has_wheel(name: str, version: str, platforms: tuple[str, ...]) -> bool:
    """Whether pip would find a wheel; nothing is installed. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", "--ignore-installed",
                   "--only-binary=:all:", "--target", folder, "--python-version", PYTHON, f"{name}=={version}"]
        for platform in platforms:
            command += ["--platform", platform]
        return subprocess.run(command, capture_output=True, timeout=_WAIT_S).returncode == 0


def list_missing(platforms: tuple[str, ...], *, asked: Asked = has_wheel) -> dict[str, tuple[str, ...]]:
    """Group -> packages with version that have no wheel there, or are not installed here; each in the first group."""
    found: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    for group, distributions in GROUPS.items():
        try:
            wanted = needed(distributions)
        except PackageNotFoundError as error:
            found[group] = (f"{error.name} is not installed here",)
            continue
        new = {name: version for name, version in wanted.items() if name not in seen}
        seen |= set(new)
        found[group] = tuple(f"{name} {version}" for name, version in sorted(new.items())
                             if not is_pure(name) and not asked(name, version, platforms))
    return found


def main() -> int:
    """Print a line for each machine and group; returns the exit status."""
    lacking = False
    for machine, platforms in PLATFORMS.items():
        for group, packages in list_missing(platforms).items():
            print(f"{machine}\t{group or 'every run'}\t{', '.join(packages) or 'all there'}", flush=True)
            lacking |= bool(packages) and not group
    return int(lacking)


if __name__ == "__main__":
    sys.exit(main())
