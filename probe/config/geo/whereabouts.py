"""Learns where a run measures, from addresses that it meets anyway. An address is looked up at once and not kept."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from probe.config.geo.geo_table import NO_ENTRY, GeoError, GeoTable, is_public
from probe.config.geo.mmdb import MmdbTables
from probe.config.geo.packaged_table import PackedTable
from probe.config.geo.vantage_place import (
    OWN_TELLER,
    AddressClue,
    TablePlace,
    VantagePlace,
    look_up_place,
    settle_place,
)
from probe.config.settings import GeoSettings, VantageSettings

MAX_CLUES = 1000


def choose_table(geo: GeoSettings, *, lab: bool = False) -> GeoTable | None:
    """The table that these settings ask for; None: none. Opens nothing.

    In the laboratory the packaged one is never asked: it knows the world outside.
    """
    if not geo.lookup:
        return None
    if geo.files:
        return MmdbTables(geo.files)
    return None if lab else PackedTable()


class Whereabouts:
    """What a run has learnt. Threads may tell it of addresses; nothing that they tell raises."""

    def __init__(self, table: GeoTable | None) -> None:
        self._table, self._lock = table, threading.Lock()
        self._clues: dict[AddressClue, None] = {}
        self.trouble = ""
        """Why the table could not be asked."""

    @property
    def has_table(self) -> bool:
        """Whether addresses are looked up at all."""
        return self._table is not None

    def learn_own(self, addresses: Iterable[str]) -> None:
        """Of addresses that this device has."""
        for address in addresses:
            self.learn(address, OWN_TELLER)

    def learn(self, address: str, teller: str) -> None:
        """Of one of our addresses, as `teller` sees it. Private ones, and what is no address, tell nothing."""
        if self._table is None or self.trouble or not is_public(address):
            return
        with self._lock:
            try:
                found = self._table.find(address) if len(self._clues) < MAX_CLUES else NO_ENTRY
            except GeoError as error:
                self.trouble = str(error)
                return
            if found != NO_ENTRY:
                family = 6 if ":" in address else 4
                self._clues[AddressClue(family=family, teller=teller, cc=found.cc, asn=found.asn)] = None

    def find_table_place(self) -> TablePlace:
        """What the table alone says so far; nothing where it could not be asked."""
        return look_up_place(() if self.trouble else tuple(self._clues))

    def place(self, stated: VantageSettings, *, moved: bool) -> VantagePlace:
        """The run's place, as its row tells it."""
        name = date = ""
        if self._table is not None and not self.trouble:
            try:
                name, date = self._table.name, self._table.date
            except GeoError as error:
                self.trouble = str(error)
        return settle_place(self.find_table_place(), cc=stated.cc.upper(), asn=stated.asn, moved=moved, geo_db=name,
                            geo_db_date=date)
