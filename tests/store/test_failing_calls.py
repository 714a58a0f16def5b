"""Each file call of each command may fail in each way it can: no row is lost, doubled or silently changed, something is
said, and the next command works.

The slow tests draw some of these faults, `make long` two thousand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faults.failing_calls import build_library, explain_no_compiler
from faults.worlds import WORLDS, CompactWorld, UploadWorld
from project_root import ROOT

SOME, ALL = 12, 340
"""Faults of each command."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if why := explain_no_compiler():
        pytest.skip(why)
    return build_library(tmp_path_factory.mktemp("library"))


def campaign(library: Path, folder: Path, name: str, count: int, seed: int) -> dict[str, Any]:
    there = os.pathsep.join(str(ROOT / part) for part in (".", "tools", "tests/helpers"))
    done = subprocess.run(
        [sys.executable, "-m", "faults.campaign", str(folder), name, str(count), str(seed)], cwd=folder, check=False,
        capture_output=True, text=True,
        env={**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": there, "HOME": str(folder)})
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("count", [SOME, pytest.param(ALL, marks=[pytest.mark.long, pytest.mark.timeout(3600)])])
@pytest.mark.parametrize("name", WORLDS)
def test_no_failing_call_loses_or_changes_anything_silently(library: Path, tmp_path: Path, seed: int, name: str,
                                                            count: int) -> None:
    found = campaign(library, tmp_path, name, count, seed)
    print(f"FAULTS {name}: {json.dumps({**found, 'wrong': len(found['wrong'])})}")
    assert found["wrong"] == []
    assert found["faults"] == count
    assert found["struck"].get("none", 0) < count / 4, "the faults hit nothing"


def test_what_is_lost_doubled_or_changed_is_noticed(tmp_path: Path) -> None:
    """The oracle can fail."""
    world = CompactWorld(tmp_path)
    before = world.holdings()
    assert world.find_wrong(before, before, quiet=True) == ""
    own = world.results / "verdicts" / "date=2017-05-04" / "r-a.csv"
    for spoil in (lambda: (world.results / "runs" / "date=2017-05-04" / "r-a.csv").unlink(),
                  lambda: own.with_name("r-x.csv").write_bytes(own.read_bytes()),
                  lambda: own.write_text(own.read_text().replace(",ok,", ",no,"))):
        spoil()
        assert world.find_wrong(before, before, quiet=False)
        world.restore()
    place = UploadWorld(tmp_path / "upload")
    sound = {**place.holdings(), "x.tgz": "of all runs"}
    assert place.find_wrong(place.holdings(), sound, quiet=True)
    assert not place.find_wrong(place.holdings(), sound, quiet=False), "what is told of may wait"
