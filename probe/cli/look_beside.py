"""What `probe look` reads beside measurements: legal lists, checks of stores, outages; and those of a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probe.catalogue.load import load_catalogue
from probe.cli.look_inputs import find_evidence, name_evidence
from probe.cli.registers import Asked, join_list_of
from probe.operation.updates.list_document import ListError
from probe.operation.updates.signed_fetch import is_remote
from probe.research.registers.register_words import REGISTERS
from probe.results.files.atomic import StoreError

if TYPE_CHECKING:
    from probe.research.look.beside_values import LookBeside, OutageReport, RegisterSays, StoreListing
    from probe.research.look.look_values import LookSource, LookSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideWish:
    """What is to be laid beside."""

    registers: tuple[Asked, ...] = ()
    stores: tuple[Path, ...] = ()
    outages: tuple[str, ...] = ()

    def check(self, cc: str, *, bundle: bool) -> None:
        """Raises UsageError for lists of other countries, and for URLs of which a bundle would hold nothing."""
        for asked in self.registers:
            if asked.cc != cc:
                raise click.UsageError(f"--register {asked.register.name}: the list is of {asked.cc or 'no country'}; "
                                       f"of {cc} would be {asked.register.name}:{cc}=FILE")
        if bundle and any(map(is_remote, (*self.outages, *(asked.where for asked in self.registers)))):
            raise click.UsageError("--bundle holds files: copy the lists and answers, and name the copies")

    def list_evidence(self) -> dict[str, Path]:
        """Name within a bundle -> file."""
        return name_evidence([*(("register", number, Path(asked.where)) for number, asked in enumerate(self.registers)),
                              *(("outages", number, Path(where)) for number, where in enumerate(self.outages))])


def read_beside(subject: LookSubject, wish: BesideWish, sources: Sequence[LookSource], *, lab: bool,
                catalogue: str | None = None) -> LookBeside:
    """All that was asked for; what cannot be read is told and convicts nobody. Raises StoreError for stores' tables."""
    from probe.research.look.beside_values import LookBeside

    problems = list[str]()
    return LookBeside(
        registers=tuple(_read_registers(subject, wish.registers, catalogue)),
        stores=tuple(one for folder in wish.stores for one in _read_stores(folder, subject, lab=lab)),
        stores_asked=bool(wish.stores), outages=tuple(_read_outages(subject, wish.outages, sources, problems)),
        outages_asked=bool(wish.outages), problems=tuple(problems))


def _read_registers(subject: LookSubject, lists: tuple[Asked, ...], catalogue: str | None) -> list[RegisterSays]:
    from probe.research.look.register_mentions import summarise_register
    from probe.research.registers.register_join import TargetIndex
    from probe.research.registers.register_rows import ReadList, make_rows

    if not lists:
        return []
    index = TargetIndex(load_catalogue(catalogue).endpoints, {})
    made = []
    for asked in lists:
        done = join_list_of(asked, index)
        read = ReadList(register=asked.register.name, register_cc=asked.cc, source=asked.source, list_time=done.time,
                        list_time_from=done.told_by)
        made.append(summarise_register(
            asked.register, make_rows(read, done.joined, index, {}), subject.service, source=asked.source,
            time=done.time, why=done.why.replace(asked.where, asked.source),
            entries=done.joined.entries if done.joined else 0))
    return made


def _read_stores(folder: Path, subject: LookSubject, *, lab: bool) -> list[StoreListing]:
    from probe.research.look.store_listings import list_store_listings
    from probe.results.batches.batch_files import read_batches
    from probe.results.batches.store_checks import StoreCheck

    try:
        return list_store_listings(read_batches(folder, StoreCheck), subject.service, subject.cc, lab=lab)
    except ValueError as error:
        raise StoreError(f"{folder}: checks of stores without a proper time: {error}") from error


def _read_outages(subject: LookSubject, files: tuple[str, ...], sources: Sequence[LookSource],
                  problems: list[str]) -> list[OutageReport]:
    from probe.research.look.outage_reports import MAX_BYTES, list_in_country, read_outages
    from probe.research.registers.register_source import read_source

    found = list[Any]()
    for where in files:
        name = where if is_remote(where) else Path(where).name
        try:
            reports, told = read_outages(read_source(where, MAX_BYTES).raw, name)
        except ListError as error:
            reports, told = [], [str(error).replace(where, name)]
        found += reports
        problems += told
    named = frozenset(network.asn for source in sources for finding in source.findings for network in finding.networks)
    return list_in_country(found, subject.cc, named - {0})


def find_wish(files: Mapping[str, Path], stored: Mapping[str, Any], cc: str) -> BesideWish:
    """What of an unpacked bundle is to be laid beside. Raises KeyError or ValueError where its answer names no list."""
    lists = zip(stored["registers"], find_evidence(files, "register"), strict=True)
    return BesideWish(
        registers=tuple(Asked(register=REGISTERS[one["register"]], cc=cc, where=str(path)) for one, path in lists),
        outages=tuple(map(str, find_evidence(files, "outages"))))


def list_beside_differences(stored: Mapping[str, Any], anew: Mapping[str, Any]) -> list[str]:
    """In what the lists and outages of two answers differ; stores were looked up once, and are not asked again."""
    told = [f"{old['title']}: entries differ" for old, new in zip(stored["registers"], anew["registers"], strict=True)
            if (old["entries"], old["mentions"]) != (new["entries"], new["mentions"])]
    return told + ["outages differ"] * (stored["outages"] != anew["outages"])
