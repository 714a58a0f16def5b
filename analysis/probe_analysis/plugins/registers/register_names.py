"""Names, URLs and networks of lists in one form each, so that they can be compared. Pure; raises ValueError."""

from __future__ import annotations

import ipaddress
import re
from datetime import date, datetime
from urllib.parse import urlsplit

MAX_URL = 4096
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})+", re.ASCII)
_PLAIN = re.compile(r"[a-z0-9._-]+", re.ASCII)
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)", re.ASCII)
_PORTS = {"http": 80, "https": 443}


def parse_name(text: str) -> str:
    """A host's name in small letters and IDNA form, without the last dot; at least two labels."""
    name = text.strip().lower().rstrip(".")
    if not _PLAIN.fullmatch(name):
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError("is no host name") from None
    if not _NAME.fullmatch(name) or _IPV4.fullmatch(name):
        raise ValueError("is no host name")
    return name


def parse_network(text: str) -> str:
    """An address, or a network with its length, in canonical form."""
    text = text.strip()
    if _IPV4.fullmatch(text):
        return text
    if len(text) > 60:
        raise ValueError("is no address")
    try:
        if "/" in text:
            network = ipaddress.ip_network(text, strict=False)
            return str(network.network_address) if network.num_addresses == 1 else str(network)
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("is no address") from None


def parse_url(text: str) -> tuple[str, str]:
    """(host, URL without its scheme, default port and fragment); the host may be an address."""
    text = text.strip()
    if len(text) > MAX_URL:
        raise ValueError("is longer than URLs are")
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if not parts.hostname:
        raise ValueError("is no URL")
    host = parse_network(parts.hostname) if is_address(parts.hostname) else parse_name(parts.hostname)
    port = parts.port  # raises ValueError of its own
    shown = host if port in (None, _PORTS.get(parts.scheme.lower())) else f"{host}:{port}"
    return host, shown + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def is_address(host: str) -> bool:
    """Whether a host is written as an address."""
    return ":" in host or _IPV4.fullmatch(host) is not None


def parse_day(text: object) -> str:
    """YYYY-MM-DD of an ISO date or time; empty for anything else."""
    try:
        return date.fromisoformat(str(text).strip()[:10]).isoformat()
    except ValueError:
        return ""


def parse_time(text: str) -> str:
    """An RFC 3339 time of one with an offset or without; empty for anything else."""
    try:
        return datetime.fromisoformat(re.sub(r" ([+-]\d{4})$", r"\1", text.strip()[:40])).isoformat()
    except ValueError:
        return ""
