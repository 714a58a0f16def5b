"""What `probe look` reads: results, files of OONI's, counts, the archive, and a bundle's evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.core.counted_words import choose_word, count_things
from probe.upkeep.commands.progress_bar import show_progress

if TYPE_CHECKING:
    from probe_analysis.events.outage_curves import OutageCurves
    from probe_analysis.findings.finding_values import KnownDefect, LookSource
    from probe_analysis.look.look_values import LookSubject

MAX_PROBLEMS = 20
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchWish:
    """What is to be fetched from the archive."""

    archive: Path
    compare: tuple[str, ...]
    bucket: str | None
    api: str | None
    most_mb: int
    since: datetime


def fetch_archive(subject: LookSubject, wish: FetchWish, now: datetime) -> tuple[tuple[str, ...], list[str]]:
    """Files of the archive, and what went wrong, a line each."""
    from probe.catalogue.load import load_catalogue
    from probe.upkeep.updates.signed_fetch import is_remote
    from probe_analysis.imported.archive.archive_fetch import ArchiveClient, ArchiveLimits
    from probe_analysis.imported.archive.archive_layout import API, BUCKET, TESTS
    from probe_analysis.look.look_subject import list_hosts

    bucket, api = wish.bucket or BUCKET, wish.api or API
    if not (is_remote(bucket) and is_remote(api)):
        raise click.UsageError("--bucket and --api are URLs: https://...")
    with show_progress("Fetching") as progress:
        client = ArchiveClient(wish.archive, limits=ArchiveLimits(bytes=wish.most_mb << 20), bucket=bucket, api=api,
                               progress=progress)
        if test := TESTS.get(subject.service):
            done = client.fetch_tests(test, subject.cc, tests=tuple(TESTS.values()), compare=wish.compare,
                                      since=wish.since, now=now)
        else:
            hosts = list_hosts(load_catalogue(), subject.service)
            client.fetch_hosts(hosts, (subject.cc, *wish.compare), wish.since)
            # Pages of one service alone tell nothing of the line that they failed on: what else was well beside does.
            done = client.fetch_tests("", subject.cc, tests=tuple(TESTS.values()), compare=(), since=wish.since,
                                      now=now)
    stopped = [f"Not all was fetched: {done.stopped}. The same command goes on."] if done.stopped else []
    notes = [f"{count_things(len(done.files), 'file')} of OONI's archive.", *stopped]
    return tuple(done.files), [*notes, *done.problems]


def read_sources(subject: LookSubject, work: Path, results: tuple[Path, ...], ooni: tuple[str, ...],
          counts: tuple[Path, ...], lab: bool, since: datetime | None, now: datetime,
          notes: list[str], curves: OutageCurves) -> Iterator[LookSource]:
    """Each source, judged in a folder of its own below `work`; `notes`: what fetching said; `curves`: of traffic."""
    from probe_analysis.findings.finding_values import LookSource
    from probe_analysis.look.look_analysis import analyse_counts, analyse_results
    from probe_analysis.look.look_sources import read_source

    for number, path in enumerate(results):
        found = analyse_results(path, work / f"own{number}", now=now, lab=lab, curves=curves)
        yield read_source(found, subject, "own", f"our probes ({path.name})", since=since)
    if ooni or notes:
        unread, defects = _import(ooni, work / "ooni-results", subject)
        problems = notes + unread
        label = "OONI's volunteers"
        if any((work / "ooni-results").iterdir()):
            found = analyse_results(work / "ooni-results", work / "ooni", now=now, lab=lab, curves=curves)
            yield read_source(found, subject, "ooni", label, since=since, problems=problems, defects=defects)
        else:
            yield LookSource(kind="ooni", label=label, problems=tuple(problems))
    for number, path in enumerate(counts):
        found = analyse_counts(path, work / f"counts{number}", now=now, curves=curves)
        yield read_source(found, subject, "counts", f"counts of others ({path.name})", since=since)


def _import(files: tuple[str, ...], out: Path, subject: LookSubject) -> tuple[list[str], list[KnownDefect]]:
    """What of the files could not be read, a line each; and defects of the programs that measured the subject."""
    from probe_analysis.findings.finding_values import KnownDefect
    from probe_analysis.imported.import_files import ImportTally, import_files
    from probe_analysis.imported.measurement_lines import describe_fault
    from probe_analysis.look.look_subject import is_about

    tally, problems = ImportTally(), list[str]()

    def report_fault(name: str, line: int, reason: str) -> None:
        if len(problems) < MAX_PROBLEMS:
            problems.append(describe_fault(Path(name).name, line, reason)[:300])

    out.mkdir()
    with show_progress("Judging OONI's measurements") as progress:
        import_files(files, out, tally, report_fault, progress)
    if tally.unread > len(problems):
        problems.append(f"{count_things(tally.unread - len(problems), 'more line')} could not be read.")
    if tally.skipped:
        problems.append(f"{count_things(sum(tally.skipped.values()), 'measurement')} "
                        f"{choose_word(sum(tally.skipped.values()), 'is', 'are')} of tests that are not judged.")
    defects = [KnownDefect(what=what, verdicts=count) for (service, what), count in tally.instrument.most_common()
               if is_about(subject, service, ())]
    return problems, defects


def list_evidence(ooni: tuple[str, ...], counts: tuple[Path, ...]) -> dict[str, Path]:
    """Name within a bundle -> file: what `find_evidence` finds again, in the same order."""
    from probe_analysis.imported.measurement_stream import list_measurement_files

    named = [("ooni", number, Path(name)) for number, name in enumerate(list_measurement_files(ooni))]
    named += [("counts", number, path) for number, path in enumerate(counts)]
    return name_evidence(named)


def name_evidence(named: Iterable[tuple[str, int, Path]]) -> dict[str, Path]:
    """(kind, number, file) of each -> its name within a bundle, which tells no folder."""
    return {f"evidence/{kind}/{number:05d}/f{_UNFIT.sub('_', path.name)[-120:]}": path for kind, number, path in named}


def find_evidence(files: Mapping[str, Path], kind: str) -> tuple[Path, ...]:
    """The files of one kind in an unpacked bundle."""
    return tuple(files[name] for name in sorted(files) if name.startswith(f"evidence/{kind}/"))
