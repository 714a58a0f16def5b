"""Handshakes with servers on loopback: whose certificate, how it ended, and what an innocent name has to reach."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from loopback import SHORT_S, Behaviour, finish, going_to, response, saying, seen_of, serving
from observations import EOF, HOST, RESET, TIMEOUT
from probe.core.observations import Observation
from probe.instruments.streams import tls_handshake

CA, STRANGER = trustme.CA(), trustme.CA()
NOW = datetime.now(UTC)


def self_signed() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    builder = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - timedelta(1)).not_valid_after(NOW + timedelta(9))
    made = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                               serialization.NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with trustme.Blob(secret + pem).tempfile() as path:
        context.load_cert_chain(path)
    return context


def issued(ca: trustme.CA = CA, *names: str, **dates: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*(names or (HOST,)), **dates).configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    return context


def speaking_tls(context: ssl.SSLContext, behave: Behaviour | None = None) -> Behaviour:
    def wrapped(conn: socket.socket) -> None:
        with suppress(ssl.SSLError), context.wrap_socket(conn, server_side=True) as secure:
            (behave or saying(response()))(secure)

    return wrapped


@pytest.fixture
def _trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's authority in the place of the web's."""
    CA.cert_pem.write_to_path(tmp_path / "roots.pem")
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "roots.pem"))
    tls_handshake.make_context.cache_clear()
    yield
    tls_handshake.make_context.cache_clear()


def shaken(behave: Behaviour, **changes: Any) -> list[Observation]:
    plan: dict[str, Any] = dict(sni=HOST, trust="web_pki", alpn=("http/1.1",), scheme="https")
    with serving(behave) as server:
        return seen_of(going_to(server.port, **plan | changes))


@pytest.mark.usefixtures("_trusted")
def test_a_genuine_server_is_proven_and_its_page_read() -> None:
    connect, shake, page = shaken(speaking_tls(issued(), saying(response(b"hello"))))
    assert (shake.failure, shake.tls.trust, shake.tls.alpn, shake.tls.version) == ("", "valid", "http/1.1", "TLSv1.3")
    assert (shake.tls.server_hello, shake.tcp.acked, shake.tls.alert) == (True, "yes", -1)
    assert shake.tls.ja4.startswith("t13d")
    assert shake.tls.hello_bytes > 200
    assert shake.tls.sni == HOST
    assert len(shake.tls.chain) == 1
    assert "trustme" in shake.tls.issuer
    assert (page.failure, page.http.status, page.http.body_excerpt) == ("", 200, "hello")
    assert connect.failure == ""


BAD: dict[str, tuple[Callable[[], ssl.SSLContext], str]] = {
    "expired": (lambda: issued(not_before=NOW - timedelta(9), not_after=NOW - timedelta(1)), "ssl_invalid_certificate"),
    "not_yet_valid": (lambda: issued(not_before=NOW + timedelta(1), not_after=NOW + timedelta(9)),
                      "ssl_invalid_certificate"),
    "self_signed": (self_signed, "ssl_unknown_authority"),
    "unknown_issuer": (lambda: issued(STRANGER), "ssl_unknown_authority"),
    "wrong_name": (lambda: issued(CA, "other.example"), "ssl_invalid_hostname"),
}


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("trust", BAD)
def test_a_bad_certificate_is_named_and_kept(trust: str) -> None:
    make, failure = BAD[trust]
    _, shake = shaken(speaking_tls(make()))
    assert (shake.tls.trust, shake.failure) == (trust, failure)
    assert len(shake.tls.chain) == 1
    assert len(shake.tls.chain[0]) == 64
    assert shake.tls.issuer
    assert shake.tls.server_hello


@pytest.mark.usefixtures("_trusted")
def test_a_recorded_certificate_is_not_judged() -> None:
    shake = shaken(speaking_tls(issued(STRANGER)), trust="record")[1]
    assert (shake.failure, shake.tls.trust, len(shake.tls.chain)) == ("", "", 1)


def after_hello(*parts: bytes, then: str) -> Behaviour:
    def behave(conn: socket.socket) -> None:
        conn.recv(4096)
        for part in parts:
            conn.sendall(part)
        finish(conn, then)

    return behave


def alert(code: int) -> bytes:
    return b"\x15\x03\x03\x00\x02\x02" + bytes([code])


@pytest.mark.parametrize(("behave", "failure", "number"), [
    pytest.param(after_hello(then="reset"), RESET, -1, id="reset"),
    pytest.param(after_hello(then="close"), EOF, -1, id="closed"),
    pytest.param(after_hello(b"\x16\x03\x03\x00\x7a\x02", then="reset"), RESET, -1, id="reset in the answer"),
    pytest.param(after_hello(b"\x16\x03\x03\x00\x7a\x02", then="close"), EOF, -1, id="closed in the answer"),
    pytest.param(after_hello(alert(112), then="close"), "ssl_error: ", 112, id="alert"),
    pytest.param(after_hello(response(b"blocked"), then="close"), "ssl_error: ", -1, id="a page in the clear"),
    pytest.param(after_hello(*[bytes(65536)] * 99, then="close"), "ssl_error: ", -1, id="a flood of nothing"),
])
def test_a_handshake_that_is_cut_off_has_the_right_word(behave: Behaviour, failure: str, number: int) -> None:
    connect, shake = shaken(behave)
    assert connect.failure == ""
    assert shake.failure.startswith(failure)
    assert (shake.tls.alert, shake.tls.trust, shake.tls.chain) == (number, "", ())


def test_a_mute_server_has_acknowledged_the_hello() -> None:
    _, shake = shaken(after_hello(then="hold"), tls_timeout_s=SHORT_S)
    assert (shake.failure, shake.tcp.acked, shake.tls.server_hello) == (TIMEOUT, "yes", False)


@pytest.mark.parametrize("behave", [
    pytest.param(speaking_tls(issued(STRANGER, "other.example")), id="any certificate"),
    pytest.param(after_hello(alert(112), then="close"), id="unrecognized_name"),
    pytest.param(after_hello(alert(40), then="reset"), id="handshake_failure"),
])
def test_an_innocent_name_is_reached_by_any_answer_of_a_tls_server(behave: Behaviour) -> None:
    *_, shake = shaken(behave, purpose="innocent", trust="none", until_server_hello=True, paths=())
    assert (shake.operation, shake.failure, shake.tls.server_hello, shake.tls.trust) == ("tls_handshake", "", True, "")


@pytest.mark.parametrize("how", ["reset", "close"])
def test_an_innocent_name_that_is_cut_off_is_not_reached(how: str) -> None:
    *_, shake = shaken(after_hello(then=how), purpose="innocent", trust="none", until_server_hello=True, paths=())
    assert (shake.failure, shake.tls.server_hello) == (RESET if how == "reset" else EOF, False)


@pytest.mark.usefixtures("_trusted")
def test_a_page_may_be_cut_off_behind_a_good_handshake() -> None:
    for then, failure in (("reset", RESET), ("close", EOF)):
        page = shaken(speaking_tls(issued(), saying(response(b"x" * 99)[:-9], then=then)))[-1]
        assert (page.operation, page.failure) == ("http_round_trip", failure)
