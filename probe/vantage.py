"""Who measures: software, families, privilege, and an identity that changes every month. Never an address."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import platform
import secrets
import ssl
from datetime import datetime
from pathlib import Path

from probe.folders import own_state
from probe.measure.own import own_addresses
from probe.model import Vantage
from probe.settings import Settings


def families() -> tuple[int, ...]:
    """Address families with a route, 4 before 6. Nothing is sent."""
    return tuple(dict.fromkeys(6 if ":" in address else 4 for address in own_addresses()))


def probe_id(month: str, *, folder: Path | None = None) -> str:
    """Keyed hash of the month: rows of one month belong together, months do not. The key stays on this machine."""
    home = folder or own_state()
    key_file = home / "identity.key"
    try:
        key = key_file.read_bytes()
    except OSError:
        key = b""
    if len(key) < 32:
        key = secrets.token_bytes(32)
        with contextlib.suppress(OSError):
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            binary = getattr(os, "O_BINARY", 0)  # Windows would write two bytes for each that ends a line
            descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | binary, 0o600)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(key)
    return hmac.new(key, month.encode(), hashlib.sha256).hexdigest()[:16]


def describe(settings: Settings, *, lab: bool, started_at: datetime, resolver_count: int,
             nat64_prefix: str = "", tunnel: str = "", link: tuple[int, ...] = (), packets: bool = False) -> Vantage:
    """The vantage's row: what is configured, what runs, and nothing that locates the person."""
    import requests

    return Vantage(
        probe_id="laboratory" if lab else probe_id(started_at.strftime("%Y-%m")),
        probe_cc=settings.vantage.cc.upper(), probe_asn=settings.vantage.asn,
        network_type=settings.vantage.network_type, resolver_count=resolver_count, nat64_prefix=nat64_prefix,
        tunnel=tunnel, families=link, platform=platform.system().lower(), python_version=platform.python_version(),
        openssl_version=ssl.OPENSSL_VERSION.split(" ")[1], requests_version=requests.__version__,
        privilege="packet" if packets else "socket", consent_level=settings.run.consent_level, lab=lab,
    )
