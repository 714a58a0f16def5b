"""Runs that come as archives: taken like plain ones, and nothing in an archive decides what is written where."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.store.archive import run_archive
from probe.store.archive.run_archive import pack_files
from probe.store.files.atomic import StoreError
from probe.store.runs.checksums import sums_text
from probe.store.runs.run_reader import read_runs
from probe_analysis.cells.cell_inputs import find_inputs
from probe_operate.collect import run_unpacking
from probe_operate.collect.collecting import CollectResult, collect_runs
from probe_operate.collect.run_unpacking import unpack_run
from upload_world import unpacked, with_runs

DAY = "date=2017-05-04"


def files_of(results: Path, run_id: str) -> dict[str, bytes]:
    """The files of a stored run, and their checksums, by their names in an archive."""
    plain = {str(path.relative_to(results)): path.read_bytes()
             for path in sorted(results.glob(f"*/{DAY}/{run_id}.csv"))}
    return plain | {f"sums/{DAY}/{run_id}.sha256": sums_text(plain)}


def put(folder: Path, run_id: str, archive: bytes) -> Path:
    """An archive where an upload puts it."""
    path = folder / "archives" / DAY / f"{run_id}.tgz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive)
    return path


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def member(name: str, content: bytes = b"", **others: object) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for key, value in others.items():
        setattr(made, key, value)
    return made, content


def collected(folder: Path, out: Path) -> tuple[CollectResult, list[str]]:
    done = collect_runs([folder], out)
    return done, sorted(result.run.run_id for result in read_runs(out)) if done.taken else []


def test_plain_runs_and_archives_lie_side_by_side(tmp_path: Path) -> None:
    stored = with_runs(tmp_path / "stored", "abcd")
    there = with_runs(tmp_path / "in" / "nameless", "ab")
    for run_id in ("r-b", "r-c", "r-d"):
        put(there, run_id, pack_files(files_of(stored, run_id)))
    done, _ = collected(tmp_path / "in", tmp_path / "out")
    assert (done.taken, done.duplicates, done.refused) == (4, 1, [])
    assert list(read_runs(tmp_path / "out")) == list(read_runs(stored))
    assert collect_runs([tmp_path / "in"], tmp_path / "out").present == 4


def test_a_run_that_was_half_sent_as_plain_files_is_taken_from_its_archive(tmp_path: Path) -> None:
    stored, there = with_runs(tmp_path / "stored", "a"), with_runs(tmp_path / "in", "a")
    (there / "runs" / DAY / "r-a.csv").unlink()
    put(there, "r-a", pack_files(files_of(stored, "r-a")))
    assert collected(there, tmp_path / "out")[1] == ["r-a"]


def test_two_versions_of_a_run_are_a_conflict_also_in_archives(tmp_path: Path) -> None:
    stored = with_runs(tmp_path / "stored", "a")
    files = files_of(stored, "r-a")
    other = {name: text.replace(b"64500", b"64501") for name, text in files.items() if "sums" not in name}
    put(tmp_path / "in" / "x", "r-a", pack_files(files))
    put(tmp_path / "in" / "y", "r-a", pack_files(other | {f"sums/{DAY}/r-a.sha256": sums_text(other)}))
    done, there = collected(tmp_path / "in", tmp_path / "out")
    assert (list(done.conflicts), there) == (["r-a"], [])


EXTRA = "elsewhere/x.csv"


@pytest.mark.parametrize(("name", "kind"), [
    ("../../../x.csv", tarfile.REGTYPE), ("/tmp/x.csv", tarfile.REGTYPE), (EXTRA, tarfile.REGTYPE),
    (f"verdicts/{DAY}/r-b.csv", tarfile.REGTYPE), (f"verdicts/{DAY}/r-a.csv", tarfile.REGTYPE),
    (f"verdicts/{DAY}/../{DAY}/r-a.csv", tarfile.REGTYPE), ("\x1b[2J\n.csv", tarfile.REGTYPE),
    ("x" * 900, tarfile.REGTYPE), ("x" * 2000, tarfile.REGTYPE),
])
def test_a_member_with_another_name_spoils_the_archive(tmp_path: Path, name: str, kind: bytes) -> None:
    stored = with_runs(tmp_path / "stored", "ab")
    good = [member(own, text) for own, text in files_of(stored, "r-a").items()]
    put(tmp_path / "in", "r-a", gzip.compress(tar(*good, member(name, b"text", type=kind))))
    put(tmp_path / "in", "r-b", pack_files(files_of(stored, "r-b")))
    before = set(tmp_path.parent.rglob("x.csv"))
    done, there = collected(tmp_path / "in", tmp_path / "out")
    assert there == ["r-b"]
    assert [refused.path.name for refused in done.refused] == ["r-a.tgz"]
    assert "\x1b" not in done.refused[0].reason
    assert set(tmp_path.parent.rglob("x.csv")) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_what_is_no_file_in_an_archive_stands_for_none(tmp_path: Path, kind: bytes) -> None:
    files = files_of(with_runs(tmp_path / "stored", "a"), "r-a")
    lured = f"verdicts/{DAY}/r-a.csv"
    members = [member(lured, type=kind, linkname="/etc/passwd")]
    members += [member(name, text) for name, text in files.items() if name != lured]
    put(tmp_path / "in", "r-a", gzip.compress(tar(*members)))
    done, there = collected(tmp_path / "in", tmp_path / "out")
    assert (there, len(done.refused)) == ([], 1)
    assert lured in done.refused[0].reason


@pytest.mark.parametrize("bomb", [
    gzip.compress(tar(member(f"verdicts/{DAY}/r-a.csv", bytes(3 << 20)))),
    gzip.compress(bytes(16 << 10) + bytes(3 << 20)),
    gzip.compress(tar(*[member(f"d{number}", type=tarfile.DIRTYPE) for number in range(5000)])),
    gzip.compress(tar(member("x", b"\0" * (3 << 20), type=tarfile.SYMTYPE))),
], ids=["one file", "nothing but zeros", "many headers", "a link with a body"])
def test_little_that_becomes_much_is_given_up(tmp_path: Path, bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_unpacking, "MAX_UNPACKED_BYTES", 1 << 20)
    path = put(tmp_path / "in", "r-a", bomb)
    with pytest.raises(StoreError):
        unpack_run(path, tmp_path / "new", day="2017-05-04", run_id="r-a")
    assert sum(file.stat().st_size for file in tmp_path.glob("new/**/*.csv")) <= 1 << 20


def test_a_run_that_nobody_would_take_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_archive, "MAX_UNPACKED_BYTES", 1 << 20)
    with pytest.raises(StoreError, match="than 1 MiB"):
        pack_files({"runs/x": bytes(1 << 20)})


@settings(deadline=None, max_examples=60)
@given(where=st.floats(0, 1, exclude_max=True), value=st.binary(max_size=8), cut=st.booleans())
def test_damage_is_refused_and_never_raises_anything_else(
        tmp_path_factory: pytest.TempPathFactory, where: float, value: bytes, cut: bool) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    files = files_of(with_runs(folder / "stored", "a"), "r-a")
    whole = pack_files(files)
    at = int(len(whole) * where)
    path = put(folder / "in", "r-a", whole[:at] + value + (b"" if cut else whole[at + len(value):]))
    try:
        unpack_run(path, folder / "new", day="2017-05-04", run_id="r-a")
    except StoreError:
        return
    done, there = collected(folder / "in", folder / "out")
    assert there == ["r-a"] or done.refused


def test_an_archive_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    stored = with_runs(tmp_path / "stored", "a")
    real = put(tmp_path / "else", "r-a", pack_files(files_of(stored, "r-a")))
    link = tmp_path / "in" / "archives" / DAY / "r-a.tgz"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    done, there = collected(tmp_path / "in", tmp_path / "out")
    assert there == []
    assert ["link" in refused.reason for refused in done.refused] == [True]


def test_names_of_every_length_that_a_run_can_have_come_through(tmp_path: Path) -> None:
    for length in (1, 67, 70, 71, 72, 100, 128):
        run_id = "r" * length
        files = {f"{table}/{DAY}/{run_id}.csv": b"x" for table in
                 ("observations", "controls", "verdicts", "services", "runs")}
        files[f"sums/{DAY}/{run_id}.sha256"] = b"y"
        path = put(tmp_path, run_id, pack_files(files))
        assert unpacked(path) == files
        unpack_run(path, tmp_path / f"new{length}", day="2017-05-04", run_id=run_id)
        assert len([file for file in (tmp_path / f"new{length}").rglob("*") if file.is_file()]) == 6


def test_the_same_run_is_the_same_bytes_and_names_nobody(tmp_path: Path) -> None:
    files = files_of(with_runs(tmp_path / "stored", "a"), "r-a")
    assert pack_files(files) == pack_files(files)
    with tarfile.open(fileobj=io.BytesIO(pack_files(files))) as archive:
        named = {(found.uid, found.gid, found.uname, found.gname, found.mtime) for found in archive}
    assert named == {(0, 0, "", "", 0)}


def test_who_analyses_archives_is_told_what_to_do(tmp_path: Path) -> None:
    files = files_of(with_runs(tmp_path / "stored", "a"), "r-a")
    there = tmp_path / "in" / "nameless"
    put(there, "r-a", pack_files(files))
    with pytest.raises(StoreError, match="probe collect"):
        find_inputs(tmp_path / "in", required={}, tables=("runs",))
    with_runs(there, "b")
    found = find_inputs(tmp_path / "in", required={}, tables=("runs",))
    assert [(os.path.basename(bad.path), "probe collect" in bad.reason) for bad in found.bad] == [("r-a.tgz", True)]
