"""Every module can be imported where what it needs is installed."""

from __future__ import annotations

import subprocess
import sys

from distributions import PACKAGES
from project_root import ROOT

OPTIONAL = {"chdb", "clickhouse_connect"}
"""Of extras that not every environment of the tests has."""


def names() -> list[str]:
    found = []
    for package in (ROOT / below for below in PACKAGES):
        for path in sorted(package.rglob("*.py")):
            if path.stem != "__main__":
                found.append(".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__"))
    return found


PROGRAM = """\
import importlib, sys
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in sys.argv[1].split():
            raise
"""


def test_every_module_can_be_imported() -> None:
    command = [sys.executable, "-c", PROGRAM, " ".join(OPTIONAL), *names()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
