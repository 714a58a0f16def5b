"""A volunteer's commands where the other parts of the project are not installed: they say how to install them."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import probe
from missing_plugins import hide_plugins
from ooni_data import lines, measurement
from probe.cli.main import cli
from probe.cli.targets import targets
from probe.cli.update import update
from probe.core.plugins import EXPLANATIONS, JUDGES, TARGETS_COMMANDS, UPDATE_COMMANDS
from probe.store.runs.run_reader import stored_runs
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_USAGE
from stored import a_result

HINT = "run: pip install . ./"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, in_folder: Path) -> None:
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ())
    monkeypatch.delenv("PROBE_CONFIG", raising=False)


def call(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == status, result.output
    return result.output


def refuse(*arguments: str, part: str = "analysis") -> str:
    """What a command says that ends with one line, which says what to install."""
    told = call(*arguments, status=EXIT_FAILED)
    assert len(told.splitlines()) == 1
    assert told.endswith(f"{HINT}{part}\n")
    return told


@pytest.fixture
def imported() -> str:
    """Id of a run of OONI's in the folder `imported`."""
    Path("data.jsonl.gz").write_bytes(gzip.compress(lines(measurement(measurement_uid="good"))))
    call("import", "ooni", "data.jsonl.gz", "--out", "imported")
    (run,) = stored_runs(Path("imported"))
    return run.run_id


@pytest.fixture
def ours() -> str:
    """Id of a run of our own in the folder `results`."""
    write_run(a_result("20170504T100000Z_1a2b3c4d", "2017-05-04T10:00:00Z"), Path("results"), parquet=False)
    return "20170504T100000Z_1a2b3c4d"


def test_imported_runs_are_judged_by_what_is_installed(imported: str, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = json.loads(call("classify", "imported", "--all", "--json"))
    asked = ("explain", imported, verdict["now"]["target_id"], "--results", "imported")
    assert verdict["now"]["rule_id"] in call(*asked)
    hide_plugins(monkeypatch, JUDGES)
    assert refuse("classify", "imported") == refuse(*asked)
    assert "engine ooni" in refuse("classify", "imported")


def test_a_verdict_is_explained_by_what_is_installed(ours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("explain", ours, "a.chat.b", "--results", "results")
    hide_plugins(monkeypatch, JUDGES)
    assert call(*asked)
    assert f"probe {asked[0]} {ours} a.chat.b" in call("show", "a.chat.b", "--results", "results")
    hide_plugins(monkeypatch, EXPLANATIONS)
    assert "explain RUN_ID TARGET`" in refuse(*asked)
    assert f"probe explain {ours}" not in call("show", "a.chat.b", "--results", "results")


@pytest.mark.parametrize("name", ["export", "classify", "evidence", "submit"])
def test_what_researchers_do_comes_with_their_part(name: str, ours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(name, "--help")
    monkeypatch.setattr("probe.cli.main.added_commands", dict)
    assert f"`probe {name}`" in refuse(name, "--help")
    assert name in call("--help")


def test_rules_of_populations_are_explained_by_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "pop/too_few: inconclusive" in call("explain", "pop/too_few")
    assert "no block type" in call("explain", "pop/too_fwe", status=EXIT_USAGE)
    hide_plugins(monkeypatch, EXPLANATIONS)
    assert "explain pop/too_few`" in refuse("explain", "pop/too_few")
    assert "explain pop/too_few`" in refuse("explain", "tls.reset.sni", "pop/too_few")
    assert "tls/reset_sni_control" in call("explain", "tls/reset_sni_control")
    assert "no block type" in call("explain", "tls/reset_snj_control", status=EXIT_USAGE)


@pytest.mark.parametrize(("group", "name", "own"), [
    *(("update", name, "feeds") for name in update.brought),
    *(("targets", name, "services") for name in targets.brought),
])
def test_makers_of_lists_bring_their_commands(group: str, name: str, own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"\n  {name} " in call(group, "--help")
    assert call(group, name, "--help")
    for commands in (UPDATE_COMMANDS, TARGETS_COMMANDS):
        hide_plugins(monkeypatch, commands)
    assert f"`probe {group} {name}`" in refuse(group, name, "--help", part="operate")
    told = call(group, "--help")
    assert f"\n  {own} " in told
    assert f"\n  {name} " not in told
    assert "No such" in call(group, "maek", status=EXIT_USAGE)


@pytest.mark.parametrize("name", ["open_results", "open_example"])
def test_what_notebooks_open_results_by_says_what_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_ANALYSIS", "no_such_package")
    with pytest.raises(ImportError, match=rf"^probe\.{name} comes with .*\./analysis$"):
        getattr(probe, name)("results")


def test_another_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "probe_analysis.open_results", raising=False)
    monkeypatch.setitem(sys.modules, "ibis", None)
    with pytest.raises(ModuleNotFoundError, match="ibis"):
        probe.open_results("results")
