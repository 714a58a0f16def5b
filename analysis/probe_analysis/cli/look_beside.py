"""What `probe look` reads beside measurements: outages, and what plug-ins add; and those of a bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probe.upkeep.updates.list_document import ListError
from probe.upkeep.updates.signed_fetch import is_remote
from probe_analysis.cli.look_inputs import find_evidence, name_evidence
from probe_analysis.look.beside_plugin import Given, list_plugins

if TYPE_CHECKING:
    from probe_analysis.events.outage_curves import OutageCurves
    from probe_analysis.findings.finding_values import LookSource
    from probe_analysis.imported.outage_reports import OutageReport
    from probe_analysis.look.beside_values import LookBeside
    from probe_analysis.look.look_values import LookSubject

OWN_EVIDENCE = frozenset({"ooni", "counts", "outages"})
"""Folders of evidence in a bundle that are no plug-in's."""


def add_beside_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with an option of each plug-in."""
    for plugin in reversed(list_plugins()):
        command = plugin.add_option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideWish:
    """What is to be laid beside."""

    given: Mapping[str, Given] = field(default_factory=dict)
    """Name of a plug-in -> what its option was given."""
    outages: tuple[str, ...] = ()
    """Reports of outages, and tables of curves."""

    def get_given(self, name: str) -> Given:
        """What a plug-in was given; empty where nothing was."""
        return self.given.get(name, ())

    def check(self, cc: str, *, bundle: bool) -> None:
        """Raises UsageError for lists of other countries, and for URLs of which a bundle would hold nothing."""
        for plugin in list_plugins():
            plugin.check(self.get_given(plugin.name), cc)
        if bundle and any(is_remote(where) for _, _, where in self._list_sources()):
            raise click.UsageError("--bundle holds files: copy the lists and answers, and name the copies")

    def read_curves(self) -> OutageCurves:
        """The curves of traffic among the files of outages. Raises StoreError for a file that is no such table."""
        from probe_analysis.events.curve_files import read_curves

        return read_curves(Path(where) for where in self.outages if is_curve(where))

    def list_evidence(self) -> dict[str, Path]:
        """Name within a bundle -> file."""
        return name_evidence((kind, number, Path(where)) for kind, number, where in self._list_sources())

    def _list_sources(self) -> list[tuple[str, int, str]]:
        """(folder in a bundle, number, file or URL) of each."""
        lists = [(plugin.evidence, plugin.list_sources(self.get_given(plugin.name))) for plugin in list_plugins()]
        return [(kind, number, where) for kind, sources in (*lists, ("outages", self.outages))
                for number, where in enumerate(sources)]


def read_beside(subject: LookSubject, wish: BesideWish, sources: Sequence[LookSource], *, lab: bool,
                catalogue: str | None = None) -> LookBeside:
    """All that was asked for; what cannot be read is noted and convicts nobody. Raises StoreError for stores' tables.
    """
    from probe_analysis.look.beside_values import LookBeside

    problems = list[str]()
    return LookBeside(
        parts=tuple(plugin.read(wish.get_given(plugin.name), subject, lab=lab, catalogue=catalogue)
                    for plugin in list_plugins()),
        outages=tuple(_read_outages(subject, wish.outages, sources, problems)),
        outages_asked=not all(map(is_curve, wish.outages)), problems=tuple(problems))


def is_curve(where: str) -> bool:
    """Whether it is a file with a table of curves, by its first characters: an answer is JSON. Raises StoreError."""
    from probe_analysis.events.curve_files import is_curve_file

    path = Path(where)
    return not is_remote(where) and path.is_file() and is_curve_file(path)


def _read_outages(subject: LookSubject, files: tuple[str, ...], sources: Sequence[LookSource],
                  problems: list[str]) -> list[OutageReport]:
    from probe_analysis.imported.given_sources import read_source
    from probe_analysis.imported.outage_reports import MAX_BYTES, list_in_country, read_outages

    found = list[Any]()
    for where in files:
        if is_curve(where):
            continue
        name = where if is_remote(where) else Path(where).name
        try:
            reports, unread = read_outages(read_source(where, MAX_BYTES).raw, name)
        except ListError as error:
            reports, unread = [], [str(error).replace(where, name)]
        found += reports
        problems += unread
    named = frozenset(network.asn for source in sources for finding in source.findings for network in finding.networks)
    return list_in_country(found, subject.cc, named - {0})


def find_wish(files: Mapping[str, Path], stored: Mapping[str, Any], cc: str) -> BesideWish:
    """What of an unpacked bundle is to be laid beside. Raises KeyError or ValueError where its answer names no list,
    and ValueError where a plug-in is missing that would read its evidence."""
    plugins = list_plugins()
    read = OWN_EVIDENCE | {plugin.evidence for plugin in plugins}
    if unread := {name.split("/")[1] for name in files if name.startswith("evidence/")} - read:
        raise ValueError(f"holds evidence that no installed plug-in reads: {', '.join(sorted(unread))}")
    return BesideWish(
        given={plugin.name: plugin.find_given(find_evidence(files, plugin.evidence), stored, cc) for plugin in plugins},
        outages=tuple(map(str, find_evidence(files, "outages"))))


def list_beside_differences(stored: Mapping[str, Any], anew: Mapping[str, Any]) -> list[str]:
    """In what the plug-ins' parts and the outages of two answers differ."""
    differences = [line for plugin in list_plugins() for line in plugin.list_differences(stored, anew)]
    return differences + ["outages differ"] * (stored["outages"] != anew["outages"])
