"""Legal lists beside a look of `probe look`: its option, what it reads, and what of a bundle it reads again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probe.catalogue.load import load_catalogue
from probe_analysis.look.beside_plugin import BesidePlugin
from probe_analysis.plugins.registers.register_words import REGISTERS
from probe_analysis.plugins.registers.registers_command import Asked, choose_lists, join_list_of

if TYPE_CHECKING:
    from probe_analysis.look.look_values import LookSubject
    from probe_analysis.plugins.registers.register_join import TargetIndex
    from probe_analysis.plugins.registers.register_mentions import RegisterSays
    from probe_analysis.plugins.registers.registers_part import RegistersPart


class RegistersPlugin:
    """Given: the lists that somebody named, as `probe registers` reads them."""

    name = "registers"
    evidence = "register"

    def add_option(self, command: Callable[..., Any]) -> Callable[..., Any]:
        """The command, with --register."""
        return click.option(
            "--register", self.name, multiple=True, metavar="NAME[:CC]=FILE|URL", callback=choose_lists,
            help="A legal list of the country, as `probe registers` reads it; repeat.")(command)

    def check(self, given: tuple[Asked, ...], cc: str) -> None:
        """Raises UsageError for lists of other countries."""
        for asked in given:
            if asked.cc != cc:
                raise click.UsageError(f"--register {asked.register.name}: the list is of {asked.cc or 'no country'}; "
                                       f"of {cc} would be {asked.register.name}:{cc}=FILE")

    def list_sources(self, given: tuple[Asked, ...]) -> list[str]:
        """Where the lists lie."""
        return [asked.where for asked in given]

    def read(self, given: tuple[Asked, ...], subject: LookSubject, *, lab: bool,
             catalogue: str | None) -> RegistersPart:
        """What the lists say; of one that cannot be read, why."""
        from probe_analysis.plugins.registers.register_join import TargetIndex
        from probe_analysis.plugins.registers.registers_part import RegistersPart

        if not given:
            return RegistersPart(registers=())
        index = TargetIndex(load_catalogue(catalogue).endpoints, {})
        return RegistersPart(registers=tuple(_read_register(asked, index, subject.service) for asked in given))

    def find_given(self, files: Sequence[Path], stored: Mapping[str, Any], cc: str) -> tuple[Asked, ...]:
        """The lists of a bundle. Raises KeyError or ValueError where its answer names no list."""
        lists = zip(stored.get("registers", ()), files, strict=True)
        return tuple(Asked(register=REGISTERS[one["register"]], cc=cc, where=str(path)) for one, path in lists)

    def list_differences(self, stored: Mapping[str, Any], anew: Mapping[str, Any]) -> list[str]:
        """The lists whose entries differ."""
        return [f"{old['title']}: entries differ"
                for old, new in zip(stored.get("registers", ()), anew["registers"], strict=True)
                if (old["entries"], old["mentions"]) != (new["entries"], new["mentions"])]


def _read_register(asked: Asked, index: TargetIndex, service: str) -> RegisterSays:
    from probe_analysis.plugins.registers.register_mentions import summarise_register
    from probe_analysis.plugins.registers.register_rows import ReadList, make_rows

    done = join_list_of(asked, index)
    read = ReadList(register=asked.register.name, register_cc=asked.cc, source=asked.source, list_time=done.time,
                    list_time_from=done.told_by)
    return summarise_register(
        asked.register, make_rows(read, done.joined, index, {}), service, source=asked.source, time=done.time,
        why=done.why.replace(asked.where, asked.source), entries=done.joined.entries if done.joined else 0)


PLUGIN: BesidePlugin = RegistersPlugin()
