"""Who measures: software, families, privilege, and an identity that changes every month. Never an address."""

from __future__ import annotations

import platform
import ssl
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from probe.config.geo.vantage_place import VantagePlace
from probe.config.month_key import read_month_key
from probe.config.settings import Settings
from probe.core.runs import Vantage
from probe.core.tables.run_words import NETWORK_TYPES, Tunnel
from probe.core.tables.words import read_word
from probe.instruments.device.own_addresses import list_own_addresses


def list_families() -> tuple[int, ...]:
    """Address families with a route, 4 before 6. Nothing is sent."""
    return tuple(dict.fromkeys(6 if ":" in address else 4 for address in list_own_addresses()))


def make_probe_id(month: str, *, folder: Path | None = None) -> str:
    """The name of the month's key: rows of one month belong together, months do not. Empty where no key can be kept."""
    key = read_month_key(month, folder=folder)
    return key.name if key else ""


def describe_vantage(settings: Settings, place: VantagePlace, *, lab: bool, started_at: datetime, resolver_count: int,
                     nat64_prefix: str = "", tunnel: Tunnel = "", link: tuple[int, ...] = (),
                     packets: bool = False) -> Vantage:
    """The vantage's row: what is configured, what runs, which network it is, and no more of where the person is."""
    import requests

    return Vantage(
        probe_id="laboratory" if lab else make_probe_id(started_at.strftime("%Y-%m")),
        **asdict(place), network_type=read_word(settings.vantage.network_type, NETWORK_TYPES),
        resolver_count=resolver_count, nat64_prefix=nat64_prefix, tunnel=tunnel, families=link,
        platform=platform.system().lower(), python_version=platform.python_version(),
        openssl_version=ssl.OPENSSL_VERSION.split(" ")[1], requests_version=requests.__version__,
        privilege="packet" if packets else "socket",
        consent_level=settings.run.consent_level, lab=lab,
    )
