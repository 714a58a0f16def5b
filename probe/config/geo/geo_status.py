"""How it stands with the table of countries and networks; what a person names for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from probe.config.geo.geo_table import GeoError, GeoTable
from probe.config.geo.mmdb import MmdbTables
from probe.config.geo.packaged_table import PackedTable
from probe.config.geo.whereabouts import choose_table
from probe.config.settings import GeoSettings, Settings, SettingsError
from probe.core.translation import say

OLD_DAYS = 366
STUN_LEVEL = 2
"""Consent level from which call servers are asked, who say what our address is."""
TABLE, NONE = "table", "none"
MAX_FILES = 4
_TRIED = ("1.1.1.1", "2606:4700:4700::1111")
NEWER = "a newer version of this program has a newer table, or name one of your own: probe setup --geo FILE.mmdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoStatus:
    """For `probe doctor` and `probe status`."""

    text: str
    todo: str = ""
    damaged: bool = False


def check_geo_status(settings: Settings, *, today: date) -> GeoStatus:
    """Looks two addresses of public resolvers up, to see whether the table can be read."""
    table = choose_table(settings.geo)
    if table is None:
        return GeoStatus(text=say("no table is used (geo.lookup): rows say what you state, and nothing else"))
    try:
        name, made = _read(table)
    except GeoError as error:
        return GeoStatus(text=say("{error}. Rows say what you state, and nothing else", error=str(error)), damaged=True,
                         todo=say("put that right, or probe setup --geo table"))
    how = say("a public address of this device, and what call servers say of it"
              if settings.run.consent_level >= STUN_LEVEL else
              "a public address of this device; behind a translator there is none of IPv4 at level 1, so state what "
              "you want to be known")
    called = say("the table that came along") if name == PackedTable.name else name
    summary = say("{name}, made: {made}; looked up: {how}", name=called, made=made or say("nobody knows when"), how=how)
    old = _age(made, today) > OLD_DAYS
    if not old:
        return GeoStatus(text=summary)
    return GeoStatus(text=say("{summary}. It is more than a year old, and networks move", summary=summary),
                     todo=say(NEWER))


def _read(table: GeoTable) -> tuple[str, str]:
    for address in _TRIED:
        table.find(address)
    return table.name, table.date


def _age(made: str, today: date) -> int:
    try:
        return (today - date.fromisoformat(made)).days
    except ValueError:
        return 0


def describe_geo_settings(geo: GeoSettings) -> tuple[str, ...]:
    """How a person would name these settings; what `parse_geo_settings` reads."""
    return (NONE,) if not geo.lookup else geo.files or (TABLE,)


def parse_geo_settings(words: Sequence[str]) -> GeoSettings:
    """Settings from `table`, `none` or files, which are opened. Raises SettingsError that says what is wrong."""
    words = tuple(word.strip() for word in words if word.strip())
    if words in ((TABLE,), (NONE,)):
        return GeoSettings(lookup=words == (TABLE,))
    if not words or TABLE in words or NONE in words or len(words) > MAX_FILES:
        raise SettingsError(f"{' '.join(words)!r}: name `table`, `none`, or up to {MAX_FILES} files (.mmdb)")
    files = tuple(str(Path(word).expanduser().absolute()) for word in words)
    try:
        _read(MmdbTables(files))
    except GeoError as error:
        raise SettingsError(str(error)) from None
    return GeoSettings(files=files)
