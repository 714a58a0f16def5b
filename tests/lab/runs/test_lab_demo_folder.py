"""A new demo takes the place of an earlier one when it is made, and not before."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from probe_lab.cli.demo import MARKER, check_folder, make_beside


def list_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def make_demo(folder: Path, name: str) -> None:
    folder.mkdir()
    (folder / MARKER).touch()
    (folder / name).touch()


@pytest.mark.parametrize("earlier", [False, True])
def test_what_was_made_takes_the_place(tmp_path: Path, earlier: bool) -> None:
    out = tmp_path / "demo"
    if earlier:
        make_demo(out, "earlier.csv")
    with make_beside(out) as fresh:
        (fresh / "new.csv").touch()
        assert list_names(out) == {MARKER, "earlier.csv"} if earlier else not out.exists()
    assert list_names(out) == {MARKER, "new.csv"}
    assert list_names(tmp_path) == {"demo"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, click.ClickException("no laboratory")])
def test_an_earlier_demo_outlives_one_that_is_stopped(tmp_path: Path, error: BaseException) -> None:
    out = tmp_path / "demo"
    make_demo(out, "earlier.csv")
    def stop() -> None:
        with make_beside(out) as fresh:
            (fresh / "half.csv").touch()
            raise error

    with pytest.raises((KeyboardInterrupt, click.ClickException)):
        stop()
    assert list_names(out) == {MARKER, "earlier.csv"}
    assert list_names(tmp_path) == {"demo"}


def test_what_a_killed_demo_left_is_cleared(tmp_path: Path) -> None:
    make_demo(tmp_path / ".demo.new", "half.csv")
    with make_beside(tmp_path / "demo"):
        pass
    assert list_names(tmp_path / "demo") == {MARKER}


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(click.UsageError):
        check_folder(tmp_path)
