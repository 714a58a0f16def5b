"""The program under test behaves the same when it is forked from a warm interpreter as when it is started afresh."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from lab_exercise import open_lab
from lab_warm import warm_interpreter
from probe_lab.host.program_call import Call, decode
from probe_lab.laboratory import Laboratory
from probe_lab.scoring.trial import program_environment

pytestmark = pytest.mark.lab

PATIENCE_S = 60


@pytest.fixture(scope="module", params=["socket", "packet"])
def both(request: pytest.FixtureRequest) -> Iterator[tuple[Laboratory, Laboratory]]:
    """Two laboratories that are alike, without and with a warm interpreter."""
    with (open_lab(level=request.param) as fresh,
          open_lab(level=request.param, warm=warm_interpreter()) as warm):
        yield fresh, warm


def said(lab: Laboratory, *arguments: str, **variables: str) -> tuple[int, str, str]:
    """Exit status, output and errors of the program in the laboratory."""
    done = lab.run_probe(arguments, env={**program_environment(), **variables}, timeout_s=PATIENCE_S)
    # The catalogue's version is of the authorities too, and each laboratory has its own.
    told = re.sub(r"\d{4}-\d\d-\d\d-[0-9a-f]{12}", "VERSION", done.stdout.decode())
    return done.returncode, told, done.stderr.decode()


@pytest.mark.parametrize("arguments", [
    ("--version",), ("run", "--unknown"), ("run", "--config", "/nonexistent"), ("targets", "list", "--service", "x"),
], ids=" ".join)
def test_it_says_the_same_and_ends_the_same(both: tuple[Laboratory, Laboratory], arguments: tuple[str, ...]) -> None:
    fresh, warm = (said(lab, *arguments) for lab in both)
    assert warm == fresh
    assert fresh[1] or fresh[2]


def test_it_finds_the_same_machine(both: tuple[Laboratory, Laboratory]) -> None:
    """Its resolver, its routes, and whether packets can be captured, as a doctor sees them."""
    fresh, warm = (said(lab, "doctor")[1] for lab in both)
    assert warm == fresh
    assert "resolver" in fresh


def test_its_environment_is_that_of_the_call(both: tuple[Laboratory, Laboratory], tmp_path: Path) -> None:
    config = tmp_path / "other.toml"
    config.write_text("[run]\ntier = 'many'\n")
    fresh, warm = (said(lab, "run", "--dry-run", PROBE_CONFIG=str(config)) for lab in both)
    assert warm == fresh
    assert fresh[0] != 0
    assert "tier" in fresh[2]


def test_one_that_does_not_end_is_ended(both: tuple[Laboratory, Laboratory]) -> None:
    _, warm = both
    before = processes_of(warm)
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run_probe(["run", "--fast", "--wait-s", "3600"], env=program_environment(), timeout_s=3)
    deadline = time.monotonic() + PATIENCE_S
    while processes_of(warm) != before:
        assert time.monotonic() < deadline, processes_of(warm)
    assert said(warm, "--version")[0] == 0


def processes_of(lab: Laboratory) -> str:
    """Names of the processes on the client."""
    done = lab.run(["sh", "-c", "cat /proc/[0-9]*/comm | sort"], timeout_s=PATIENCE_S)
    return done.stdout.decode()


def test_a_call_survives_the_way() -> None:
    call = Call(arguments=("run", "ä\n"), environment={"A": "b"}, directory="/", level="socket", uid=0, gid=7)
    assert decode(json.dumps(asdict(call)).encode()) == call
