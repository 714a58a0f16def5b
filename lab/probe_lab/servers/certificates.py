"""What each site presents in TLS and QUIC: a leaf from the right authority, issued when first asked for."""

from __future__ import annotations

import random
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from probe.core.tables.trust import TrustPolicy
from probe.core.tables.words import Empty
from probe_lab.lab_types import World
from probe_lab.pki import FOREIGN_CA, WEB_CA, Issuer, anchor_of, issue, load_issuer, new_authority, world_time
from probe_lab.servers.served_sites import Site
from probe_lab.world import is_address

_SHOW_AUTHORITY = ("smp",)
"""Protocols whose servers present their authority's certificate too: its hash is what they are known by."""

_VALID_DAYS = {"cert_expired": (-91.0, -1.0)}


class Certificates:
    """Leaves by site, name and fault; every host has a key of its own, the same on all its addresses and ports."""

    def __init__(self, directory: Path, world: World) -> None:
        self._directory = directory
        self._world = world
        self._issuers: dict[str, Issuer] = {}
        self._leaves: dict[tuple[str, ...], bytes] = {}
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}

    def of(self, site: Site, name: str, *, fault: str = "") -> ssl.SSLContext:
        """What a site presents to a client that asked for one of its names, perhaps with something wrong."""
        key = (site.kind, site.host, name, fault, *site.alpn)
        if key not in self._contexts:
            self._contexts[key] = self._context(self.leaf(site, name, fault=fault), site.alpn)
        return self._contexts[key]

    def leaf(self, site: Site, name: str, *, fault: str = "") -> bytes:
        """The same as a certificate and its key in PEM."""
        names = self._names(site, name, fault)
        alone = fault == "cert_self_signed" or site.kind == "sinkhole_tls"
        key = (site.host, "" if alone else site.trust, fault, *names)
        if key not in self._leaves:
            issuer = None if alone else self._issuer(site.trust, renewed=fault == "cert_new_root")
            leaf = self._issue(issuer, names, _VALID_DAYS.get(fault, (-30.0, 60.0)))
            private = issuer is not None and any(row.protocol in _SHOW_AUTHORITY for row in site.rows)
            self._leaves[key] = leaf + (issuer.certificate.public_bytes(Encoding.PEM) if issuer and private else b"")
        return self._leaves[key]

    def foreign(self, name: str) -> ssl.SSLContext:
        """What an interceptor presents: the name that was asked for, signed by an authority nobody trusts."""
        key = (FOREIGN_CA, name)
        if key not in self._contexts:
            issuer = self._stored(FOREIGN_CA, self._directory / f"{FOREIGN_CA}.pem")
            self._contexts[key] = self._context(self._issue(issuer, [name], (-30.0, 60.0)), ("http/1.1",))
        return self._contexts[key]

    def _names(self, site: Site, name: str, fault: str) -> list[str]:
        if fault == "cert_wrong_name":
            return [f"www{random.Random(f'{self._world.seed}:{name}').randint(100, 999)}.otherhost.example"]
        if site.kind == "dot":
            return [*site.names, *site.addresses]
        return [name, *site.addresses] if site.doh_path else [name]

    def _issuer(self, trust: TrustPolicy | Empty, *, renewed: bool = False) -> Issuer:
        anchor = anchor_of(trust)
        if renewed:
            return new_authority(trust, clock_shift_s=self._world.clock_shift_s)
        if anchor:
            return self._stored(f"anchor-keys/{anchor}", self._directory / "anchors" / f"{anchor}.pem")
        return self._stored(WEB_CA, self._directory / f"{WEB_CA}.pem")

    def _stored(self, stem: str, certificate: Path) -> Issuer:
        if stem not in self._issuers:
            self._issuers[stem] = load_issuer(certificate, self._directory / f"{stem}.key")
        return self._issuers[stem]

    def _issue(self, issuer: Issuer | None, names: Sequence[str], valid_days: tuple[float, float]) -> bytes:
        return issue(issuer, names=names, now=world_time(self._world.clock_shift_s), valid_days=valid_days)

    def _context(self, pem: bytes, alpn: Sequence[str]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile(dir=self._directory, suffix=".pem") as file:  # `ssl` loads from files only
            file.write(pem)
            file.flush()
            context.load_cert_chain(file.name)
        context.set_alpn_protocols(alpn)
        return context


def certificate_name(site: Site, sni: str) -> str:
    """The name whose certificate a site shows: the one asked for if it is its own, else its default."""
    if sni in site.names:
        return sni
    return next((name for name in site.names if not is_address(name)), site.host)
