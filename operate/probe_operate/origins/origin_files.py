"""Looks up where uploads came from, and keeps that in a file for each day; older files go."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from probe.config.geo.geo_table import GeoTable, is_public
from probe.core.addresses import parse_address
from probe.core.json_decoders import decode_json
from probe.store.files.atomic import append_lines, make_folder, replace_file, translate_os_errors
from probe_operate.collect.upload_origins import (
    COLUMNS,
    KEPT_DAYS,
    MOST_OF_DAY,
    UploadOrigin,
    format_origin,
    list_day_files,
    name_day_file,
)
from probe_operate.origins.prefix_words import PrefixWords
from probe_operate.origins.upload_lines import SeenUpload, parse_upload_line

STATUS_FILE = "status.json"
_MAX_STATUS_BYTES = 4 << 10


class OriginStatus(msgspec.Struct, kw_only=True):
    """How the service does: counts since it began."""

    at: datetime
    written: int = 0
    """Uploads whose origin was written down."""
    strange: int = 0
    """Lines that tell of no upload."""
    inside: int = 0
    """Uploads from addresses of no public network: a server in front hides whose they are."""
    lost: int = 0
    """Lines for which there was no room."""


class OriginFiles:
    """The folder while the service runs. One process at a time."""

    def __init__(self, folder: Path, *, table: GeoTable, words: PrefixWords, inbox: str) -> None:
        self._folder, self._table, self._words, self._inbox = folder, table, words, inbox
        self._day, self._lines = date.min, 0
        self.status = OriginStatus(at=datetime.now(UTC))
        make_folder(folder)

    def keep(self, lines: Iterable[bytes], now: datetime) -> None:
        """Writes down what these lines of the web server tell. Raises StoreError, GeoError."""
        self._turn_to(now.date())
        kept: list[str] = []
        for line in lines:
            seen = parse_upload_line(line, self._inbox)
            if seen is None:
                self.status.strange += 1
            elif (origin := self._look_up(seen, now)) is None:
                self.status.inside += 1
            elif self._lines + len(kept) >= MOST_OF_DAY:
                self.status.lost += 1
            else:
                kept.append(format_origin(seen.upload, f"{now:%Y-%m-%dT%H}", origin))
        if kept:
            path = self._folder / name_day_file(self._day)
            with translate_os_errors(path):
                append_lines(path, "".join(kept).encode())
            self._lines += len(kept)
            self.status.written += len(kept)

    def tell(self, now: datetime) -> None:
        """Writes how it stands. Raises StoreError."""
        self._turn_to(now.date())
        self.status.at = now
        replace_file(self._folder / STATUS_FILE, msgspec.json.encode(self.status))

    def _look_up(self, seen: SeenUpload, now: datetime) -> UploadOrigin | None:
        """None for an address that says nothing of a network. Raises GeoError, StoreError."""
        address = parse_address(seen.address)
        if address is None or not is_public(seen.address):
            return None
        found = self._table.find(seen.address)
        return UploadOrigin(asn=found.asn, cc=found.cc, prefix=self._words.find(address, f"{now:%Y-%m}"))

    def _turn_to(self, day: date) -> None:
        """Begins a day: counts what is there of it, and removes what is old."""
        if day == self._day:
            return
        self._words.turn_to(f"{day:%Y-%m}")
        path = self._folder / name_day_file(day)
        with translate_os_errors(self._folder):
            if not path.exists():
                append_lines(path, f"{','.join(COLUMNS)}\n".encode())
            with path.open("rb") as file:
                self._lines = sum(1 for _ in file)
            for old, there in list_day_files(self._folder):
                if old < day - timedelta(days=KEPT_DAYS):
                    there.unlink(missing_ok=True)
        self._day = day


def read_origin_status(folder: Path) -> OriginStatus | None:
    """What the service last reported; None where it reported nothing that can be read."""
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError), (folder / STATUS_FILE).open("rb") as file:
        found = decode_json(file.read(_MAX_STATUS_BYTES), OriginStatus)
        return found if found.at.tzinfo else None
    return None
