"""A person's own table in the MaxMind DB format, as GeoLite, DB-IP, IPinfo and others give it away.

`maxminddb` is loaded when such a file is asked, and reads it where it lies. Its reader in Python is taken, not the one
in C: what a broken file does to that one is an exception at most.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from probe.config.geo.geo_table import NO_COUNTRY, GeoEntry, GeoError
from probe.config.install_advice import advise_extra

if TYPE_CHECKING:
    from maxminddb.reader import Reader

_CC = re.compile(r"[A-Z]{2}")
_ASN = re.compile(r"(?:AS)?(\d{1,10})")
_MAX_ASN, _MAX_NAME = 4_294_967_295, 40
_MAX_RECORD = 1000
"""Values of a record that are looked at."""


class MmdbTables:
    """One file or several: the country is that of the first that knows it, and so is the AS number."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(Path(path).expanduser() for path in paths)

    @property
    def name(self) -> str:
        """The types that the files say they are, in order."""
        return "+".join(dict.fromkeys(_plain(kind) for kind, _ in self._told))

    @property
    def date(self) -> str:
        """Of the oldest file; empty where one does not tell."""
        return min((date for _, date in self._told), default="")

    def find(self, address: str) -> GeoEntry:
        cc, asn = NO_COUNTRY, 0
        version = ipaddress.ip_address(address).version
        for path, reader in self._readers:
            try:
                record = None if version > reader.metadata().ip_version else reader.get(address)
            except Exception:  # whatever a broken file leads the reader to; its text may name the address
                raise _make_damage_error(path) from None
            cc = country_of(record) if cc == NO_COUNTRY else cc
            asn = asn or asn_of(record)
        return GeoEntry(cc=cc, asn=asn)

    @cached_property
    def _told(self) -> tuple[tuple[str, str], ...]:
        """(type, day on which it was made) of each file."""
        return tuple(_metadata(path, reader) for path, reader in self._readers)

    @cached_property
    def _readers(self) -> tuple[tuple[Path, Reader], ...]:
        try:
            import maxminddb
        except ImportError:
            raise GeoError(f"{self._paths[0]}: needs the package maxminddb: {advise_extra('geo')}, or "
                           "take the table that comes with this program: probe setup --geo table") from None
        from maxminddb.reader import Reader

        found = []
        for path in self._paths:
            try:
                found.append((path, Reader(str(path), maxminddb.MODE_MMAP)))
            except OSError as error:
                raise GeoError(f"{path}: cannot be read ({error.strerror}): put it right, or name another one: "
                               "probe setup --geo FILE.mmdb") from error
            except Exception as error:
                raise _make_damage_error(path) from error
        return tuple(found)


def country_of(record: object) -> str:
    """`country.iso_code`, `country_code`, or `country` where that is a code itself; ZZ where there is none."""
    for value in (_at(record, "country", "iso_code"), _at(record, "country_code"), _at(record, "country")):
        if isinstance(value, str) and _CC.fullmatch(value):
            return value
    return NO_COUNTRY


def asn_of(record: object) -> int:
    """`autonomous_system_number`, `asn` or `as_number`, a number or such as AS64500; 0 where there is none."""
    for key in ("autonomous_system_number", "asn", "as_number"):
        value = _at(record, key)
        match = _ASN.fullmatch(value) if isinstance(value, str) else None
        number = int(match[1]) if match else value
        if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= _MAX_ASN:
            return number
    return 0


def _at(record: object, *keys: str) -> object:
    for key in keys:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _metadata(path: Path, reader: Reader) -> tuple[str, str]:
    try:
        metadata = reader.metadata()
        made = datetime.fromtimestamp(int(metadata.build_epoch), UTC)
        return str(metadata.database_type), made.strftime("%Y-%m-%d") if metadata.build_epoch > 0 else ""
    except Exception as error:
        raise _make_damage_error(path) from error


def _plain(kind: str) -> str:
    """A file's type as it is stored: short, and nothing in it that acts."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", kind)[:_MAX_NAME] or "mmdb"


def _make_damage_error(path: Path) -> GeoError:
    return GeoError(f"{path}: is no table in the MaxMind DB format, or damaged: get it again, or take the table that "
                    "comes with this program: probe setup --geo table")
