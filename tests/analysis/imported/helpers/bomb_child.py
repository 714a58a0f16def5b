"""Runs a command in this process and prints, as JSON, what it says, and by how many MB its memory grew.

Memory beyond 3 GB is refused, so that a bomb hurts nobody.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import pyarrow.parquet  # noqa: F401  # what any command may load is no growth
from click.testing import CliRunner

from probe.cli.main import cli

MOST = 3 << 30


def read_peak_kb() -> int:
    """The most memory that this program took: `getrusage` also counts that of the process which started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def main(arguments: list[str]) -> None:
    """Run it."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST, MOST))
    CliRunner().invoke(cli, [*arguments[:2], "--help"])
    before = read_peak_kb()
    done = CliRunner().invoke(cli, arguments)
    crash = None if done.exception is None or isinstance(done.exception, SystemExit) else repr(done.exception)
    grown = read_peak_kb() - before
    print(json.dumps({"text": done.output[-4000:], "letters": len(done.output), "crash": crash, "mb": grown / 1024}))


if __name__ == "__main__":
    main(sys.argv[1:])
