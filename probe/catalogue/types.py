"""The catalogue as values: services, controls, dated expectations, and what is wrong with a file."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import msgspec

from probe.core.endpoints import Endpoint
from probe.core.tables.run_words import CatalogueSource

MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is true of a service and not of a single endpoint; a table of `services.toml`."""

    title: str
    operator_country: tuple[str, ...]
    """ISO 3166 codes of the operator's seats, or INTL."""
    status: str
    """active or dead."""
    closed: date | None = None
    app_store_ids: tuple[str, ...] = ()
    play_packages: tuple[str, ...] = ()
    self_block: str = ""
    """ISO 3166 codes, separated by spaces, where the operator itself refuses service; empty: nowhere known."""
    consent_level: int = 1
    small: bool = False
    """Volunteers run its servers: a schedule asks them once a day at most, and does not insist."""
    quorum: dict[str, int | Literal["any", "all"]] = field(default_factory=dict)
    """For each role, how many targets must answer for the role to work, or that any one is enough, or that it takes
    all; of a role that is not named, half."""
    needs_account: tuple[str, ...] = ()
    """What of it cannot be measured without an account: words of `probe.core.tables.roles.ACCOUNT_PARTS`."""
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What one control target is for; a table of `controls.toml`."""

    kind: str
    """A word of the list at the head of `controls.toml`."""
    operator: str
    country: str
    domestic: bool = False
    """The servers stand in `country`."""
    body: str = ""
    """The exact body, for kind `exact_body`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedExpectation:
    """What is to be expected of a target from one day on; a table of `expectations.toml`."""

    target_id: str
    """`service.*` means every target of a service."""
    since: date
    until: date | None = None
    state: str
    """moved or closed."""
    location: str = ""
    source: str


def check_agreement(address: str, agreed: str) -> None:
    """Whether it says where a server is, and when its operator agreed. Raises ValueError."""
    try:
        ipaddress.ip_address(address)
        date.fromisoformat(agreed)
    except ValueError as error:
        raise ValueError(f"`agreed` is a date (2026-01-31), and `address` an IP address: {error}") from None


class MatrixServer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Your own server, or one whose operator agreed, to which names of other services may be sent: on port 80 as the
    Host of a request, on any other as the server name of a TLS handshake. It must answer names it does not know."""

    address: str
    port: int = 443
    operator: str
    agreed: str
    """Date of the operator's agreement, YYYY-MM-DD."""

    def __post_init__(self) -> None:
        check_agreement(self.address, self.agreed)
        if not 0 < self.port < 65536:
            raise ValueError("a port is 1 to 65535")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An application store; a table of `stores.toml`, which tells what the fields mean."""

    title: str
    url: str
    together: int
    controls: tuple[str, ...]
    reachability: tuple[str, ...]
    elsewhere: tuple[str, ...]
    by_place: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything a run must know of its targets."""

    endpoints: tuple[Endpoint, ...]
    services: Mapping[str, Service]
    controls: Mapping[str, Control]
    """By target_id."""
    innocent_names: tuple[str, ...]
    """Names that no censor is known to single out."""
    expectations: tuple[DatedExpectation, ...]
    matrix_servers: tuple[MatrixServer, ...] = ()
    path: str
    """Where it was read, for the person's eyes; it stays on this device."""
    source: CatalogueSource = "own"
    version: str
    """Newest date in the file and the start of its SHA-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a file."""

    line: int
    """1-based; 0: the file as a whole."""
    column: str
    reason: str


class CatalogueError(ValueError):
    """A file cannot be used; the text lists why, one `file:line: column: reason` a line, at most twenty."""

    def __init__(self, path: str, problems: tuple[Problem, ...]) -> None:
        self.path = path
        self.problems = problems
        shown = [f"{path}:{p.line}: {p.column}: {p.reason}" for p in problems[:MAX_PROBLEMS]]
        more = len(problems) - MAX_PROBLEMS
        super().__init__("\n".join([*shown, f"... and {more} more"] if more > 0 else shown))
