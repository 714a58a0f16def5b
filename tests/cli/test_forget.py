"""Which folder `probe forget` takes for one that it was meant to empty."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli.main import cli
from probe.upkeep.commands.exit_codes import EXIT_FAILED


@pytest.fixture
def key(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A secret in this user's state; `results` is configured and was never made, `mine` is another folder."""
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ())
    monkeypatch.setattr("probe.upkeep.schedules.installed_schedules.list_installed", lambda: ())
    monkeypatch.setenv("PROBE_CONFIG", "probe.toml")
    monkeypatch.setenv("XDG_STATE_HOME", str(in_folder / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_folder / "cache"))
    (in_folder / "probe.toml").write_text('[run]\nresults = "results"\n')
    (in_folder / "mine").mkdir()
    path = in_folder / "state" / "probe" / "identity.key"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"k" * 32)
    return path


@pytest.mark.parametrize(("folder", "code"), [
    ("nosuch", EXIT_FAILED), ("results/nosuch", EXIT_FAILED), ("mine/\x1b[2J", EXIT_FAILED), ("mine", 0),
    ("results", 0), (None, 0),
])
def test_a_mistyped_folder_is_no_all_clear(key: Path, folder: str | None, code: int) -> None:
    result = CliRunner().invoke(cli, ["forget", *([folder] if folder else []), "--yes"])
    assert (result.exit_code, key.exists()) == (code, code != 0), result.output
    assert "\x1b" not in result.output


def test_a_mistyped_folder_is_told_where_nothing_is_kept_at_all(key: Path) -> None:
    key.unlink()
    assert [CliRunner().invoke(cli, ["forget", *named]).exit_code for named in (["nosuch"], ["results"], [])] == [
        EXIT_FAILED, 0, 0]


@pytest.mark.parametrize("kept", [False, True])
def test_a_folder_of_others_is_told_to_hold_no_results(key: Path, kept: bool) -> None:
    """Also where the state alone is deleted: the folder is not to look like one that was cleaned."""
    (key.parents[2] / "mine" / "thesis.txt").touch()
    if not kept:
        key.unlink()
    done = CliRunner().invoke(cli, ["forget", "mine", "--yes"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].split()[0] == "mine"
    assert (key.parents[2] / "mine" / "thesis.txt").exists()


OTHERS = {"report.html": b"<!doctype html><p>mine", "conflicts.txt": b"mine", "removed.jsonl": b"{}", "notes.txt": b"",
          "datapackage.json": b'{"name": "reachability-results"}', ".lock": b"of another program", ".writable": b""}


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("names", [(), (".lock",), tuple(OTHERS)], ids=["empty", "a lock", "names like ours"])
def test_what_was_promised_to_stay_stays(key: Path, kept: bool, names: tuple[str, ...]) -> None:
    mine = key.parents[2] / "mine"
    for name in names:
        (mine / name).write_bytes(OTHERS[name])
    if not kept:
        key.unlink()
    done = CliRunner().invoke(cli, ["forget", "mine", "--yes"])
    assert (done.exit_code, key.exists(), mine.is_dir()) == (0, False, True)
    assert {path.name: path.read_bytes() for path in mine.iterdir()} == {name: OTHERS[name] for name in names}


def test_a_long_list_of_files_is_not_shown_whole(key: Path) -> None:
    for number in range(40):
        (key.parent / f"feed-{number}.json").touch()
    done = CliRunner().invoke(cli, ["forget"], input="n\n")
    assert len(done.stdout.splitlines()) < 20
    assert "31" in done.stdout
    assert key.exists()
