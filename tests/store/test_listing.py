"""What cannot be listed is an error; what is not there is nothing."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.store.files.atomic import StoreError
from probe.store.files.listing import is_file, is_folder, is_there, list_paths, list_regular

REFUSED = (errno.EACCES, errno.EIO, errno.EMFILE, errno.ESTALE, errno.ENOMEM)
ASKS: tuple[Callable[[Path], object], ...] = (
    is_there, is_file, is_folder, list_paths, lambda path: list_paths(path, "date=*", "*.csv"),
    lambda path: list_paths(path, "date=1", "r.csv"), lambda path: list_regular(path, "*.csv"))


def lay(folder: Path) -> Path:
    for name in ("date=1/r.csv", "date=1/.r.csv", "date=2/x[1].csv", "other/r.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / "date=1" / "link.csv").symlink_to("r.csv")
    (folder / "date=3").write_text("no folder")
    return folder


@pytest.mark.parametrize(("patterns", "names"), [
    ((), ["date=1", "date=2", "date=3", "other"]),
    (("date=*",), ["date=1", "date=2", "date=3"]),
    (("date=*", "*.csv"), ["date=1/.r.csv", "date=1/link.csv", "date=1/r.csv", "date=2/x[1].csv"]),
    (("date=*", "r.csv"), ["date=1/r.csv"]),
    (("*", "date=1"), []),
    (("missing", "*"), []),
])
def test_what_is_there_is_listed(tmp_path: Path, patterns: tuple[str, ...], names: list[str]) -> None:
    assert [str(path.relative_to(tmp_path)) for path in list_paths(lay(tmp_path), *patterns)] == names


def test_only_plain_files_are_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = lay(tmp_path) / "date=1"
    with caplog.at_level(logging.WARNING, "probe"):
        assert list_regular(folder, "*.csv") == list_regular(folder, "*.csv") == [folder / "r.csv"]
    assert len(caplog.records) == 1
    found = [(is_there(path), is_file(path), is_folder(path))
             for path in (folder, folder / "r.csv", folder / "link.csv", folder / "r.csv" / "x", folder / "none")]
    assert found == [(True, False, True), (True, True, False), (True, False, False), *[(False, False, False)] * 2]


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("code", REFUSED)
def test_what_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int,
                                           ask: Callable[[Path], object]) -> None:
    """Each errno that a disk may give at its own moment cannot be had here; the calls themselves are struck."""
    def refuse(path: Path) -> None:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(StoreError, match=str(tmp_path)):
        ask(tmp_path)
