"""Writes a released data set as a folder of its own: tables, descriptions, checksums and history."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from probe.core.progress import Progress, ignore_progress
from probe.core.tables.run_words import CUT_SHORT
from probe.store.files.atomic import StoreError, make_folder, translate_os_errors, write_file
from probe.store.row_codec import Row
from probe.store.schema import TABLES, Table
from probe_analysis.exports.release import RELEASED, make_released_table, release_rows
from probe_analysis.exports.release_choice import ReleaseChoice, choose_releasable_runs
from probe_analysis.exports.run_choice import BY_SERVICE, RunFilter, select_rows
from probe_analysis.exports.table_export import write_rows
from probe_analysis.publication.croissant import PackagedFile, make_croissant
from probe_analysis.publication.datapackage import NAME, PROFILE, Json, describe_table
from probe_analysis.publication.package_facts import (
    KEYWORDS,
    LICENCES,
    PackageFacts,
    PackageOrder,
    TableCount,
    list_versions,
    make_provenance,
)
from probe_analysis.publication.package_texts import (
    make_zenodo,
    write_citation,
    write_codebook_csv,
    write_licence,
    write_readme,
)
from probe_analysis.publication.revisions import (
    REVISIONS_FILE,
    Revision,
    check_new_version,
    make_revision,
    read_revisions,
    write_changelog,
)

SUMS_FILE = "SHA256SUMS"


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
    released = choose_releasable_runs(directory, choice, now=now)
    if not released.ready:
        raise StoreError(f"{directory}: no run there may be released now ({released.held_back} match, and what is "
                         "released must have been over for 24 hours)")
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.part")
    make_folder(out.parent)
    try:
        make_folder(unfinished / "data")
        counts = {name: _write_table(unfinished, name, partial(_rows, directory, choice, released, TABLES[name],
                                                               progress)) for name in RELEASED}
        facts = PackageFacts(
            order=order, made=now, lab=released.ready[0][0].vantage.lab, runs=len(released.ready),
            held_back=released.held_back, partial=sum(CUT_SHORT in run.conditions for run, _, _ in released.ready),
            checks=released.checks, tables=counts, choice=choice,
            versions=list_versions(run for run, _, _ in released.ready))
        _describe(unfinished, facts, [*earlier, make_revision(facts)])
        with translate_os_errors(out):
            unfinished.rename(out)
    except ValueError as error:
        raise StoreError(f"{directory}: {error}; restore the file or remove this run") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return facts


def _write_table(folder: Path, name: str, rows: Callable[[], Iterator[Row]]) -> TableCount:
    """Writes a table in each form; `rows` gives its rows anew each time."""
    table = make_released_table(TABLES[name])
    for form in ("csv", "parquet"):
        count = TableCount()
        write_rows(folder / "data" / f"{name}.{form}", table, count.count(rows()), form)
    return count


def _rows(directory: Path, choice: RunFilter, released: ReleaseChoice, table: Table,
          progress: Progress) -> Iterator[Row]:
    services = choice.services if table.name in BY_SERVICE else frozenset[str]()
    for done, (run, cell, name) in enumerate(released.ready, start=1):
        yield from release_rows(select_rows(directory, run, table, services), table, run.run_id, cell, name)
        progress(done, len(released.ready))


def _describe(folder: Path, facts: PackageFacts, revisions: Sequence[Revision]) -> None:
    """Everything but the tables themselves; the checksums last, of all that is there."""
    tables = [make_released_table(TABLES[name]) for name in RELEASED]
    data = {path: _packaged(folder, path) for path in (folder / "data").iterdir()}
    files = [(table, data[folder / "data" / f"{table.name}.csv"]) for table in tables]
    parquet = any(path.suffix == ".parquet" for path in data)
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
    sums = [data.get(path) or _packaged(folder, path) for path in sorted(folder.rglob("*")) if path.is_file()]
    write_file(folder / SUMS_FILE, "".join(f"{each.sha256}  {each.path}\n" for each in sums).encode())


def _make_frictionless(facts: PackageFacts, files: Sequence[tuple[Table, PackagedFile]]) -> dict[str, Json]:
    licence, url = LICENCES[facts.order.licence]
    resources: list[Json] = [
        describe_table(replace(table, key=tuple(key for key in table.key if key in RELEASED[table.name])), [file.path])
        | {"path": file.path, "bytes": file.size_bytes, "hash": f"sha256:{file.sha256}"} for table, file in files]
    return {
        "$schema": PROFILE, "name": NAME, "title": facts.title, "description": facts.description,
        "version": facts.order.version, "created": f"{facts.made:%Y-%m-%dT%H:%M:%SZ}",
        "keywords": list(KEYWORDS), "licenses": [{"name": facts.order.licence, "title": licence, "path": url}],
        "contributors": [{"title": name, "roles": ["creator"]} for name in facts.order.named_creators],
        "resources": resources,
    }


def _packaged(folder: Path, path: Path) -> PackagedFile:
    with translate_os_errors(path), path.open("rb") as file:
        digest, size = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    return PackagedFile(path=path.relative_to(folder).as_posix(), sha256=digest, size_bytes=size)


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
