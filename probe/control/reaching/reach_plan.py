"""Where a helper is to connect, and how far it came."""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC = "web_pki"
"""The trust word for certifi's bundle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where to connect, and as whom to be greeted; `sni` empty: TCP alone."""

    address: str
    port: int
    sni: str = ""
    alpn: tuple[str, ...] = ()
    trust: str = PUBLIC
    proto: str = "tcp"
    """tcp (and TLS above it), quic or stun."""
    app: str = ""
    """A messenger's protocol whose first words are said; empty: none."""
    app_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far it went: `operation` is the last step, `failure` its df-007 word; with a `reason`, nothing was tried."""

    operation: str = ""
    failure: str = ""
    reason: str = ""
    tls_version: str = ""
    leaf_key_sha256: str = ""
    trust: str = ""
    ja4: str = ""
    proof: str = ""
