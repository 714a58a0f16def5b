"""Fetches the wheels that the Debian packages hold, compared with our hashes: `python tools/debian_wheels.py FOLDER`.

They are the versions of requirements/ci.txt, for the Python of Debian 13 and each architecture that the packages are
built for. `make deb` calls it. The folder also gets `packages.txt`: what to install from there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from hashes import read_hashed, write_hashed
from lock import needed, plain

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.13"
"""Of Debian 13."""
EXTRAS = {"reachability-probe": ("quic", "helper"), "reachability-lab": ()}
"""What the packages are installed with."""
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBC = (17, 41)
"""Oldest for which wheels are made, and that of Debian 13."""
_WAIT_S = 600


def list_pinned() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Name -> version and hashes of all that the packages hold of others. Raises KeyError for a need without a pin."""
    hashed = {plain(name): (name, entry) for name, entry in
              read_hashed((ROOT / "requirements" / "ci-hashed.txt").read_text(encoding="utf-8")).items()}
    return dict(hashed[plain(name)] for name in sorted(needed(EXTRAS), key=str.lower))


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
    lines = [f"{name}=={number}\n" for name, (number, _) in pinned.items()]
    (folder / "packages.txt").write_text("".join((*lines, *(f"{name}\n" for name in EXTRAS))), encoding="utf-8")


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
