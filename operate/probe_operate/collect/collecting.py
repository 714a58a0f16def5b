"""Merges the results of many volunteers into one data set: each run once, as its probe signed it.

What a data set holds stays, whatever else comes under the same name: else whoever has read a run's name could strike
the run. Of two versions that come at once, neither is taken.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from probe.core.progress import Progress, ignore_progress
from probe.core.runs import Run
from probe.core.tables.origin_words import OriginWord
from probe.core.tables.signature_words import SignatureState
from probe.store.archive.own_files import CONFLICTS_FILE
from probe.store.files.atomic import StoreError, translate_os_errors, write_file
from probe.store.files.listing import is_there, list_paths
from probe.store.layout import csv_path, packets_path
from probe.store.row_codec import run_row
from probe.store.runs.merged_days import find_merged, list_stored_names
from probe.store.runs.run_reader import read_head, read_run, table_text, whole
from probe.store.runs.run_writer import make_texts, sweep_days, write_texts
from probe.store.schema import TABLES
from probe.store.signing.age_proofs import IssuerKeys
from probe.store.signing.signature_check import check_run, compare_packets
from probe_operate.collect.first_seen import FirstSeen, open_first_seen
from probe_operate.collect.known_files import KnownFiles, open_known_files
from probe_operate.collect.proven_ages import ProofCounts, ProvenAges, note_proofs, open_proven_ages
from probe_operate.collect.remote_runs import InboxError, RemoteFile, RemoteInbox, RemoteReading, list_remote_folders
from probe_operate.collect.run_origins import UNKNOWN, RunOrigins, open_run_origins
from probe_operate.collect.sealed_files import find_sealed_folders, list_sealed
from probe_operate.collect.sealed_reading import OpeningKeys, SealedProof, sift_sealed
from probe_operate.collect.submission_check import (
    KnownRun,
    Recall,
    RefusedRun,
    SoundRun,
    find_submitted_folders,
    sift_submission,
)
from probe_operate.collect.upload_origins import UploadOrigins

_MAX_LIST_BYTES = 64 << 20
Sifted = Iterator[SoundRun | KnownRun | RefusedRun | SealedProof]
Sift = Callable[[Recall], Sifted]


@dataclass(slots=True, kw_only=True)
class CollectResult:
    """What was taken and what was not; filled run by run."""

    folders: int = 0
    taken: int = 0
    present: int = 0
    """Runs that the data set held already, unchanged."""
    duplicates: int = 0
    """Runs that came twice, alike."""
    lab: int = 0
    """Runs that are on the other side: made in the laboratory, or not."""
    conflicts: dict[str, set[Path]] = field(default_factory=dict)
    """Run -> the folders that hold different versions of it; none is in the data set."""
    contested: dict[str, set[Path]] = field(default_factory=dict)
    """Run that the data set held already -> the folders that hold another version of it, which was refused."""
    signatures: Counter[SignatureState] = field(default_factory=Counter)
    """Of the runs that were read now and taken, or left out for their signature."""
    schemas: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRun] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What has to be done by hand."""
    unreached: list[str] = field(default_factory=list)
    """Inboxes that could not be listed, or not be read to their end: what is left waits for the next call."""
    unopened: int = 0
    """Encrypted files for which no key was named."""
    proofs: ProofCounts | None = None
    """Of names' ages; None where no issuer's keys were given."""
    origins: Counter[OriginWord] | None = None
    """Of the runs that were taken; None where no inbox told any."""

    @property
    def holds_runs(self) -> bool:
        """Whether any run of the sources is in the data set, now or from before."""
        return bool(self.taken or self.present or self.duplicates)


def collect_runs(
    sources: Iterable[Path | RemoteInbox], out: Path, *, keys: OpeningKeys | None = None, today: date | None = None,
    lab: bool = False, issuer: IssuerKeys | None = None, origins: UploadOrigins | None = None,
    progress: Progress = ignore_progress,
) -> CollectResult:
    """Takes every sound run of the sources into `out`, a results folder; only the holder of its lock may call this.
    `keys` open what is sealed. Who is seen there for the first time is noted in its record, with `today`, in UTC; None:
    by the clock of this machine. Who proves an age, by a proof of `issuer`, is noted too, and so is from where runs
    came, as far as `origins` tells.

    The result is the same in whatever order and however often the sources are given at once. Raises StoreError when
    `out` cannot be read or written.
    """
    day = today or datetime.now(UTC).date()
    done, first_seen = CollectResult(), open_first_seen(out, day)
    ages = open_proven_ages(out, day, issuer) if issuer else None
    came_from = open_run_origins(out, day, origins) if origins else None
    with open_known_files(out, lab=lab) as known:
        _collect(sources, keys, out, lab, done, known, first_seen, ages, came_from, progress)
    if came_from:
        came_from.save()
        done.origins = came_from.count()
    first_seen.save()
    if ages:
        ages.save()
        done.proofs = ages.counts
    return done


def _collect(sources: Iterable[Path | RemoteInbox], keys: OpeningKeys | None, out: Path, lab: bool, done: CollectResult,
             known: KnownFiles, first_seen: FirstSeen, ages: ProvenAges | None, came_from: RunOrigins | None,
             progress: Progress) -> None:
    conflicted = _read_conflicts(out)
    before = set(list_stored_names(out))
    known.expect(before | conflicted)
    sweep_days(out, {day.name for table in TABLES for day in list_paths(out / table, "date=*")})
    for run_id in sorted(conflicted & before):  # an earlier call was stopped before it did so
        _take_out(out, read_run(out, run_id).run, done)
    seen: dict[str, tuple[str, list[Path]]] = {}
    folders = [folder for source in sources for folder in _list_folders(source, keys, done, ages)]
    for number, (folder, sift) in enumerate(folders, start=1):
        done.folders += 1
        for found in _choose_runs(sift(known.recall), folder, done, known, ages):
            facts = found if isinstance(found, KnownRun) else KnownRun(
                run_id=found.run.run_id, digest=_digest(found.texts), lab=found.run.vantage.lab)
            if facts.lab is not lab:
                done.lab += 1
            elif facts.run_id in conflicted:
                done.conflicts.setdefault(facts.run_id, set()).add(folder)
            elif isinstance(found, KnownRun):
                _count_known(found, folder, out, seen, done)
            elif _is_as_signed(found, folder, done, known):
                _take(found, facts.digest, folder, out, before, seen, conflicted, done, came_from)
            is_held = facts.run_id in seen and seen[facts.run_id][0] == facts.digest
            if isinstance(found, SoundRun) and (is_held or facts.lab is not lab or facts.run_id in conflicted):
                known.remember(found.mark, facts)
                origin = came_from.judge(found.run, found.upload) if came_from else UNKNOWN
                first_seen.note(found.run, is_held=is_held, origin=origin)
        progress(number, len(folders))


def _list_folders(source: Path | RemoteInbox, keys: OpeningKeys | None, done: CollectResult,
                  ages: ProvenAges | None) -> Sequence[tuple[Path, Sift]]:
    """The results folders of a source, and with keys those of sealed files, each with what looks through it; none of an
    inbox that cannot be listed. Proofs of age that nobody sealed are noted on the way."""
    if isinstance(source, Path):
        if ages:
            note_proofs(source, (), ages)
        return [*((folder, partial(sift_submission, folder)) for folder in find_submitted_folders(source)),
                *_list_sealed_folders(source, keys, done)]
    reading, proofs = RemoteReading(keys), dict[str, RemoteFile]()
    try:
        folders = list_remote_folders(source, proofs)
        if ages:
            note_proofs(source, proofs.values(), ages)
        done.unreached += source.unlisted
        done.unopened += 0 if keys else sum(len(folder.sealed) for folder in folders)
        return [(folder.label, partial(reading.sift, folder)) for folder in folders]
    except InboxError as error:
        done.unreached.append(str(error))
        return []


def _list_sealed_folders(source: Path, keys: OpeningKeys | None, done: CollectResult) -> Sequence[tuple[Path, Sift]]:
    with translate_os_errors(source):
        folders = list(find_sealed_folders(source))
        if keys:
            return [(folder, partial(sift_sealed, folder, keys)) for folder in folders]
        done.unopened += sum(1 for folder in folders for _ in list_sealed(folder))
    return []


def _choose_runs(sifted: Sifted, folder: Path, done: CollectResult, known: KnownFiles,
                 ages: ProvenAges | None) -> Iterator[SoundRun | KnownRun]:
    """The runs among what was found; all else is noted. It ends early where the inbox is given up."""
    try:
        for found in sifted:
            if isinstance(found, RefusedRun):
                done.refused.append(found)
                known.remember_refused(found, folder)
            elif not isinstance(found, SealedProof):
                yield found
            elif ages:
                ages.note(found.content)
    except InboxError as error:
        if str(error) not in done.unreached:
            done.unreached.append(str(error))


def _is_as_signed(found: SoundRun, folder: Path, done: CollectResult, known: KnownFiles) -> bool:
    """Whether a run is what was signed, or unsigned; what is not is refused."""
    check = check_run(found.texts)
    done.signatures[check.state] += 1
    if check.state in ("signed", "unsigned"):
        return True
    refused = RefusedRun(path=csv_path(folder, "runs", found.run), reason=f"{check.state}: {check.reason}",
                         mark=found.mark)
    done.refused.append(refused)
    known.remember_refused(refused, folder)
    return False


def _count_known(found: KnownRun, folder: Path, out: Path, seen: dict[str, tuple[str, list[Path]]],
                 done: CollectResult) -> None:
    """Counts a run that is in the data set just as these files, which nobody opened again, hold it."""
    _, where = seen.setdefault(found.run_id, (found.digest, [out]))
    _count_alike(where, folder, out, done)


def _count_alike(where: list[Path], folder: Path, out: Path, done: CollectResult) -> None:
    first, *more = where
    done.present += first == out and not more
    done.duplicates += first != out or bool(more)
    where.append(folder)


def _take(found: SoundRun, digest: str, folder: Path, out: Path, before: set[str],
          seen: dict[str, tuple[str, list[Path]]], conflicted: set[str], done: CollectResult,
          came_from: RunOrigins | None) -> None:
    run = found.run
    if run.run_id in before and run.run_id not in seen:
        seen[run.run_id] = _digest_stored(out, run.run_id, digest), [out]
    if run.run_id not in seen:
        _add_packets(found, out, done)
        write_texts(run, found.texts, out)
        seen[run.run_id] = digest, [folder]
        done.taken += 1
        done.schemas[run.schema_version] += 1
        if came_from:
            came_from.note(run, found.upload)
    elif seen[run.run_id][0] == digest:
        _add_packets(found, out, done)
        _count_alike(seen[run.run_id][1], folder, out, done)
    elif run.run_id in before:
        done.contested.setdefault(run.run_id, set()).add(folder)
        if not check_run(make_texts(read_run(out, run.run_id))).usable:
            done.problems.append(f"{out}: run {run.run_id}, which is there, is damaged, and {folder} has another "
                                 "version: see probe verify; remove its files, and collect again")
    else:
        conflicted.add(run.run_id)
        _write_conflicts(out, conflicted)
        done.conflicts[run.run_id] = {*seen[run.run_id][1], folder}
        done.taken -= 1
        done.schemas[run.schema_version] -= 1
        if came_from:
            came_from.strike(run.run_id)
        _take_out(out, run, done)


def _add_packets(found: SoundRun, out: Path, done: CollectResult) -> None:
    path, run = packets_path(out, found.run), found.run
    if found.packets is None or is_there(path):
        return
    with translate_os_errors(found.packets):
        content = found.packets.read_bytes()
    if run.signature and (why := compare_packets(run_row(run, TABLES["runs"]), content)):
        done.refused.append(RefusedRun(path=found.packets, reason=why))
    else:
        write_file(path, content)


def _take_out(out: Path, run: Run, done: CollectResult) -> None:
    """Removes a run from the data set, its runs file first: from then on it is not there."""
    if find_merged(out, run.run_id):
        done.problems.append(f"{out}: run {run.run_id} is in a merged day and cannot be taken out; collect anew into "
                             "an empty folder")
        return
    with suppress(StoreError):
        run = read_run(out, run.run_id).run  # its day may be another
    paths = [csv_path(out, table, run) for table in reversed(list(TABLES))]
    for path in (*paths, packets_path(out, run)):
        with translate_os_errors(path):
            path.unlink(missing_ok=True)


def _digest(texts: Mapping[str, bytes]) -> str:
    """The same for equal values, whatever the files looked like."""
    found = hashlib.sha256()
    for table in TABLES:
        found.update(texts[table])
    return found.hexdigest()


def _digest_stored(out: Path, run_id: str, expected: str) -> str:
    """The digest of a run in the data set; values are read only where its files are not what is expected."""
    run = read_head(out, run_id)
    as_is = _digest({table: table_text(out, run, table) for table in TABLES})
    return as_is if as_is == expected else _digest(make_texts(whole(out, run)))


def _read_conflicts(out: Path) -> set[str]:
    path = out / CONFLICTS_FILE
    if not is_there(path):
        return set()
    with translate_os_errors(path), path.open("rb") as file:
        return set(file.read(_MAX_LIST_BYTES).decode("utf-8", "replace").split())


def _write_conflicts(out: Path, conflicted: set[str]) -> None:
    write_file(out / CONFLICTS_FILE, "".join(f"{run_id}\n" for run_id in sorted(conflicted)).encode())
