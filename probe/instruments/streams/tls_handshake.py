"""A TLS handshake over MemoryBIOs on a recorded socket: the bytes are ours to see, the chain too when it is bad."""

from __future__ import annotations

import hashlib
import io
import ssl
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from probe.core.tables.evidence_words import Answered
from probe.core.tables.failures import EOF, TIMEOUT, X509_TRUST, Failure, classify_failure, trust_failure
from probe.core.tables.trust import TrustFinding, TrustPolicy
from probe.core.tables.words import Empty
from probe.core.typed_cache import keep_results
from probe.instruments.streams.sockets import RecordedSocket, ask_acknowledged

_RECORD = 16384 + 512
MAX_CHAIN = 8
_HANDSHAKE, _ALERT, _SERVER_HELLO = 22, 21, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsHandshake:
    """What a handshake showed. `failure` is empty on success; the chain is kept either way."""

    failure: Failure = ""
    alpn: str = ""
    version: str = ""
    cipher: str = ""
    alert: int = -1
    acked: Answered = ""
    server_hello: bool = False
    hello: bytes = b""
    """The first record that we sent: the ClientHello."""
    chain_der: tuple[bytes, ...] = ()
    trust: TrustFinding | Empty = ""


class TlsStream:
    """A socket-like object over a finished or running handshake: what http.client needs, and no more."""

    def __init__(self, sock: RecordedSocket, context: ssl.SSLContext, *, server_name: str) -> None:
        self.sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name or None)
        self.first_in = b""
        self.first_out = b""

    @property
    def tls(self) -> ssl.SSLObject:
        return self._tls

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self.first_out = self.first_out or data
            self.sock.sendall(data)

    def _fill(self) -> None:
        data = self.sock.recv(_RECORD)
        if not data:
            self._incoming.write_eof()
            return
        if len(self.first_in) < 7:
            self.first_in += data[:7]
        self._incoming.write(data)

    def handshake(self, *, until_server_hello: bool = False) -> None:
        """Run the handshake; with `until_server_hello`, stop as soon as a ServerHello or an alert was read."""
        while True:
            try:
                self._tls.do_handshake()
                self._flush()
                return
            except ssl.SSLWantReadError:
                self._flush()
                if until_server_hello and is_tls_answer(self.first_in):
                    return
                self._fill()
            except ssl.SSLError:
                self._flush_quietly()
                raise

    def _flush_quietly(self) -> None:
        try:
            self._flush()
        except OSError:
            return

    def recv(self, size: int) -> bytes:
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def recv_into(self, buffer: Any) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def sendall(self, data: Any, _flags: int = 0) -> None:
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
            self._flush()

    def makefile(self, _mode: str = "rb", _buffering: int = -1) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def settimeout(self, _timeout: float | None) -> None:
        """The socket's own deadline rules; a library's timeout does not."""

    def close(self) -> None:
        """Nothing: a library closes after the headers what it still reads from; who opened the socket closes it."""


class _Reader(io.RawIOBase):
    def __init__(self, stream: TlsStream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._stream.recv_into(buffer)


def is_tls_answer(first: bytes) -> bool:
    """True when the first bytes read are a ServerHello or an alert: the name reached a TLS server."""
    return (len(first) >= 6 and first[0] == _HANDSHAKE and first[5] == _SERVER_HELLO) or (
        len(first) >= 7 and first[0] == _ALERT
    )


@keep_results(64)
def make_context(trust: TrustPolicy, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """The client context for a trust word: certifi's roots, named anchors, or nobody's (see `probe.core.tables.trust`).

    Never the operating system's store: a root that somebody installed there must show, not pass.
    """
    from probe.core.tables.trust import ANCHORS, judges_certificates

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if not judges_certificates(trust):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif trust in ANCHORS:
        for name in ANCHORS[trust]:
            context.load_verify_locations(cadata=resources.files("probe.catalogue.anchors").joinpath(name).read_text())
    else:
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def shake_hands(stream: TlsStream, *, until_server_hello: bool = False) -> TlsHandshake:
    """Perform the handshake and tell all about it; never raises for the network."""
    failure: Failure = ""
    trust: TrustFinding | Empty = ""
    try:
        stream.handshake(until_server_hello=until_server_hello)
        trust = "" if until_server_hello or stream.tls.context.verify_mode == ssl.CERT_NONE else "valid"
    except ssl.SSLCertVerificationError as error:
        trust = _look_at_device(X509_TRUST.get(error.verify_code, "invalid"), stream)
        failure = trust_failure(trust)
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        failure = stream.sock.failure or EOF
    except (OSError, ValueError) as error:
        failure = classify_failure(error)
    return _describe(stream, failure=failure, trust=trust)


def _look_at_device(found: TrustFinding, stream: TlsStream) -> TrustFinding:
    """Of a root that the web does not know, whether this device does."""
    if found not in ("unknown_issuer", "self_signed"):
        return found
    from probe.instruments.streams.device_roots import is_signed_on_device

    return "device_root" if is_signed_on_device(_chain(stream.tls)) else found


def _describe(stream: TlsStream, *, failure: Failure, trust: TrustFinding | Empty) -> TlsHandshake:
    first = stream.first_in
    alert = first[6] if len(first) >= 7 and first[0] == _ALERT else -1
    cipher = stream.tls.cipher()
    return TlsHandshake(
        failure=failure,
        alpn=stream.tls.selected_alpn_protocol() or "",
        version=(stream.tls.version() or "") if not failure else "",
        cipher=cipher[0] if cipher and not failure else "",
        alert=alert,
        acked=ask_acknowledged(stream.sock) if failure == TIMEOUT else ("yes" if first else ""),
        server_hello=is_tls_answer(first),
        hello=stream.first_out,
        chain_der=_chain(stream.tls),
        trust=trust,
    )


def _chain(tls: Any) -> tuple[bytes, ...]:
    """The presented chain in DER, leaf first, also after a failed verification (public only from Python 3.13 on)."""
    inner: Any = tls if hasattr(tls, "get_unverified_chain") else getattr(tls, "_sslobj", None)
    if inner is None or not hasattr(inner, "get_unverified_chain"):
        return ()
    try:
        chain = inner.get_unverified_chain() or ()
    except ValueError:
        return ()
    encoded = (c if isinstance(c, bytes) else c.public_bytes(2) for c in chain[:MAX_CHAIN])
    return tuple(bytes(der) for der in encoded)


@lru_cache(maxsize=512)
def hash_key(der: bytes) -> str:
    """SHA-256 of a certificate's SubjectPublicKeyInfo, in hex; of the whole DER when it cannot be parsed."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = x509.load_der_x509_certificate(der).public_key()
        return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    except Exception:  # a hostile certificate may break the parser in many ways; its identity is its bytes
        return hashlib.sha256(der).hexdigest()


@lru_cache(maxsize=512)
def read_certificate_names(der: bytes) -> tuple[str, str]:
    """(subject, issuer) of a certificate in RFC 4514 form, bounded; empty when it cannot be parsed."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        return certificate.subject.rfc4514_string()[:200], certificate.issuer.rfc4514_string()[:200]
    except Exception:
        return "", ""
