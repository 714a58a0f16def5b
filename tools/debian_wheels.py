"""Fetches the wheels that the Debian packages hold, compared with our hashes: `python tools/debian_wheels.py FOLDER`.

They are the versions of requirements/ci.txt, for the Python of Debian 13 and each architecture that the packages are
built for. `make deb` calls it. The folder also gets a file for each Debian package: what to install from there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from distributions import FOLDERS, ROOT
from hashes import read_hashed, write_hashed
from lock import needed, plain

PYTHON = "3.13"
"""Of Debian 13."""
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBC = (17, 41)
"""Oldest for which wheels are made, and that of Debian 13."""
_WAIT_S = 600
EXTRAS = {"reachability-probe": ("quic",)}


def share_out() -> dict[str, tuple[str, ...]]:
    """Our package -> what of others it holds: what it needs, but for what is in a package that it depends on.

    What several need beside the probe is in the probe's, since all depend on that one. QUIC is there too: volunteers of
    the package cannot add an extra.
    """
    needs = {name: frozenset(needed({name: EXTRAS.get(name, ())})) for name in FOLDERS}
    first, analysis, operate, lab = FOLDERS
    base = needs[first] | (needs[analysis] & (needs[operate] | needs[lab]))
    held = {first: base, analysis: needs[analysis] - base, operate: needs[operate] - base,
            lab: needs[lab] - needs[operate] - base}
    return {name: tuple(sorted(found, key=str.lower)) for name, found in held.items()}


def list_pinned() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Name -> version and hashes of all that the packages hold of others. Raises KeyError for a need without a pin."""
    hashed = {plain(name): (name, entry) for name, entry in
              read_hashed((ROOT / "requirements" / "ci-hashed.txt").read_text(encoding="utf-8")).items()}
    return dict(hashed[plain(name)] for names in share_out().values() for name in names)


def list_platforms(machine: str) -> list[str]:
    """What pip takes on this machine, newest first."""
    return [*(f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC[1], _GLIBC[0] - 1, -1)),
            f"manylinux2014_{machine}"]


def fetch(folder: Path) -> None:
    """Fill the folder. Raises subprocess.CalledProcessError where a wheel is not to be had, or is another."""
    folder.mkdir(parents=True, exist_ok=True)
    pinned = list_pinned()
    with tempfile.TemporaryDirectory() as place:
        wanted = Path(place) / "wanted.txt"
        wanted.write_text(write_hashed(pinned), encoding="utf-8")
        for machine in ARCHITECTURES.values():
            platforms = [word for platform in list_platforms(machine) for word in ("--platform", platform)]
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                            "--no-deps", "--only-binary", ":all:", "--require-hashes", "--python-version", PYTHON,
                            "--implementation", "cp", "--dest", str(folder), *platforms, "--requirement", str(wanted)],
                           check=True, timeout=_WAIT_S)
    numbers = {plain(name): number for name, (number, _) in pinned.items()}
    for package, names in share_out().items():
        lines = (f"{name}=={numbers[plain(name)]}\n" for name in names)
        (folder / f"{package}.txt").write_text("".join((*lines, f"{package}\n")), encoding="utf-8")


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
