"""Who measured, when and from where, and everything that one run found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from probe.core.observations import ControlAnswer, KeptPacket, Observation
from probe.core.tables.basis_words import Basis
from probe.core.tables.block_types import CauseId
from probe.core.tables.outcomes import Outcome
from probe.core.tables.run_words import CatalogueSource, GeoSource, NetworkType, Privilege, Trigger, Tunnel
from probe.core.tables.words import Empty
from probe.core.verdicts import ServiceVerdict, Verdict

OUR_ENGINE: Final = "probe"
"""`Run.engine` of our own runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """Who measured, from where, with what. Never the volunteer's own address."""

    probe_id: str = ""
    probe_cc: str = "ZZ"
    probe_asn: int = 0
    cc_source: GeoSource | Empty = ""
    """Who says so: settings, table or none; empty in older files. Likewise the next."""
    asn_source: GeoSource | Empty = ""
    stated_cc: str = ""
    """What the person said; by it the run was made and judged. Empty in older files: `probe_cc`."""
    geo_cc: str = "ZZ"
    geo_asn_ipv4: int = 0
    geo_asn_ipv6: int = 0
    vantage_doubt: tuple[str, ...] = ()
    geo_db: str = ""
    geo_db_date: str = ""
    network_type: NetworkType = "unknown"
    resolver_count: int = 0
    nat64_prefix: str = ""
    tunnel: Tunnel = ""
    families: tuple[int, ...] = ()
    platform: str = ""
    python_version: str = ""
    openssl_version: str = ""
    requests_version: str = ""
    privilege: Privilege | Empty = ""
    consent_level: int = 1
    lab: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: its frame, its ladder, its outcome. A row of the runs table."""

    run_id: str
    measurement_start_time: str
    measurement_end_time: str = ""
    trigger: Trigger = "manual"
    engine: str = OUR_ENGINE
    """Whose measurements these are: ours, or of what they were imported."""
    outcome: Outcome = "ok"
    block_type: CauseId = ""
    rule_id: str = ""
    basis: Basis | Empty = ""
    """Where the network is said to let only listed places pass: why it is no outage."""
    suspected: CauseId = ""
    """Of `inconclusive.unplaced`: what would be said of the network, if anything showed that it is no outage."""
    listed: tuple[str, ...] = ()
    """Services abroad that pass where most do not; empty where nothing tells of a list, and in older files."""
    also: tuple[CauseId, ...] = ()
    """Causes that stop no service by themselves: encrypted ways to ask for names that are blocked."""
    ladder: tuple[str, ...] = ()
    """One `step:word` per rung, in order."""
    conditions: tuple[str, ...] = ()
    """One `condition:word` each, of the device and its line as the run began; `network:changed` where it moved."""
    share: tuple[str, ...] = ()
    """What of the catalogue the run took, so that what it left out is no gap; empty in older files: `tier:1`, all
    endpoints up to that; `daily:5/23`, the fifth of 23 shares of those that are measured once a day."""
    controls_left_out: tuple[str, ...] = ()
    """One `control:word` each (`probe.core.tables.control_sources.CONTROL_FAULTS`): helpers that failed what they are
    tried by, and whose word counts for nothing in the run. Empty in older files, of which nobody knows."""
    own_hello: str = ""
    """Shape of the ClientHello that the library sent (`probe.core.own_hellos`); empty: none was sent, or older files.
    """
    clock_offset_s: float | None = None
    deadline_s: float = 0.0
    runtime_s: float = 0.0
    n_targets: int = 0
    n_attempted: int = 0
    n_observations: int = 0
    bytes_written: int = 0
    bytes_read: int = 0
    catalogue_path: CatalogueSource | Empty = ""
    catalogue_version: str = ""
    rules_version: str = ""
    software_version: str = ""
    schema_version: str = ""
    seed: int = 0
    columns_version: int = 0
    """Which columns there were when the run was signed (`probe.store.schema.COLUMNS_VERSION`); 0: it is unsigned."""
    public_key: str = ""
    """Ed25519 key of the month, in hexadecimal, of which `probe_id` is the hash; empty: unsigned. Likewise the next."""
    digests: tuple[str, ...] = ()
    """`table:rows:SHA-256` of every other table, over its canonical rows; `packets:bytes:SHA-256` of the captured
    packets' file."""
    signature: str = ""
    """Of this row, as it is without the signature, in hexadecimal."""
    vantage: Vantage = field(default_factory=Vantage)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Everything that one run found; what the store writes."""

    run: Run
    observations: tuple[Observation, ...]
    controls: tuple[ControlAnswer, ...]
    verdicts: tuple[Verdict, ...]
    services: tuple[ServiceVerdict, ...]
    packets: tuple[KeptPacket, ...] = ()
    """Written to a file of their own, and not read back with the tables."""
