"""What only people can do: the packaged file is read, and a step counts as done only with proof."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from probe.catalogue import readiness
from probe.cli.main import cli
from readiness_made import OPEN, write_readiness

DONE = 'day = 2027-01-05\nby = "A. Reviewer"\nproof = "https://example.org/review"\n'


def test_the_packaged_steps_have_names_of_their_own() -> None:
    names = [step.name for step in readiness.read_readiness()]
    assert len(names) == len(set(names)) >= 10


@pytest.mark.parametrize("missing", ["day", "by", "proof"])
def test_what_is_done_says_when_by_whom_and_where(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                  ) -> None:
    lines = [line for line in DONE.splitlines() if not line.startswith(missing)]
    write_readiness(monkeypatch, tmp_path, ("done", "\n".join(lines)))
    with pytest.raises(msgspec.ValidationError):
        readiness.read_readiness()


@pytest.mark.parametrize(("steps", "on_trial"), [
    ((OPEN,), True), ((("done", DONE), OPEN), True), ((("done", DONE), ("begun", "day = 2027-01-05")), True),
    ((("done", DONE), ("done", DONE)), False),
])
def test_doctor_says_whether_all_is_done(steps: tuple[tuple[str, str], ...], on_trial: bool, tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    write_readiness(monkeypatch, tmp_path, *steps)
    assert readiness.is_on_trial() is on_trial
    found = CliRunner().invoke(cli, ["doctor", "--project", "--json"])
    assert found.exit_code == on_trial
    assert json.loads(found.output)["on_trial"] is on_trial
    assert len(CliRunner().invoke(cli, ["doctor", "--project"]).output.splitlines()) == len(steps) + 1


def test_an_unknown_field_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_readiness(monkeypatch, tmp_path, ("open", 'when = "soon"'))
    with pytest.raises(msgspec.ValidationError):
        readiness.read_readiness()
