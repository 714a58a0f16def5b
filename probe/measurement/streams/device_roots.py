"""Whether a chain that the web's authorities did not sign was signed by a root in this device's own store.

What re-signs on a device (an antivirus, a company's administration) installs its root there, or every program would
break. A root that stands there and not in certifi's bundle was put there by somebody with power over the device: it
tells of no network. Only a chain that leads to it, signature by signature, counts, so a certificate that is sent
beside the chain proves nothing.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping, Sequence
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
    return index_roots(_load_bundle())


def index_roots(certificates: Sequence[Certificate]) -> Mapping[bytes, Sequence[Certificate]]:
    """Encoded subject -> the roots of that name."""
    found: dict[bytes, list[Certificate]] = {}
    for one in certificates:
        found.setdefault(one.subject.public_bytes(), []).append(one)
    return found


def _load_bundle() -> list[Certificate]:
    import warnings

    from cryptography import x509

    warnings.filterwarnings("ignore", module=__name__)  # old roots have odd serial numbers; that is no concern of ours
    windows: Any = getattr(ssl, "enum_certificates", None)
    if windows is not None:
        encoded = [der for der, encoding, _trust in windows("ROOT") if encoding == "x509_asn"]
        return [x509.load_der_x509_certificate(der) for der in encoded]
    for name in (os.environ.get("SSL_CERT_FILE", ""), ssl.get_default_verify_paths().cafile or "", *BUNDLES):
        try:
            if name and Path(name).is_file():
                with Path(name).open("rb") as file:
                    return x509.load_pem_x509_certificates(file.read(MAX_BUNDLE_BYTES))
        except (OSError, ValueError):
            continue
    return []
