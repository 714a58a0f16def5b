"""Who measures: software, families, privilege, and an identity that changes every month. Never an address."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import platform
import secrets
import ssl
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from probe.config.folders import find_own_state
from probe.config.geo.vantage_place import VantagePlace
from probe.config.settings import Settings
from probe.core.runs import Vantage
from probe.core.tables.run_words import NETWORK_TYPES, Tunnel
from probe.core.tables.words import read_word
from probe.measurement.device.own_addresses import list_own_addresses

_KEY_FILE, _KEY_BYTES = "identity.key", 32


def list_families() -> tuple[int, ...]:
    """Address families with a route, 4 before 6. Nothing is sent."""
    return tuple(dict.fromkeys(6 if ":" in address else 4 for address in list_own_addresses()))


def make_probe_id(month: str, *, folder: Path | None = None) -> str:
    """Keyed hash of the month: rows of one month belong together, months do not. The key stays on this machine.

    Empty where no key can be kept: a new name for each run would look like many volunteers.
    """
    key = _key((folder or find_own_state()) / _KEY_FILE)
    return hmac.new(key, month.encode(), hashlib.sha256).hexdigest()[:16] if key else ""


def _key(file: Path) -> bytes:
    """The key, made when there is none, whole or not at all; of several runs that make one, all take the first's."""
    try:
        if not (key := _read_key(file)):
            with contextlib.suppress(OSError):
                _make_key(file)
            key = _read_key(file)
    except OSError:
        return b""
    with contextlib.suppress(OSError):
        for left in file.parent.glob(f".{file.name}.*.part"):  # of a run that was killed; another one's is not needed
            left.unlink(missing_ok=True)
    return key


def _read_key(file: Path) -> bytes:
    key = file.read_bytes() if file.exists() else b""
    return key if len(key) >= _KEY_BYTES else b""


def _make_key(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    binary = getattr(os, "O_BINARY", 0)  # Windows would write two bytes for each that ends a line
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | binary, 0o600)
    with os.fdopen(handle, "wb") as made:
        made.write(secrets.token_bytes(_KEY_BYTES))
        made.flush()
        os.fsync(handle)
    try:
        if file.exists():  # too short for a key
            temporary.replace(file)
        else:
            os.link(temporary, file)  # unlike a rename it takes nobody's place
    except FileExistsError:
        return
    except OSError:  # a file system without links
        temporary.replace(file)
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders
        return
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


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
