"""The laboratory's certificate authorities: a trusted one, a foreign one, and one for each named anchor.

The set-up is written to a directory that mounts and servers share; leaves are issued on demand by the servers.
Keys are elliptic (P-256), quick to make. All dates lie around the world's clock, which may be shifted.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probe.catalogue.load import list_anchor_files
from probe.core.tables.trust import ANCHORS, TRUSTS, TrustPolicy
from probe.core.tables.words import Empty, read_word
from probe_lab.lab_types import World

WEB_CA = "ca"
FOREIGN_CA = "foreign-ca"
"""Stems of the authority that the client trusts, and of the one that it does not (an interceptor's)."""

_YEAR = dt.timedelta(days=365)
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An authority that can sign: its certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_pki(directory: Path, *, clock_shift_s: int, world: World) -> None:
    """Write the authorities and the helpers' certificates of one laboratory.

    Makes `ca.pem`, `ca.key`, `foreign-ca.pem`, `foreign-ca.key`, `anchors/<file>.pem` for every anchor that the
    catalogue ships, `anchor-keys/<stem>.key`, and `helpers/<control_id>.pem` and `.key`.
    Raises OSError where the directory cannot be written.
    """
    now = world_time(clock_shift_s)
    web = _authority("Laboratory Root CA", "Laboratory Trust Services", now)
    _write_issuer(web, directory / f"{WEB_CA}.pem", directory / f"{WEB_CA}.key")
    foreign = _authority("Secure Gateway Inspection CA", "Secure Gateway", now)
    _write_issuer(foreign, directory / f"{FOREIGN_CA}.pem", directory / f"{FOREIGN_CA}.key")
    for file in list_anchor_files():
        anchor = _authority(f"Laboratory anchor {file.stem}", "Laboratory Private Trust", now)
        _write_issuer(anchor, directory / "anchors" / file.name, directory / "anchor-keys" / f"{file.stem}.key")
    for vantage in world.vantages:
        name = urlsplit(vantage.url).hostname or vantage.control_id
        pem, key = _sign(web, names=(name, vantage.ipv4, vantage.ipv6), now=now)
        _write(directory / "helpers" / f"{vantage.control_id}.pem", pem)
        _write(directory / "helpers" / f"{vantage.control_id}.key", key)


def world_time(clock_shift_s: int) -> dt.datetime:
    """What the world's clocks show now (aware UTC)."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=clock_shift_s)


def anchor_of(trust: TrustPolicy | Empty) -> str:
    """Stem of the anchor that signs under a trust policy; empty where the web's authorities do."""
    return next(iter(ANCHORS.get(read_word(trust, ANCHORS), ())), "").removesuffix(".pem")


def load_issuer(certificate: Path, key: Path) -> Issuer:
    """The authority stored in two PEM files; raises OSError or ValueError when they are not what they should be."""
    private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{key}: not an elliptic curve key")
    return Issuer(certificate=x509.load_pem_x509_certificate(certificate.read_bytes()), key=private)


def issue(
    issuer: Issuer | None,
    *,
    names: Sequence[str],
    now: dt.datetime,
    valid_days: tuple[float, float] = (-30, 60),
) -> bytes:
    """A fresh certificate and its key in PEM for these names and addresses; self-signed without an issuer.

    The first name becomes the subject. `valid_days` are days from `now` for notBefore and notAfter.
    """
    certificate, key = _sign(issuer, names=names, now=now, valid_days=valid_days)
    return certificate + key


def new_authority(trust: TrustPolicy | Empty, *, clock_shift_s: int) -> Issuer:
    """Another authority of the organisation that signs under a trust policy: one that nobody knows yet."""
    organisation = TRUSTS[read_word(trust, TRUSTS)].issuer_organisation or "Laboratory Trust Services"
    return _authority("Root CA 2", organisation, world_time(clock_shift_s))


def _authority(common_name: str, organisation: str, now: dt.datetime) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ])
    usage = _key_usage(authority=True)
    builder = _builder(name, name, key.public_key(), key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=1), critical=True
    )
    builder = builder.not_valid_before(now - 20 * _YEAR).not_valid_after(now + 20 * _YEAR)
    return Issuer(certificate=builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key=key)


def _sign(
    issuer: Issuer | None,
    *,
    names: Sequence[str],
    now: dt.datetime,
    valid_days: tuple[float, float] = (-30, 60),
) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    issuer_name = issuer.certificate.subject if issuer else subject
    signing_key = issuer.key if issuer else key
    first, last = (now + days * _DAY for days in valid_days)
    certificate = (
        _builder(subject, issuer_name, key.public_key(), signing_key.public_key())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_issuer(issuer: Issuer, certificate: Path, key: Path) -> None:
    _write(certificate, issuer.certificate.public_bytes(serialization.Encoding.PEM))
    _write(key, _key_pem(issuer.key))


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o600 if path.suffix == ".key" else 0o644
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as handle:
        handle.write(data)
