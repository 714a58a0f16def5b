"""Is a chain that came over QUIC the service's own? The same words as for TLS, by the same roots.

aioquic checks the handshake's signature; whose key it was made with is judged here, so that a chain that fails is
kept as evidence.
"""

from __future__ import annotations

from importlib import resources

from cryptography import x509
from OpenSSL import crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname

from probe.core.tables.failures import X509_TRUST
from probe.core.tables.trust import ANCHORS, TrustFinding, TrustPolicy, judges_certificates
from probe.core.tables.words import Empty
from probe.core.typed_cache import keep_results


def judge_chain(chain: tuple[bytes, ...], *, trust: TrustPolicy, name: str) -> TrustFinding | Empty:
    """valid, or why not; empty where this policy judges no certificate. `chain` is DER, leaf first."""
    if not judges_certificates(trust):
        return ""
    try:
        leaf, *others = (crypto.X509.from_cryptography(x509.load_der_x509_certificate(der)) for der in chain)
        crypto.X509StoreContext(_make_store(trust), leaf, others).verify_certificate()
        verify_certificate_hostname(x509.load_der_x509_certificate(chain[0]), name)
    except crypto.X509StoreContextError as error:
        code = error.errors[0] if error.errors else 0
        return X509_TRUST.get(code if isinstance(code, int) else 0, "invalid")
    except (CertificateError, VerificationError):
        return "wrong_name"
    except Exception:  # a hostile certificate may break the parsers in many ways
        return "invalid"
    return "valid"


@keep_results(8)
def _make_store(trust: TrustPolicy) -> crypto.X509Store:
    """The roots of a trust word: its own anchors, or certifi's; never the operating system's."""
    store = crypto.X509Store()
    if trust in ANCHORS:
        for file in ANCHORS[trust]:
            pem = resources.files("probe.catalogue.anchors").joinpath(file).read_bytes()
            for root in x509.load_pem_x509_certificates(pem):
                store.add_cert(crypto.X509.from_cryptography(root))
    else:
        import certifi

        store.load_locations(certifi.where())
    return store
