"""What somebody sent as a results folder: the runs in it that can be trusted to be whole, and why all else is left.

Nothing in it is believed: links are not followed, only plain files of bounded size are opened, and what is read is
written anew, cell by cell.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path

from probe.core.runs import Run
from probe.store.archive.own_files import (
    OwnFile,
    find_results_folders,
    list_own_files,
    list_table_folders,
    list_top_files,
    parse_day,
)
from probe.store.files.atomic import StoreError
from probe.store.files.listing import is_folder
from probe.store.files.pcapng import read_blocks
from probe.store.layout import ARCHIVES_FOLDER, csv_path, packets_path, sums_path
from probe.store.runs.checksums import mismatch
from probe.store.runs.merged_days import MANIFEST, is_merged, merged_files, merged_runs
from probe.store.runs.run_reader import read_start, runs_in, whole
from probe.store.runs.run_writer import make_texts
from probe.store.schema import SCHEMA_VERSION, TABLES
from probe_operate.collect.canonical_runs import read_canonical_run
from probe_operate.collect.file_marks import mark_files, run_paths
from probe_operate.collect.run_unpacking import MAX_SMALL_BYTES, read_small_archive, unpack_run

MAX_FILES = 5_000_000
_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRun:
    """A file or a run that is left out."""

    path: Path
    reason: str
    mark: str = ""
    """What its files had when they were found, by which they are known again; empty where they are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundRun:
    """A run that can be taken."""

    run: Run
    texts: Mapping[str, bytes]
    """Table -> content of its file, as this program writes it."""
    packets: Path | None
    mark: str = ""
    """As of RefusedRun."""
    upload: str = ""
    """The file by which it came, its archive or its runs file: the path from the name of its results folder on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRun:
    """A run that was read before, from files that are as they were."""

    run_id: str
    digest: str
    lab: bool


Recall = Callable[[str, Path], KnownRun | RefusedRun | None]
"""Gives, by their mark and the path of one of them, what was found in files before."""


def find_submitted_folders(directory: Path) -> list[Path]:
    """All results folders at a place where others put theirs: it, and those directly below it. Whoever may put files
    there can make the place itself look like one, and hides nobody by that."""
    found = find_results_folders(directory)
    if found != [directory]:
        return found
    own = {folder.relative_to(directory).parts[0] for folder, _, _ in list_table_folders(directory)}
    return [directory, *(path for path in sorted(directory.iterdir())
                         if path.name not in own and is_folder(path) and _holds_days(path))]


def _holds_days(directory: Path) -> bool:
    """Whether runs lie there day by day. A lake, which may stand below a data set, has countries in their place."""
    return any(is_folder(day) and parse_day(day.name) for table in ("runs", ARCHIVES_FOLDER)
               if is_folder(directory / table) for day in (directory / table).iterdir())


def sift_submission(
    directory: Path, recall: Recall = lambda mark, path: None,
) -> Iterator[SoundRun | KnownRun | RefusedRun]:
    """Every run of one folder, plain or in an archive, or why not; then every file that belongs to none. What is
    recalled is not read again. Raises StoreError for a folder that cannot be looked through."""
    own = {file.path: file for file in list_own_files(directory)}
    seen: dict[str, Path] = {}
    for path in sorted((p for p, file in own.items() if _is_runs_file(file)), key=lambda p: (p.parent, is_merged(p))):
        if not is_merged(path):
            mark = mark_files(run_paths(directory, own[path]))
            if known := recall(mark, path):
                seen[path.stem] = path
                yield known
                continue
            if quick := _read_plain(directory, own[path], own):
                seen[path.stem] = path
                yield _mark_upload(quick, directory, own[path], mark)
                continue
        else:
            mark = mark_files(each for each, file in own.items() if file.day == own[path].day and is_merged(each))
        try:
            runs = runs_in(path)
        except StoreError as error:
            yield RefusedRun(path=path, reason=_why(error, path))
            continue
        for run in runs:
            if seen.get(run.run_id, Path()).parent != path.parent:  # else its own file stands beside a merged one
                seen[run.run_id] = path
                own_mark = f"{mark}:{run.run_id}" if mark and is_merged(path) else mark
                yield recall(own_mark, path) or _mark_upload(_take_run(directory, run, path, own), directory, own[path],
                                                             own_mark)
    for file in own.values():
        if file.table == ARCHIVES_FOLDER and not file.temporary:
            mark = mark_files([file.path])
            yield recall(mark, file.path) or _mark_upload(_read_archive(file) or _take_archive(file), directory, file,
                                                          mark)
    yield from _left_over(directory, own, seen)


def _is_runs_file(file: OwnFile) -> bool:
    return file.table == "runs" and not file.temporary and file.path.suffix == ".csv"


def _take_run(directory: Path, run: Run, path: Path, own: Mapping[Path, OwnFile]) -> SoundRun | RefusedRun:
    try:
        if not run.schema_version.isdecimal() or int(run.schema_version) > int(SCHEMA_VERSION):
            version = run.schema_version[:20]
            return RefusedRun(path=path,
                              reason=f"schema version {version!r}, this program knows up to {SCHEMA_VERSION}; "
                                             "update it")
        read_start(run)
        for table in TABLES:
            _check_plain(csv_path(directory, table, run), own)
        _check_plain(sums_path(directory, run), own)
        if why := mismatch(directory, run):
            return RefusedRun(path=path, reason=why)
        result = whole(directory, run)
        if any(observation.run_id not in ("", run.run_id) for observation in result.observations):
            return RefusedRun(path=path, reason=f"observations of run {run.run_id} name another run")
        packets = packets_path(directory, run)
        if packets in own:
            for _ in read_blocks(packets):
                pass
        return SoundRun(run=result.run, texts=make_texts(result), packets=packets if packets in own else None)
    except (StoreError, ValueError) as error:
        return RefusedRun(path=path, reason=_why(error, path))


def _read_plain(directory: Path, runs_file: OwnFile, own: Mapping[Path, OwnFile]) -> SoundRun | None:
    """The run whose own runs file this is, where all its files are as this program writes them; None: nobody knows."""
    *tables, sums, packets = run_paths(directory, runs_file)
    small = sum(own[path].bytes for path in tables if path in own) <= MAX_SMALL_BYTES
    if not small or packets in own or any(path not in own for path in tables) or (
            sums not in own and os.path.lexists(sums)):
        return None
    try:
        files = {str(path.relative_to(directory)): path.read_bytes() for path in (*tables, sums) if path in own}
    except OSError:
        return None
    return _as_sound(read_canonical_run(files, day=runs_file.day, run_id=runs_file.stem))


def _read_archive(file: OwnFile) -> SoundRun | None:
    """As `_read_plain`, of an archive."""
    try:
        files = read_small_archive(file.path, day=file.day, run_id=file.stem)
    except StoreError:
        return None
    return _as_sound(read_canonical_run(files, day=file.day, run_id=file.stem))


def _as_sound(found: tuple[Run, Mapping[str, bytes]] | None) -> SoundRun | None:
    return SoundRun(run=found[0], texts=found[1], packets=None) if found else None


def _take_archive(file: OwnFile) -> SoundRun | RefusedRun:
    with tempfile.TemporaryDirectory(prefix="probe-collect-") as folder:
        unpacked = Path(folder)
        try:
            unpack_run(file.path, unpacked, day=file.day, run_id=file.stem)
            own = {each.path: each for each in list_own_files(unpacked)}
            (path,) = (each for each, described in own.items() if _is_runs_file(described))
            (run,) = runs_in(path)
        except StoreError as error:
            found: SoundRun | RefusedRun = RefusedRun(path=file.path, reason=_why(error, file.path))
        else:
            found = _take_run(unpacked, run, path, own)
    if isinstance(found, SoundRun):
        return found
    return RefusedRun(path=file.path, reason=found.reason.replace(f"{unpacked}{os.sep}", ""))


def _mark_upload(found: SoundRun | RefusedRun, directory: Path, file: OwnFile, mark: str) -> SoundRun | RefusedRun:
    if isinstance(found, RefusedRun):
        return replace(found, mark=mark)
    below = file.path.relative_to(directory).as_posix()
    return replace(found, mark=mark, upload=f"{directory.name}/{below}")


def _check_plain(path: Path, own: Mapping[Path, OwnFile]) -> None:
    """Raises StoreError where what would be read for this run is a link, a pipe or a device."""
    merged = merged_files(path.parent)
    for read in (path, *merged, *(file.with_suffix(MANIFEST) for file in merged)):
        if os.path.lexists(read) and read not in own:
            raise StoreError(f"{read}: a link, or no plain file")


def _left_over(directory: Path, own: Mapping[Path, OwnFile], seen: Mapping[str, Path]) -> Iterator[RefusedRun]:
    count = 0
    beside = {*list_top_files(directory)}
    for folder, names, files in os.walk(directory, followlinks=False):
        here = Path(folder)
        for name in [name for name in names if (here / name).is_symlink()]:
            yield RefusedRun(path=here / name, reason="a link; links are not followed")
        if len(here.relative_to(directory).parts) >= _MAX_DEPTH and names:
            names.clear()
            yield RefusedRun(path=here, reason="folders deeper than any of ours; not looked at")
        for name in sorted(files):
            count += 1
            if count > MAX_FILES:
                raise StoreError(f"{directory}: more than {MAX_FILES} files, which no results folder has")
            if reason := _reason(here / name, own, seen, beside):
                yield RefusedRun(path=here / name, reason=reason)


def _reason(path: Path, own: Mapping[Path, OwnFile], seen: Mapping[str, Path], beside: Set[Path]) -> str:
    """Why a file is left out; empty for one that was used, or that the program makes for other ends."""
    file = own.get(path)
    if path.is_symlink():
        return "a link; links are not followed"
    if path in beside:
        return ""
    if file is None:
        return "not a file of a results folder"
    if file.temporary:
        return "half written when the probe was stopped"
    if file.table in ("runs", ARCHIVES_FOLDER) or file.parquet:
        return ""
    if file.stem in seen or (is_merged(path) and (path.suffix == MANIFEST or _all_seen(path, own, seen))):
        return ""
    return "its run was not finished: there is no runs file"


def _all_seen(path: Path, own: Mapping[Path, OwnFile], seen: Mapping[str, Path]) -> bool:
    try:
        return path.with_suffix(MANIFEST) in own and seen.keys() >= merged_runs(path).keys()
    except StoreError:
        return False


def _why(error: Exception, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")
