"""Learns where a run measures, from addresses that it meets anyway. An address is looked up at once and not kept."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from probe.config.geo.geo_table import NOTHING, GeoError, Table, public
from probe.config.geo.mmdb import MmdbTables
from probe.config.geo.packaged_table import PackedTable
from probe.config.geo.vantage_place import OWN, Clue, Place, settled, tabled
from probe.config.settings import GeoSettings, VantageSettings

MAX_CLUES = 1000


def table_for(geo: GeoSettings, *, lab: bool = False) -> Table | None:
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

    def __init__(self, table: Table | None) -> None:
        self._table, self._lock = table, threading.Lock()
        self._clues: dict[Clue, None] = {}
        self.trouble = ""
        """Why the table could not be asked."""

    def learn_own(self, addresses: Iterable[str]) -> None:
        """Of addresses that this device has."""
        for address in addresses:
            self.learn(address, OWN)

    def learn(self, address: str, teller: str) -> None:
        """Of one of our addresses, as `teller` sees it. Private ones, and what is no address, tell nothing."""
        if self._table is None or self.trouble or not public(address):
            return
        with self._lock:
            try:
                found = self._table.find(address) if len(self._clues) < MAX_CLUES else NOTHING
            except GeoError as error:
                self.trouble = str(error)
                return
            if found != NOTHING:
                family = 6 if ":" in address else 4
                self._clues[Clue(family=family, teller=teller, cc=found.cc, asn=found.asn)] = None

    def place(self, stated: VantageSettings, *, moved: bool) -> Place:
        """The run's place, as its row tells it."""
        name = date = ""
        if self._table is not None and not self.trouble:
            try:
                name, date = self._table.name, self._table.date
            except GeoError as error:
                self.trouble = str(error)
        clues = () if self.trouble else tuple(self._clues)
        return settled(tabled(clues), cc=stated.cc.upper(), asn=stated.asn, moved=moved, geo_db=name, geo_db_date=date)
