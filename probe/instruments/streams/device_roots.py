"""Whether a chain that the web's authorities did not sign was signed by a root in this device's own store.

What re-signs on a device (an antivirus, a company's administration) installs its root there, or every program would
break. A root that stands there and not in certifi's bundle was put there by somebody with power over the device: it
tells of no network. Only a chain that leads to it, signature by signature, counts, so a certificate that is sent
beside the chain proves nothing.
"""

from __future__ import annotations

import os
import ssl
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
)
"""Where Linux systems, and macOS for its own tools, keep the store as one file."""
MAX_BUNDLE_BYTES = 8 << 20
MAX_LENGTH = 8
"""Certificates of a chain that are followed."""
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def is_signed_on_device(chain_der: Sequence[bytes]) -> bool:
    """Whether the chain, leaf first, leads to a root of the device's own store. False where it cannot be told."""
    return leads_to(chain_der, _read_device_roots())


def leads_to(chain_der: Sequence[bytes], roots: Mapping[bytes, Sequence[Certificate]]) -> bool:
    """Whether the chain, leaf first, leads to one of the roots (encoded subject -> certificates)."""
    from cryptography import x509

    try:
        chain = [x509.load_der_x509_certificate(der) for der in chain_der[:MAX_LENGTH]]
        return bool(chain) and _walk(chain, roots)
    except Exception:  # a hostile certificate may break the parser in many ways
        return False


def _walk(chain: Sequence[Certificate], roots: Mapping[bytes, Sequence[Certificate]]) -> bool:
    current = chain[0]
    for _ in range(MAX_LENGTH):
        issuer = current.issuer.public_bytes()
        if any(_has_signed(root, current) for root in roots.get(issuer, ())):
            return True
        following = next((one for one in chain[1:] if one is not current and one.subject.public_bytes() == issuer
                          and _has_signed(one, current)), None)
        if following is None or following == current:
            return False
        current = following
    return False


def _has_signed(issuer: Certificate, issued: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        issued.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


@lru_cache(maxsize=1)
def _read_device_roots() -> Mapping[bytes, Sequence[Certificate]]:
    from cryptography.utils import CryptographyDeprecationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # old roots have odd serial numbers
        return index_roots(_load_store())


def index_roots(encoded: Iterable[bytes]) -> Mapping[bytes, Sequence[Certificate]]:
    """Encoded subject -> the roots of that name, of certificates in DER; what cannot be read is left out."""
    from cryptography import x509

    found: dict[bytes, list[Certificate]] = {}
    for der in encoded:
        with suppress(Exception):  # somebody's own root may break the parser in many ways
            one = x509.load_der_x509_certificate(der)
            found.setdefault(one.subject.public_bytes(), []).append(one)
    return found


def _load_store() -> list[bytes]:
    """The certificates of the device's store in DER; none where it is not found."""
    windows: Any = getattr(ssl, "enum_certificates", None)
    if windows is not None:
        return [der for der, encoding, _trust in windows("ROOT") if encoding == "x509_asn"]
    for name in (os.environ.get("SSL_CERT_FILE", ""), ssl.get_default_verify_paths().cafile or "", *BUNDLES):
        with suppress(OSError, ValueError):
            if name and Path(name).is_file():
                with Path(name).open("rb") as file:
                    return read_bundle(file.read(MAX_BUNDLE_BYTES).decode("ascii", "replace"))
    return []


def read_bundle(text: str) -> list[bytes]:
    """The certificates of a file in PEM, in DER; what is none is left out."""
    found: list[bytes] = []
    for part in text.split(_BEGIN)[1:]:
        with suppress(ValueError):
            found.append(ssl.PEM_cert_to_DER_cert(f"{_BEGIN}{part.partition(_END)[0]}{_END}"))
    return found
