"""`probe look`: one service in one country, from every source at hand, as one page."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.config.install_advice import advise_extra
from probe.operation.commands.progress_bar import show_progress
from probe.results.files.atomic import StoreError, write_file
from probe.results.files.text_cells import visible

if TYPE_CHECKING:
    from probe.research.look.look_values import LookData, LookSource, LookSubject

_NEEDED = ("ibis", "duckdb", "pandas", "pyarrow")
MAX_PROBLEMS = 20


@click.command()
@click.argument("service", metavar="SERVICE")
@click.argument("country", metavar="COUNTRY")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Tell nothing that was over before this day (UTC).")
@click.option("--results", "results", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Results of our probes: a folder, or one that `probe collect` made; repeat.")
@click.option("--ooni", "ooni", multiple=True, type=click.Path(exists=True),
              help="Files of OONI's measurements, or folders of them, also other tests and countries; repeat.")
@click.option("--fetch", is_flag=True, help="Fetch what OONI's public archive holds of it; its servers see your "
                                            "address and what you ask for.")
@click.option("--archive", type=click.Path(file_okay=False, path_type=Path), default=Path("ooni-archive"),
              show_default=True, help="Folder for what is fetched; what is in it is not fetched again.")
@click.option("--compare", multiple=True, metavar="COUNTRY", default=("DE", "US"), show_default=True,
              help="With --fetch: countries to compare with; repeat.")
@click.option("--bucket", default=None, metavar="URL", help="With --fetch: a mirror of OONI's bucket.")
@click.option("--api", default=None, metavar="URL", help="With --fetch: another server with OONI's API.")
@click.option("--most-mb", type=click.IntRange(min=1), default=512, show_default=True,
              help="With --fetch: so many MB at most.")
@click.option("--counts", "counts", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A file that somebody counted, see `probe analyse --help`; repeat.")
@click.option("--operators", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="CSV file with lines `asn,name`: what the operators of networks are called.")
@click.option("--lab", is_flag=True, help="Count the laboratory's rows, and no others.")
@click.option("-o", "--output", "--out", "out", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the page (HTML) to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print what is known and said as JSON.")
def look(service: str, country: str, since: datetime | None, results: tuple[Path, ...], ooni: tuple[str, ...],
         fetch: bool, archive: Path, compare: tuple[str, ...], bucket: str | None, api: str | None, most_mb: int,
         counts: tuple[Path, ...], operators: Path | None, lab: bool, out: Path | None, as_json: bool) -> None:
    """Say what is known of SERVICE in COUNTRY (two letters): what fails, where, since when, how, and how sure that is.

    Every source is judged by today's rules and by itself, so that nothing counts twice. The more of other countries and
    other services a source holds, the more can be excluded. Each sentence links to the rows that it rests on. A network
    is named from two probes on, of our own results from five on; whose act it is, is never said.

    Nothing is fetched without --fetch: then measurements of --since, or of the last three days, by OONI's own tests of
    messengers, and of other services by the domains of their pages. A second call goes on where the first was stopped.

    \b
    Examples:
      probe look whatsapp RU --fetch -o whatsapp-ru.html
      probe look whatsapp RU --ooni raw/ -o whatsapp-ru.html
      probe look wechat RU --results collected --counts counts.csv --since 2026-11-01
      probe look signal IR --ooni raw/20261127 --json | jq -r '.sentences[].text'
    """
    if not (results or ooni or counts or fetch):
        raise click.UsageError("name a source at least: --results DIR, --ooni FILE, --counts FILE or --fetch")
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise click.ClickException("looking needs the extra `research`: " + advise_extra("research"))
    from probe.research.look.look_json import look_to_json
    from probe.research.look.look_page import make_look_page
    from probe.research.look.look_values import LookData
    from probe.research.look.operator_names import read_operators

    now, subject = datetime.now(UTC).replace(microsecond=0), _choose_subject(service, country)
    begin = since.replace(tzinfo=UTC) if since else None
    try:
        names, told = read_operators(operators) if operators else {}, list[str]()
        if fetch:
            wanted = FetchWish(archive=archive, compare=tuple(map(_read_country, compare)), bucket=bucket, api=api,
                               most_mb=most_mb, since=begin or now - timedelta(days=3))
            files, told = _fetch(subject, wanted, now)
            ooni = (*ooni, *files)
        with tempfile.TemporaryDirectory(prefix="probe-look-") as work:
            sources = tuple(_read(subject, Path(work), results, ooni, counts, lab, begin, now, told))
        data = LookData(subject=subject, sources=sources, operators=names, now=now, since=begin)
        if out:
            write_file(out, make_look_page(data).encode())
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    if as_json:
        click.echo(json.dumps({**look_to_json(data), "page": str(out) if out else None}))
    else:
        for line in _list_lines(data):
            click.echo(visible(line))
        if out:
            click.echo(f"Page: {out}")


def _choose_subject(service: str, country: str) -> LookSubject:
    from probe.catalogue.load import load_catalogue
    from probe.research.look.look_subject import make_subject

    try:
        return make_subject(load_catalogue(), service.lower(), _read_country(country))
    except KeyError:
        raise click.UsageError(f"no such service: {visible(service[:60])}; see `probe targets services`") from None


def _read_country(country: str) -> str:
    if not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise click.BadParameter(f"{visible(country[:20])!r} is no country's code of two letters")
    return country.upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchWish:
    """What is to be fetched from the archive."""

    archive: Path
    compare: tuple[str, ...]
    bucket: str | None
    api: str | None
    most_mb: int
    since: datetime


def _fetch(subject: LookSubject, wish: FetchWish, now: datetime) -> tuple[tuple[str, ...], list[str]]:
    """Files of the archive, and what went wrong, a line each."""
    from probe.catalogue.load import load_catalogue
    from probe.interop.archive.archive_fetch import ArchiveClient, ArchiveLimits
    from probe.interop.archive.archive_layout import API, BUCKET, TESTS
    from probe.operation.updates.signed_fetch import is_remote
    from probe.research.look.look_subject import list_hosts

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
            done = client.fetch_hosts(hosts, (subject.cc, *wish.compare), wish.since)
    stopped = [f"Not all was fetched: {done.stopped}. The same command goes on."] if done.stopped else []
    told = [f"{len(done.files)} files of OONI's archive, {done.known} of them were there before.", *stopped]
    return tuple(done.files), [*told, *done.problems]


def _read(subject: LookSubject, work: Path, results: tuple[Path, ...], ooni: tuple[str, ...],
          counts: tuple[Path, ...], lab: bool, since: datetime | None, now: datetime,
          told: list[str]) -> Iterator[LookSource]:
    from probe.research.look.look_analysis import analyse_counts, analyse_results
    from probe.research.look.look_sources import make_empty_source, read_source

    for number, path in enumerate(results):
        found = analyse_results(path, work / f"own{number}", now=now, lab=lab)
        yield read_source(found, subject, "own", f"our probes ({path.name})", since=since)
    if ooni or told:
        problems = told + _import(ooni, work / "ooni-results")
        label = "OONI's volunteers"
        if any((work / "ooni-results").iterdir()):
            found = analyse_results(work / "ooni-results", work / "ooni", now=now, lab=lab)
            yield read_source(found, subject, "ooni", label, since=since, problems=problems)
        else:
            yield make_empty_source("ooni", label, problems)
    for number, path in enumerate(counts):
        found = analyse_counts(path, work / f"counts{number}", now=now)
        yield read_source(found, subject, "counts", f"counts of others ({path.name})", since=since)


def _import(files: tuple[str, ...], out: Path) -> list[str]:
    """What of the files could not be read, a line each."""
    from probe.interop.import_files import ImportTally, import_files

    tally, problems = ImportTally(), list[str]()

    def amiss(name: str, line: int, reason: str) -> None:
        tally.unread += 1
        if len(problems) < MAX_PROBLEMS:
            problems.append(f"{Path(name).name}:{line}: {reason}"[:300])

    out.mkdir()
    with show_progress("Judging OONI's measurements") as progress:
        import_files(files, out, tally, amiss, progress)
    if tally.unread > len(problems):
        problems.append(f"{tally.unread - len(problems)} more lines could not be read.")
    if tally.skipped:
        problems.append(f"{sum(tally.skipped.values())} measurements are of tests that are not judged.")
    return problems


def _list_lines(data: LookData) -> Iterator[str]:
    from probe.research.look.look_json import cite
    from probe.research.look.look_sentences import make_claims, make_sentences
    from probe.research.look.look_words import TOPICS, WHO

    sentences = make_sentences(data)
    for topic, heading in TOPICS.items():
        if texts := [one.text for one in sentences if one.topic == topic]:
            yield heading
            yield from (f"  {text}" for text in texts)
    for claim in make_claims(data):
        yield "To be printed"
        yield f"  {claim.text} {claim.certainty} {claim.limits}"
    yield WHO
    yield cite(data)
