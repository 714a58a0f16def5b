"""The table of `make trials`: a row as soon as it is known, none lost, and whatever was wrong in it."""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def trials(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(root / "tools"))
    return importlib.import_module("trials")


def test_a_row_takes_the_place_of_the_one_before_and_others_stay(trials: ModuleType, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"kills": trials.Found(tries="1,000"), "lists": trials.Found(tries="7", wrong=("late", "x\nTraceback")),
             "year": trials.Found(left_out="no namespaces")}
    for name, made in found.items():
        monkeypatch.setitem(trials.TRIALS, name, trials.Trial(title=name, make=lambda _, made=made: made))
    file = tmp_path / "trials.md"
    status = [trials.main(["--only", name, "--markdown", str(file)]) for name in ("lists", "kills", "year", "kills")]
    lines = file.read_text().partition("\n## ")[0].splitlines()
    rows = [line.strip("| ").split(" | ")[:6] for line in lines if line.startswith("| ")][2:]
    assert rows == [["year", "left out: no namespaces", "0", "0", "0", "0"], ["kills", "1,000", *4 * ["0"]],
                    ["lists", "7", "0", "0", "1", "2"]]
    assert status == [1, 0, 0, 0]


def test_a_row_of_a_trial_that_is_no_more_goes(trials: ModuleType) -> None:
    row = trials.make_row(trials.TRIALS["kills"], trials.Found(tries="1"), seconds=2, tree="1, 2, abc")
    old = trials.put_row("", row).replace(row[0], "a trial of old")
    assert trials.put_row(old, row) == trials.put_row("", row)


def test_every_test_that_is_named_is_there(trials: ModuleType, root: Path) -> None:
    makes = [trial.make for trial in trials.TRIALS.values()]
    named = [path for make in makes if isinstance(make, partial) and make.func is trials.test for path in make.args[0]]
    assert [path for path in named if not (root / path).exists()] == []
    assert len(named) > 20


def test_the_test_of_every_attack_is_there(trials: ModuleType, root: Path) -> None:
    assert len(trials.ATTACKS) > 10
    assert [a for a in trials.ATTACKS if f"def {a.test}(" not in (root / a.file).read_text(encoding="utf-8")] == []
