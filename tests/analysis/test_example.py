"""The examples that come with the program can be named and copied, and nothing of anybody is written over."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli.main import cli
from probe.store.runs.run_reader import stored_runs
from probe.upkeep.commands.exit_codes import EXIT_USAGE
from probe_analysis.examples.example_files import EXAMPLES, MEANINGS, OONI_EXAMPLE, OONI_FILE


def test_each_is_named_with_what_it_shows() -> None:
    done = CliRunner().invoke(cli, ["example"])
    assert done.exit_code == 0
    assert {*MEANINGS} == {*EXAMPLES, OONI_EXAMPLE}
    assert all(f"{name} " in done.stdout and meaning in done.stdout for name, meaning in MEANINGS.items())


@pytest.mark.parametrize("name", EXAMPLES)
def test_one_is_copied_into_a_new_folder(tmp_path: Path, name: str) -> None:
    out = tmp_path / "new" / "folder"
    done = CliRunner().invoke(cli, ["example", name, "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert list(stored_runs(out))
    assert str(out) in done.stdout


def test_the_ooni_file_is_copied(tmp_path: Path) -> None:
    out = tmp_path / "ooni"
    assert CliRunner().invoke(cli, ["example", OONI_EXAMPLE, "-o", str(out)]).exit_code == 0
    assert [path.name for path in out.iterdir()] == [OONI_FILE]


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    done = CliRunner().invoke(cli, ["example", "may-2017", "-o", str(tmp_path)])
    assert done.exit_code == EXIT_USAGE
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["../may-2017", "may", "\x1b[31m"])
def test_another_name_is_refused(tmp_path: Path, name: str) -> None:
    done = CliRunner().invoke(cli, ["example", name, "-o", str(tmp_path / "x")])
    assert done.exit_code == EXIT_USAGE
    assert "\x1b" not in done.output
    assert not (tmp_path / "x").exists()
