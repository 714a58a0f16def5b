"""Writes the pins of requirements/ci.txt once more with the hashes of every file of theirs, wheels for all systems and
source archives: pip refuses what has another.

A file of its own, `ci-hashed.txt`, since pip takes hashes in no constraints. Another, `validators.txt`, holds what a
program that judges data packages needs beside these. `make lock` calls it; uv asks the package index.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from lock import plain

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
VALIDATORS = ("frictionless>=5.18.0",)
"""Not mlcroissant: it needs a package that has no wheel, and what builds that one has no hash."""
LOWEST_PYTHON = "3.11"
HEAD = """\
# What requirements/ci.txt pins, with the hashes of all files of each version:
# pip install --require-hashes --no-deps -r requirements/ci-hashed.txt
# Written by `make lock`.
"""
VALIDATORS_HEAD = """\
# frictionless (MIT), which judges data packages, and what it needs beside requirements/ci.txt. A test runs it in a
# process of its own; it is kept apart from what is tested:
# pip install --no-deps --only-binary :all: --require-hashes --target .venv/validators -r requirements/validators.txt
# Written by `make lock`.
"""


def read_pins(text: str) -> dict[str, str]:
    """Name -> version of a file of pins."""
    lines = (line.split("==") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: version for name, version in lines}


def read_hashed(text: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Name -> (version, SHA-256 of each file) of a file with hashes."""
    found = {}
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", "".join(
            line for line in text.splitlines(keepends=True) if not line.startswith("#"))):
        if block.strip():
            name, _, version = block.split()[0].partition("==")
            found[name] = (version, tuple(re.findall(r"sha256:([0-9a-f]{64})", block)))
    return found


def write_hashed(found: Mapping[str, tuple[str, tuple[str, ...]]], *, head: str = HEAD) -> str:
    """The text of a file with hashes."""
    text = head
    for name in sorted(found, key=str.lower):
        number, digests = found[name]
        text += " \\\n    ".join((f"{name}=={number}", *(f"--hash=sha256:{digest}" for digest in digests))) + "\n"
    return text


def ask_index(pins: Mapping[str, str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What the package index says of the pinned versions. Raises CalledProcessError."""
    done = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "-", "--no-deps", "--generate-hashes", "--no-header", "--quiet",
         "--no-annotate", "--universal", "--python-version", LOWEST_PYTHON],
        input="".join(f"{name}=={version}\n" for name, version in pins.items()), stdout=subprocess.PIPE, text=True,
        check=True)
    spelt = {plain(name): name for name in pins}
    return {spelt[name]: entry for name, entry in read_hashed(done.stdout).items()}


def ask_validators(pins: Mapping[str, str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What a program that judges packages needs beside the pins, in versions that go with these. Raises
    CalledProcessError."""
    done = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "-", "--constraint", str(FOLDER / "ci.txt"), "--generate-hashes",
         "--no-header", "--quiet", "--no-annotate", "--python-platform", "linux", "--python-version", LOWEST_PYTHON],
        input="\n".join(VALIDATORS), stdout=subprocess.PIPE, text=True, check=True)
    known = set(map(plain, pins))
    return {name: entry for name, entry in read_hashed(done.stdout).items() if plain(name) not in known}


def main() -> int:
    """Write the files; returns the exit status."""
    if find_spec("uv") is None:
        print("uv is not installed here: run `make lock`", file=sys.stderr)
        return 1
    pins = read_pins((FOLDER / "ci.txt").read_text(encoding="utf-8"))
    found = ask_index(pins)
    if lacking := [name for name in pins if not found.get(name, ("", ()))[1]]:
        print(f"the index tells no hashes of {', '.join(lacking)}", file=sys.stderr)
        return 1
    judges = ask_validators(pins)
    for file, entries, head in (("ci-hashed.txt", found, HEAD), ("validators.txt", judges, VALIDATORS_HEAD)):
        (FOLDER / file).write_text(write_hashed(entries, head=head), encoding="utf-8")
        print(f"wrote requirements/{file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
