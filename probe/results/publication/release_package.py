"""Writes a released data set as a folder of its own: tables, descriptions, checksums and history."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from probe.core.progress import Progress, ignore_progress
from probe.core.runs import Run
from probe.results.archive.export_formats import FORMATS
from probe.results.archive.release import (
    RELEASED,
    ReleaseCell,
    make_released_table,
    release_rows,
    select_releasable_runs,
)
from probe.results.archive.run_choice import BY_SERVICE, RunFilter, select_rows, select_runs
from probe.results.files.atomic import StoreError, make_folder, translate_os_errors, write_file, write_files
from probe.results.files.parquet import explain_lacking_pyarrow
from probe.results.publication.croissant import PackagedFile, make_croissant
from probe.results.publication.datapackage import PROFILE, Json, describe_table
from probe.results.publication.package_facts import (
    LICENCES,
    PackageFacts,
    PackageOrder,
    TableCount,
    list_versions,
    make_provenance,
)
from probe.results.publication.package_texts import (
    KEYWORDS,
    make_zenodo,
    write_citation,
    write_codebook_csv,
    write_licence,
    write_readme,
)
from probe.results.publication.revisions import (
    REVISIONS_FILE,
    Revision,
    check_new_version,
    make_revision,
    read_revisions,
    write_changelog,
)
from probe.results.row_codec import Row
from probe.results.runs.run_reader import stored_runs
from probe.results.schema import TABLES, Table

SUMS_FILE = "SHA256SUMS"
_READ_BYTES = 1 << 20
_Ready = Sequence[tuple[Run, ReleaseCell, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """From where the rows come."""

    directory: Path
    choice: RunFilter
    ready: _Ready


def write_release_package(
    directory: Path, out: Path, choice: RunFilter, order: PackageOrder, *, previous: Path | None = None, now: datetime,
    progress: Progress = ignore_progress,
) -> PackageFacts:
    """Writes the package to a new folder, whole or not at all; `previous`: the package that this one revises.

    The runs have the same names in all its tables. Raises StoreError where nothing may be released, the folder is
    there already, something is damaged, or the version was released before.
    """
    if out.exists() or out.is_symlink():
        raise StoreError(f"{out}: is there already, and a release never changes: name a new folder")
    earlier = read_revisions(previous) if previous else []
    check_new_version(earlier, order.version)
    source, chosen = _select(directory, choice, now)
    partial = out.with_name(f".{out.name}.{os.getpid()}.part")
    make_folder(out.parent)
    try:
        make_folder(partial / "data")
        counts = {name: TableCount() for name in RELEASED}
        for name in RELEASED:
            _write_table(partial, name, source, counts[name], progress)
        facts = PackageFacts(
            order=order, made=now, lab=source.ready[0][0].vantage.lab, runs=len(source.ready),
            held_back=chosen - len(source.ready), tables=counts, choice=choice,
            versions=list_versions(run for run, _, _ in source.ready))
        _describe(partial, facts, [*earlier, make_revision(facts)])
        with translate_os_errors(out):
            partial.rename(out)
    except ValueError as error:
        raise StoreError(f"{directory}: {error}; restore the file or remove this run") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return facts


def _select(directory: Path, choice: RunFilter, now: datetime) -> tuple[_Source, int]:
    """What is released, and how many runs were chosen. Raises StoreError where there is nothing."""
    runs = select_runs(directory, choice)
    lab = {run.vantage.lab for run in runs}
    try:
        ready = select_releasable_runs(runs, (run for run in stored_runs(directory) if run.vantage.lab in lab), now=now)
    except ValueError as error:
        raise StoreError(f"{directory}: a run has no proper time ({error}); restore its files or remove it") from error
    if not ready:
        raise StoreError(f"{directory}: no run there may be released now ({len(runs)} match, and what is released must "
                         "have been over for 24 hours)")
    return _Source(directory=directory, choice=choice, ready=ready), len(runs)


def _write_table(folder: Path, name: str, source: _Source, count: TableCount, progress: Progress) -> None:
    table = make_released_table(TABLES[name])
    forms = ["csv"] if explain_lacking_pyarrow() else ["csv", "parquet"]
    for form in forms:
        fresh = TableCount()
        rows = fresh.count(_rows(source, TABLES[name], progress))
        write_files([(folder / "data" / f"{name}.{form}", lambda file, rows=rows, form=form:  # type: ignore[misc]
                      FORMATS[form](file, table, rows))])
    count.rows, count.days, count.outcomes = fresh.rows, fresh.days, fresh.outcomes


def _rows(source: _Source, table: Table, progress: Progress) -> Iterator[Row]:
    services = source.choice.services if table.name in BY_SERVICE else frozenset[str]()
    for done, (run, cell, name) in enumerate(source.ready, start=1):
        rows = select_rows(source.directory, run, table, services)
        yield from release_rows(rows, table, run.run_id, cell, name)
        progress(done, len(source.ready))


def _describe(folder: Path, facts: PackageFacts, revisions: Sequence[Revision]) -> None:
    """Everything but the tables themselves; the checksums last, of all that is there."""
    import msgspec

    tables = [make_released_table(TABLES[name]) for name in RELEASED]
    files = [(table, _packaged(folder, folder / "data" / f"{table.name}.csv")) for table in tables]
    parquet = any((folder / "data").glob("*.parquet"))
    texts = {
        "README.md": write_readme(facts, parquet=parquet),
        "LICENSE": write_licence(facts),
        "codebook.csv": write_codebook_csv(tables),
        "provenance.json": _json(make_provenance(facts)),
        "datapackage.json": _json(_make_frictionless(facts, files)),
        "croissant.json": _json(make_croissant(facts, files)),
        ".zenodo.json": _json(make_zenodo(facts)),
        "CITATION.cff": write_citation(facts),
        REVISIONS_FILE: msgspec.json.format(msgspec.json.encode(list(revisions)), indent=1).decode(),
        "CHANGES.md": write_changelog(revisions),
    }
    for name, text in texts.items():
        write_file(folder / name, text.encode())
    sums = [_packaged(folder, path) for path in sorted(folder.rglob("*")) if path.is_file()]
    write_file(folder / SUMS_FILE, "".join(f"{each.sha256}  {each.path}\n" for each in sums).encode())


def _make_frictionless(facts: PackageFacts, files: Sequence[tuple[Table, PackagedFile]]) -> dict[str, Json]:
    licence, url = LICENCES[facts.order.licence]
    resources: list[Json] = [
        describe_table(replace(table, key=tuple(key for key in table.key if key in RELEASED[table.name])), [file.path])
        | {"path": file.path, "bytes": file.size_bytes, "hash": f"sha256:{file.sha256}"} for table, file in files]
    return {
        "$schema": PROFILE, "name": "reachability-results", "title": facts.title, "description": facts.description,
        "version": facts.order.version, "created": f"{facts.made:%Y-%m-%dT%H:%M:%SZ}",
        "keywords": list(KEYWORDS), "licenses": [{"name": facts.order.licence, "title": licence, "path": url}],
        "contributors": [{"title": name, "roles": ["creator"]} for name in facts.order.named_creators],
        "resources": resources,
    }


def _packaged(folder: Path, path: Path) -> PackagedFile:
    digest = hashlib.sha256()
    with translate_os_errors(path), path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
        size = file.tell()
    return PackagedFile(path=path.relative_to(folder).as_posix(), sha256=digest.hexdigest(), size_bytes=size)


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
