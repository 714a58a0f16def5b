"""`probe registers`: targets beside legal block lists, and beside what was measured."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.catalogue.load import load_catalogue
from probe.catalogue.types import CatalogueError
from probe.core.counted_words import choose_word, count_things
from probe.core.country_codes import explain_no_country
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, write_files
from probe.upkeep.commands.exit_codes import EXIT_FAILED
from probe.upkeep.commands.progress_bar import show_progress
from probe.upkeep.updates.list_document import ListError
from probe_analysis.plugins.registers.register_words import (
    FORMS,
    LISTED,
    MATCHES,
    NOT_LISTED,
    REGISTERS,
    UNAVAILABLE,
    Register,
)

if TYPE_CHECKING:
    from probe_analysis.imported.given_sources import ListSource
    from probe_analysis.plugins.registers.register_join import JoinedList, TargetIndex
    from probe_analysis.plugins.registers.register_rows import MeasuredTarget, RegisterRow
    from probe_analysis.plugins.registers.register_types import Item

NOT_NOT_BLOCKED = ("Not listed does not mean not blocked: since 2019 most blocks of messengers in Russia, and many "
                   "elsewhere, were never entered in any list.")
SHOWN_REFUSED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One list that somebody names: `NAME[:CC]=FILE|URL`."""

    register: Register
    cc: str
    where: str

    @property
    def source(self) -> str:
        """URL, or the file's name without its folder."""
        return self.where if "://" in self.where else Path(self.where).name


def choose_lists(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Asked, ...]:
    """The lists that the arguments name."""
    made = []
    for value in values:
        name, equals, where = value.partition("=")
        name, _, cc = name.partition(":")
        if not equals or not where or name not in REGISTERS:
            raise click.BadParameter(f"{visible(value[:80])!r}: want NAME=FILE or NAME=https://..., with NAME one of "
                                     f"{', '.join(REGISTERS)}")
        if cc and (why := explain_no_country(cc, made_up=True)):
            raise click.BadParameter(why)
        made.append(Asked(register=REGISTERS[name], cc=(cc or REGISTERS[name].cc).upper(), where=where))
    return tuple(made)


@click.command()
@click.argument("lists", nargs=-1, metavar="NAME[:CC]=FILE|URL...", callback=choose_lists)
@click.option("--known", is_flag=True, help="Say which lists and forms are known, and end.")
@click.option("--results", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Results of runs: also print when a run in the list's country first found a target blocked.")
@click.option("--lab/--no-lab", default=None, help="Runs made in the laboratory, or all others; never both.")
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only targets of this service; repeat.")
@click.option("--catalogue", type=click.Path(dir_okay=False), help="A targets.csv, or a list of URLs.")
@click.option("-o", "--output", "--csv", "out", type=click.Path(dir_okay=False, path_type=Path),
              help="Write a row for every target and list as CSV, also for targets that are not listed.")
@click.option("--json", "as_json", is_flag=True, help="Print every target and list as JSON.")
def registers(lists: tuple[Asked, ...], known: bool, results: Path | None, lab: bool | None, services: tuple[str, ...],
              catalogue: str | None, out: Path | None, as_json: bool) -> None:
    """Compare the targets with legal block lists, which you fetched or whose URL you give.

    A block list may name a target by its URL, its host name or a parent of this name. It may also name an IP address at
    which runs found the target. If other services have this address too, the list perhaps means one of them; the
    command then says so.

    With --results, `probe registers` also prints when a run in the block list's country first found the target blocked.

    A target that is on no list may still be blocked.

    The program contains no block list. The command downloads only the lists whose https URL you give, and stores none.
    The URL's server sees your address and what you ask for, so fetch lists at a place where that does no harm.

    \b
    Examples:
      probe registers --known
      probe registers zi=dump.csv.gz --results results
      probe registers ua=all.json cuii=https://api.cuiiliste.de/blocked_domains --csv listed.csv
      probe registers table:IN=orders-by-press.csv --service threema --json
    """
    if known:
        _tell_known()
        return
    if not lists:
        raise click.UsageError("name at least one list, e.g. zi=dump.csv; see: probe registers --known")
    try:
        joins = _compare(lists, results, lab, services, catalogue)
        rows = [row for done in joins for row in done.rows]
        if out:
            _write_csv(out, rows)
    except (CatalogueError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from error
    _tell_problems(joins)
    if as_json:
        click.echo(json.dumps({"note": NOT_NOT_BLOCKED, "lists": [_as_json(done) for done in joins],
                               "rows": [asdict(row) for row in rows]}))
    else:
        for line in _lines(joins, with_results=results is not None):
            click.echo(line)
        if out:
            click.echo(f"{out}: {count_things(len(rows), 'row')}.")
    if any(done.joined is None for done in joins):
        sys.exit(EXIT_FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One list and what came of it."""

    asked: Asked
    joined: JoinedList | None
    time: str = ""
    told_by: str = ""
    why: str = ""
    """Why it could not be read."""
    rows: tuple[RegisterRow, ...] = ()


def _compare(lists: Sequence[Asked], results: Path | None, lab: bool | None, services: tuple[str, ...],
             catalogue: str | None) -> list[Done]:
    from probe_analysis.plugins.registers.register_join import TargetIndex
    from probe_analysis.plugins.registers.register_rows import ReadList, make_rows

    known = load_catalogue(catalogue)
    if unknown := set(services) - {endpoint.service for endpoint in known.endpoints}:
        raise click.UsageError(f"no such service: {visible(', '.join(sorted(unknown)))}; see `probe targets services`")
    said, seen = _read_measured(results, lab)
    index = TargetIndex(known.endpoints, seen)
    found = []
    for done in (join_list_of(asked, index) for asked in lists):
        rows = make_rows(ReadList(register=done.asked.register.name, register_cc=done.asked.cc,
                                  source=done.asked.source, list_time=done.time, list_time_from=done.told_by),
                         done.joined, index, said.get(done.asked.cc, {}))
        found.append(replace(done, rows=tuple(row for row in rows if not services or row.service in services)))
    return found


def _read_measured(results: Path | None, lab: bool | None) -> tuple[
        Mapping[str, Mapping[str, MeasuredTarget]], Mapping[str, frozenset[str]]]:
    if results is None:
        return {}, {}
    from probe_analysis.plugins.registers.measured_targets import list_proven_addresses, read_measured, read_runs

    runs = read_runs(results, lab=lab)
    with show_progress("Reading verdicts") as progress:
        said = read_measured(results, runs, progress)
    with show_progress("Reading addresses") as progress:
        return said, list_proven_addresses(results, runs, progress)


def join_list_of(asked: Asked, index: TargetIndex) -> Done:
    """Read one list and match it with the targets; its rows are still to be made."""
    from probe_analysis.imported.given_sources import read_source
    from probe_analysis.plugins.registers.register_join import join_list
    from probe_analysis.plugins.registers.register_parse import MAX_BYTES, read_items

    try:
        source = read_source(asked.where, MAX_BYTES)
    except ListError as error:
        return Done(asked=asked, joined=None, why=str(error))
    joined = join_list(_show_progress(read_items(source.raw, asked.register.form), source, asked), index)
    if not joined.entries:
        why = joined.first_refused[0].reason if joined.first_refused else "is empty"
        return Done(asked=asked, joined=None, why=f"{asked.where}: no entry could be read; it {why}. Is it of the form "
                                                  f"{asked.register.form!r}? See: probe registers --known")
    return Done(asked=asked, joined=joined, time=joined.updated or source.time,
                told_by="list" if joined.updated else source.told_by)


def _show_progress(items: Iterator[Item], source: ListSource, asked: Asked) -> Iterator[Item]:
    """The items, with a bar for a person who waits; how many there will be is not known before."""
    total = max(1, source.raw.count(b"\n"))
    with show_progress(f"Reading {asked.register.name}", wanted=len(source.raw) > 1 << 20) as progress:
        for number, item in enumerate(items):
            if not number % 10_000:
                progress(min(number, total), total)
            yield item


def _tell_known() -> None:
    for register in REGISTERS.values():
        click.echo(f"  {register.name:<13} {register.cc or '--':<3} {register.form:<7} {register.title}")
    click.echo("Forms:")
    for form, text in FORMS.items():
        click.echo(f"  {form:<13} {text}")
    click.echo("Matches, the strongest first:")
    for kind, text in MATCHES.items():
        click.echo(f"  {kind:<13} {text}")


def _tell_problems(joins: Sequence[Done]) -> None:
    for done in joins:
        if done.joined is None:
            click.echo(f"{done.asked.register.name}: {visible(done.why)}\nIts targets are reported as {UNAVAILABLE}.",
                       err=True)
            continue
        for refused in done.joined.first_refused[:SHOWN_REFUSED]:
            click.echo(f"{visible(done.asked.where)}:{refused.place}: {visible(refused.reason)}", err=True)
        if (more := done.joined.refused - SHOWN_REFUSED) > 0:
            click.echo(f"{visible(done.asked.where)}: {more} more that could not be read; the rest is used.", err=True)


def _as_json(done: Done) -> dict[str, object]:
    joined = done.joined
    return {"register": done.asked.register.name, "cc": done.asked.cc, "from": done.asked.where,
            "standing": UNAVAILABLE if joined is None else "read", "time": done.time, "time_from": done.told_by,
            "why": done.why, "entries": joined.entries if joined else 0, "refused": joined.refused if joined else 0,
            "first_refused": [asdict(refused) for refused in joined.first_refused] if joined else []}


def _lines(joins: Sequence[Done], *, with_results: bool) -> Iterator[str]:
    from probe_analysis.plugins.registers.register_rows import list_blocked_unlisted

    for done in joins:
        if done.joined is None:
            continue
        yield (f"{done.asked.register.title}: {count_things(done.joined.entries, 'entry', 'entries')} as of "
               f"{done.time} (so says the "
               f"{'fetch' if done.told_by == 'fetched' else done.told_by})")
        for row in done.rows:
            if row.standing == LISTED:
                yield from _list_row(row, with_results=with_results)
        count = Counter(row.standing for row in done.rows)[NOT_LISTED]
        yield f"  {count_things(count, 'target')} {choose_word(count, 'is', 'are')} not listed."
    if found := list_blocked_unlisted([row for done in joins for row in done.rows]):
        yield "Found blocked, and in none of these lists of that country, as far as they could be read:"
        for row in found:
            yield (f"  {row.target_id:<34} first {row.first_blocked_time}  {row.block_type}  ({row.register_cc}, "
                   f"{count_things(row.n_blocked, 'run')})")
    yield NOT_NOT_BLOCKED


def _list_row(row: RegisterRow, *, with_results: bool) -> Iterator[str]:
    more = f", {count_things(row.entries, 'entry', 'entries')}" if row.entries > 1 else ""
    until = f" until {visible(row.entry_until)}" if row.entry_until else ""
    yield (f"  {row.target_id:<34} {row.match:<9} {visible(row.listed)}  entry of {row.entry_date or 'no date'}{until} "
           f"(line {row.entry_line}{more})  {visible(row.authority)} {visible(row.decision)}".rstrip())
    if row.shared:
        yield f"      may be about somebody else: {row.shared}"
    if with_results:
        yield "      " + {
            "blocked": f"first blocked row {row.first_blocked_time} {row.block_type}{_apart(row)}",
            "reachable": f"measured and never blocked ({count_things(row.n_ok, 'run')} ok, the last {row.last_time})",
            "undecided": "measured, and never decided",
        }.get(row.measured, f"not measured in {row.register_cc or 'any named country'}")


def _apart(row: RegisterRow) -> str:
    """How far the first blocked row lies from the entry, in days."""
    from datetime import date

    with suppress(ValueError):
        days = (date.fromisoformat(row.first_blocked_time[:10]) - date.fromisoformat(row.entry_date)).days
        if not days:
            return ", the day of the entry"
        return f", {count_things(abs(days), 'day')} {'after' if days > 0 else 'before'} the entry"
    return ""


def _write_csv(path: Path, rows: Sequence[RegisterRow]) -> None:
    from probe.store.files.csv_files import write_csv
    from probe.store.schema import Table, columns_of
    from probe_analysis.plugins.registers.register_rows import WORDS, RegisterRow

    table = Table(name="registers", title="Targets beside legal block lists", row=RegisterRow,
                  columns=columns_of(RegisterRow, WORDS), key=())
    write_files([(path, lambda file: write_csv(file, table, (asdict(row) for row in rows)))])
