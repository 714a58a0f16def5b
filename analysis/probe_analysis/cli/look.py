"""`probe look`: one service in one country, from every source at hand, as one page."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.catalogue.types import CatalogueError
from probe.core.counted_words import count_things
from probe.core.country_codes import explain_no_country
from probe.core.stamps import parse_time
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, write_file
from probe.upkeep.commands.exit_codes import EXIT_FAILED
from probe.upkeep.commands.output_option import output_option
from probe_analysis.cli.look_beside import (
    BesideWish,
    add_beside_options,
    find_wish,
    list_beside_differences,
    read_beside,
)
from probe_analysis.cli.look_inputs import FetchWish, fetch_archive, find_evidence, list_evidence, read_sources
from probe_analysis.commands.operators_option import operators_option, read_operators

if TYPE_CHECKING:
    from probe_analysis.look.beside_plugin import Given
    from probe_analysis.look.look_values import LookData, LookSubject


@click.command()
@click.argument("service", metavar="SERVICE", default="")
@click.argument("country", metavar="COUNTRY", default="")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Leave out what ended before this day (UTC).")
@click.option("--results", "results", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Results of our probes: a folder, or one that `probe collect` made; repeat.")
@click.option("--ooni", "ooni", multiple=True, type=click.Path(exists=True),
              help="Files of OONI's measurements, or folders of them, also other tests and countries; repeat.")
@click.option("--fetch", is_flag=True, help="Download what OONI's public archive has about the service; its servers "
                                            "see your address and what you ask for.")
@click.option("--archive", type=click.Path(file_okay=False, path_type=Path), default=Path("ooni-archive"),
              show_default=True, help="Folder for downloads; files in it are not downloaded again.")
@click.option("--compare", multiple=True, metavar="COUNTRY", default=("DE", "US"), show_default=True,
              help="With --fetch: countries to compare with; repeat.")
@click.option("--bucket", default=None, metavar="URL", help="With --fetch: a mirror of OONI's bucket.")
@click.option("--api", default=None, metavar="URL", help="With --fetch: another server with OONI's API.")
@click.option("--most-mb", type=click.IntRange(min=1), default=512, show_default=True,
              help="With --fetch: download so many MB at most.")
@click.option("--counts", "counts", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A table of failures that another project counted, see `probe analyse --help`; repeat.")
@add_beside_options
@click.option("--outages", "outages", multiple=True, metavar="FILE|URL",
              help="An answer of IODA (outages/events) or of Cloudflare Radar (annotations/outages), as JSON; or "
                   "a CSV file (time, network, value) of traffic, see `probe analyse --help`; repeat.")
@operators_option()
@click.option("--lab", is_flag=True, help="Count the laboratory's rows, and no others.")
@output_option("file", "Write the page (HTML) to this file.")
@click.option("--bundle", type=click.Path(dir_okay=False, path_type=Path),
              help="Write everything that the answer rests on to this zip file.")
@click.option("--verify", "verified", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Judge such a zip file anew, offline, and say whether the findings are the same.")
@click.option("--corrections", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="With --verify: the file corrections.jsonl of an analysis; say what was corrected since.")
@click.option("--json", "as_json", is_flag=True, help="Print what is known and said as JSON.")
def look(service: str, country: str, since: datetime | None, results: tuple[Path, ...], ooni: tuple[str, ...],
         fetch: bool, archive: Path, compare: tuple[str, ...], bucket: str | None, api: str | None, most_mb: int,
         counts: tuple[Path, ...], outages: tuple[str, ...], operators: Path | None, lab: bool, out: Path | None,
         bundle: Path | None, verified: Path | None, corrections: Path | None, as_json: bool, **beside: Given) -> None:
    """Say what is known of SERVICE in COUNTRY (two letters): what fails, where, since when, how, and how sure that is.

    `probe look` judges each source separately: volunteers' results (--results), OONI's data, and other projects' tables
    of failures (--counts). So a measurement in two sources does not count twice.

    `probe look` judges old measurements, too, by the rules of the installed version.

    Give the command data of other countries and services too. From other countries it learns whether the service failed
    everywhere. From other services it learns whether the volunteers' own lines failed.

    `probe look` writes a page, in which each sentence links to the rows that support it. The page never says who
    ordered a block.

    To protect volunteers, the page names a network from their results (--results) only if at least five probes measured
    there. If the data are OONI's or another project's (--counts), two probes are enough.

    You can also give `probe look` official block lists, checks of app stores, and reports of outages. The page that it
    writes shows them beside the results. A service on a block list need not be blocked. If an outage may explain a
    failure, do not publish the failure as a block.

    Without --fetch the command downloads only files whose URL you give. With --fetch it also downloads OONI's
    measurements since --since, or of the last three days. If a download is interrupted, the next call continues it.

    For some messengers OONI has a test, such as `whatsapp`. For these, --fetch downloads the results of this test. For
    other services it downloads OONI's measurements of the services' web pages.

    \b
    Examples:
      probe look whatsapp RU --fetch -o whatsapp-ru.html
      probe look whatsapp RU --ooni raw/ -o whatsapp-ru.html
      probe look wechat RU --results collected --counts counts.csv --since 2026-11-01
      probe look whatsapp RU --ooni raw/ --register zi=dump.csv.gz --outages ioda-ru.json --stores results
      probe look whatsapp RU --ooni raw/ --bundle whatsapp-ru.zip
      probe look --verify whatsapp-ru.zip
      probe look signal IR --ooni raw/20261127 --json | jq -r '.sentences[].text'
    """
    if verified:
        if service or bundle or fetch:
            raise click.UsageError("--verify FILE.zip stands alone: the file says what was looked at")
        _verify(verified, corrections, as_json=as_json)
        return
    if corrections:
        raise click.UsageError("--corrections belongs to --verify FILE.zip")
    _check_words(country, sources=any((results, ooni, counts, fetch)))
    from probe_analysis.look.look_json import look_to_json
    from probe_analysis.look.look_page import make_look_page
    from probe_analysis.look.look_values import LookData

    now, subject = datetime.now(UTC).replace(microsecond=0), _choose_subject(service, country)
    begin, wish = since.replace(tzinfo=UTC) if since else None, BesideWish(given=beside, outages=outages)
    wish.check(subject.cc, bundle=bundle is not None)
    try:
        names, notes = read_operators(operators), list[str]()
        if fetch:
            wanted = FetchWish(archive=archive, compare=tuple(map(_read_country, compare)), bucket=bucket, api=api,
                               most_mb=most_mb, since=begin or now - timedelta(days=3))
            files, notes = fetch_archive(subject, wanted, now)
            ooni = (*ooni, *files)
        with tempfile.TemporaryDirectory(prefix="probe-look-") as work:
            sources = tuple(read_sources(subject, Path(work), results, ooni, counts, lab, begin, now, notes,
                                         wish.read_curves()))
        data = LookData(subject=subject, sources=sources, operators=names, now=now, since=begin, lab=lab,
                        beside=read_beside(subject, wish, sources, lab=lab))
        if out:
            write_file(out, make_look_page(data).encode())
        packed = _pack(data, bundle, {**list_evidence(ooni, counts), **wish.list_evidence()}) if bundle else ""
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    written = {"page": str(out) if out else None,
               "bundle": {"file": str(bundle), "sha256": packed} if bundle else None}
    if as_json:
        click.echo(json.dumps({**look_to_json(data), **written}))
    else:
        for line in (*_list_lines(data), *[f"Page: {out}"][:bool(out)],
                     *[f"Bundle: {bundle}, SHA-256 {packed}"][:bool(bundle)]):
            click.echo(visible(line))


def _check_words(country: str, *, sources: bool) -> None:
    if not country:
        raise click.UsageError("name a service and a country: probe look whatsapp RU")
    if not sources:
        raise click.UsageError("name a source at least: --results DIR, --ooni FILE, --counts FILE or --fetch")


def _pack(data: LookData, bundle: Path, evidence: dict[str, Path]) -> str:
    from probe.catalogue.load import find_catalogue_file
    from probe_analysis.look.bundle_contents import make_contents
    from probe_analysis.publication.bundle_zip import pack_bundle

    return pack_bundle(bundle, make_contents(data, Path(str(find_catalogue_file(None))), evidence))


def _verify(bundle: Path, corrections: Path | None, *, as_json: bool) -> None:
    """Says whether the evidence of a bundle, judged now, gives its findings; exit status 1 where not."""
    from probe_analysis.events.corrections import KINDS, list_concerning, read_corrections
    from probe_analysis.look.bundle_contents import ANSWER, check_manifest, list_differences
    from probe_analysis.look.lab_words import describe_lab
    from probe_analysis.look.look_json import look_to_json
    from probe_analysis.look.look_values import LookData
    from probe_analysis.publication.bundle_zip import hash_file, unpack_bundle

    try:
        with tempfile.TemporaryDirectory(prefix="probe-look-") as folder:
            files = unpack_bundle(bundle, Path(folder))
            manifest = check_manifest(files)
            stored = json.loads(files[ANSWER].read_bytes())
            subject = _choose_subject(str(manifest["service"]), str(manifest["cc"]),
                                      str(files["targets.csv"]))
            made, since, lab = parse_time(manifest["made"]), manifest["since"], bool(manifest.get("lab"))
            wish = find_wish(files, stored["beside"], subject.cc)
            sources = tuple(read_sources(
                subject, Path(folder), (), tuple(map(str, find_evidence(files, "ooni"))),
                find_evidence(files, "counts"), lab, parse_time(since) if since else None, made, [],
                wish.read_curves()))
            beside = read_beside(subject, wish, sources, lab=lab,
                                 catalogue=str(files["targets.csv"]))
        data = LookData(subject=subject, sources=sources, operators={}, now=made, beside=beside, lab=lab)
        anew = look_to_json(data)
        differences = [*list_differences(stored["sources"], anew["sources"]),
                       *list_beside_differences(stored["beside"], anew["beside"])]
        corrected = [one for one in list_concerning(
            read_corrections(corrections) if corrections else (), service=subject.service, place=subject.cc, lab=lab,
            begin=parse_time(since) if since else datetime.fromtimestamp(0, UTC), end=made,
        ) if parse_time(one.logged_at) > made]
    except (StoreError, CatalogueError, ValueError, KeyError, TypeError) as error:
        raise click.ClickException(visible(f"{bundle}: {error}")) from error
    own = sum(one["kind"] == "own" for one in stored["sources"])
    result = {"lab": lab, "same": not differences, "differences": differences, "rules_then": manifest["rules"],
              "rules_now": anew["rules"], "not_judged_anew": own, "sha256": hash_file(bundle),
              "corrected_since": [{"kind": one.kind, "by": one.by, "text": one.text, "link": one.link,
                                   "logged_at": one.logged_at} for one in corrected]}
    if as_json:
        click.echo(json.dumps(result))
    else:
        if lab:
            click.echo(" ".join(describe_lab(data)))
        click.echo("Same verdict." if not differences else "Another verdict:")
        for line in differences:
            click.echo(visible(f"  {line}"))
        if own:
            click.echo(f"Not judged anew: {count_things(own, 'source')} of our own volunteers, whose rows are not in "
                       f"the bundle.")
        for one in corrected:
            click.echo(visible(f"Since then, {one.logged_at}: {KINDS[one.kind]}. {one.by}: {one.text} {one.link}"))
        if manifest["rules"] != anew["rules"]:
            click.echo(visible(f"Judged then by rules {manifest['rules']}, now by {anew['rules']}."))
    if differences:
        sys.exit(EXIT_FAILED)


def _choose_subject(service: str, country: str, catalogue: str | None = None) -> LookSubject:
    from probe.catalogue.load import load_catalogue
    from probe_analysis.look.look_subject import make_subject

    try:
        return make_subject(load_catalogue(catalogue), service.lower(), _read_country(country))
    except KeyError:
        raise click.UsageError(f"no such service: {visible(service[:60])}; see `probe targets services`") from None


def _read_country(country: str) -> str:
    if why := explain_no_country(country, made_up=True):  # made-up fleets have networks in such countries
        raise click.UsageError(why)
    return country.strip().upper()


def _list_lines(data: LookData) -> Iterator[str]:
    from probe_analysis.look.lab_words import describe_lab, describe_other_side
    from probe_analysis.look.look_json import cite
    from probe_analysis.look.look_sentences import make_claims, make_sentences
    from probe_analysis.look.look_words import TOPICS, WHO

    if data.lab:
        yield " ".join(describe_lab(data))
    sentences = make_sentences(data)
    for topic, heading in TOPICS.items():
        if texts := [one.text for one in sentences if one.topic == topic]:
            yield heading
            yield from (f"  {text}" for text in texts)
    for claim in make_claims(data):
        yield "To be printed"
        yield f"  {claim.text} {claim.certainty} {claim.limits}"
    yield from (f"{source.label}: {describe_other_side(source)}" for source in data.sources
                if source.measured and source.other_side)  # where nothing else is there, a sentence says it
    yield WHO
    yield cite(data)
