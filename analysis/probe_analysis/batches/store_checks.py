"""What a batch of store lookups keeps: its checks, and the changes that they show. Rows of tables of their own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInfo:
    """Whose rows these are, from where, made with what; every row of a batch begins with it."""

    batch_id: str
    probe_cc: str = "ZZ"
    probe_asn: int = 0
    lab: bool = False
    catalogue_version: str = ""
    software_version: str = ""
    schema_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCheck(BatchInfo):
    """What one batch says of one application in one storefront."""

    check_time: str
    """When the lookup ended (UTC, RFC 3339); that of the batch where there was none."""
    store: str
    storefront: str
    """ISO 3166-1 alpha-2, small."""
    service: str
    app: str
    state: str
    """A word of `probe_analysis.tables.store_states`."""
    reason: str = ""
    status: int = 0
    failure: str = ""
    controls_present: int = 0
    elsewhere: tuple[str, ...] = ()
    """Storefronts of the same batch that show it."""
    outcome: str = "inconclusive"
    """For the role `store` of the service, in this storefront."""
    block_type: str = ""
    evidence: str = ""
    """The measurement (`measurement_uid`) that found the store blocked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreChange(BatchInfo):
    """That an application was removed from a storefront, or listed there; told once, by the batch that settled it."""

    store: str
    storefront: str
    service: str
    app: str
    change: str
    """removed or listed."""
    before_time: str
    """The last check that still saw it otherwise."""
    after_time: str
    """The first of those that agree: the change lies between these two."""
    settled_time: str
    """The one that made them enough."""
    checks: int
    """How many agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """All rows of one batch; it is written whole."""

    info: BatchInfo
    checks: tuple[StoreCheck, ...]
    changes: tuple[StoreChange, ...]
