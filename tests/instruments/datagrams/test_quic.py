"""A QUIC handshake against a real server on loopback: what each end of it looks like in an observation."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest
import trustme

from loopback_udp import NAME, box, quic_server
from probe.core.observations import Observation
from probe.core.tables.failures import TIMEOUT
from probe.core.tables.trust import TrustPolicy
from probe.instruments.clock import start_clock
from probe.instruments.datagrams import quic_handshake
from probe.instruments.datagrams.quic_trust import _make_store, judge_chain
from probe.instruments.datagrams.quic_version import ask_version
from probe.instruments.datagrams.udp_socket import MAX_DATAGRAMS
from probe.instruments.steps import QuicVisit, VersionProbe

PATIENCE_S = 60.0
"""Nothing waits for its end."""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[trustme.CA]:
    """An authority that takes the place of certifi's."""
    authority, pem = trustme.CA(), tmp_path_factory.mktemp("ca") / "roots.pem"
    authority.cert_pem.write_to_path(pem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(pem))
        _make_store.cache_clear()
        yield authority
    _make_store.cache_clear()


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_handshake, "PING_EVERY_S", 0.05)
    monkeypatch.setattr(quic_handshake, "SILENCE_S", PATIENCE_S)
    monkeypatch.setattr(quic_handshake.shake_hands_quic, "__kwdefaults__", {"stay_s": 0.5})


def visit(port: int, sni: str = NAME, *, trust: TrustPolicy = "web_pki", timeout_s: float = PATIENCE_S) -> Observation:
    step = QuicVisit(purpose="target", address="127.0.0.1", port=port, hostname=sni, sni=sni, trust=trust,
                     timeout_s=timeout_s)
    return quic_handshake.visit_quic(step, clock=start_clock(datetime.now(UTC)))


def test_a_handshake_is_made_judged_and_stayed_with(ca: trustme.CA, tmp_path: Path) -> None:
    with quic_server(ca, tmp_path) as port:
        seen = visit(port)
    assert (seen.operation, seen.failure, seen.tls.trust, seen.tls.alpn, seen.tls.version) == (
        "quic_handshake", "", "valid", "h3", "TLSv1.3")
    assert seen.tls.server_hello
    assert seen.datagrams.responses == seen.datagrams.requests > 1
    assert len(seen.tls.chain) == 1
    assert len(seen.tls.chain[0]) == 64
    assert seen.bytes_read > 1200


@pytest.mark.parametrize(("sni", "leaf", "trust", "failure"), [
    ("other.example", {}, "wrong_name", "ssl_invalid_hostname"),
    (NAME, {"not_after": datetime.now(UTC) - timedelta(days=2)}, "expired", "ssl_invalid_certificate"),
])
def test_a_bad_certificate_is_told_and_kept(
    ca: trustme.CA, tmp_path: Path, sni: str, leaf: dict[str, Any], trust: str, failure: str,
) -> None:
    with quic_server(ca, tmp_path, **leaf) as port:
        seen = visit(port, sni)
    assert (seen.failure, seen.tls.trust, len(seen.tls.chain)) == (failure, trust, 1)


def test_an_unknown_authority_is_not_trusted_and_may_be_recorded(ca: trustme.CA, tmp_path: Path) -> None:
    with quic_server(trustme.CA(), tmp_path) as port:
        assert (visit(port).failure, visit(port).tls.trust) == ("ssl_unknown_authority", "unknown_issuer")
        recorded = visit(port, trust="record")
    assert (recorded.failure, recorded.tls.trust, len(recorded.tls.chain)) == ("", "", 1)


@pytest.mark.parametrize("chain", [(), (b"",), (b"\x30\x03\x02\x01\x01",)])
def test_no_bytes_pass_for_a_certificate(chain: tuple[bytes, ...]) -> None:
    assert judge_chain(chain, trust="web_pki", name=NAME) == "invalid"


def test_silence_and_a_closed_port_differ() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        mute = visit(port, timeout_s=0.5)
    closed = visit(port, timeout_s=5)
    assert (mute.failure, mute.icmp, mute.tls.server_hello) == (TIMEOUT, None, False)
    assert closed.failure == "connection_refused"
    assert closed.icmp is not None
    assert closed.icmp.kind == (3, 3)


def is_of_handshake(data: bytes) -> bool:
    """Whether a datagram begins with a long header (RFC 9000 section 17.2), as those of a handshake do."""
    return data[0] & 0x80 != 0


def test_silence_after_the_handshake_is_seen(ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Great Firewall lets the handshake that sets it off succeed, and drops what the client sends then."""
    monkeypatch.setattr(quic_handshake, "SILENCE_S", 0.6)
    with (quic_server(ca, tmp_path) as port,
          box(port, lambda to_server, _, data: not to_server or is_of_handshake(data)) as way):
        seen = visit(way)
    assert (seen.failure, seen.tls.trust, seen.tls.version) == (TIMEOUT, "valid", "TLSv1.3")
    assert seen.datagrams.responses < seen.datagrams.requests


def test_a_lost_datagram_is_no_silence(ca: trustme.CA, tmp_path: Path) -> None:
    with quic_server(ca, tmp_path) as port, box(port, lambda to_server, n, _: n not in (0, 4, 5)) as way:
        assert visit(way).failure == ""


def test_an_innocent_name_only_has_to_reach_a_server(ca: trustme.CA, tmp_path: Path) -> None:
    with quic_server(ca, tmp_path) as port:
        assert visit(port, "www.example.com", trust="none").failure == ""
    hostile = visit_to(lambda data: b"\xc0" + bytes(1300))
    assert hostile.failure == TIMEOUT
    assert not hostile.tls.server_hello


def test_hostile_datagrams_end_nothing_and_raise_nothing() -> None:
    for junk in (b"", b"\x00", b"\xff" * 1400, b"\xc0\0\0\0\1\xff", b"\x80" + bytes(300)):
        assert visit_to(lambda data, junk=junk: junk).failure  # type: ignore[misc]


def test_a_flood_ends_early() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, socket.socket() as over:
        sock.bind(("127.0.0.1", 0))

        def flood() -> None:
            _, peer = sock.recvfrom(65535)
            while over.fileno() >= 0:
                try:
                    sock.sendto(b"\xc0" + bytes(1000), peer)
                except OSError:
                    return

        threading.Thread(target=flood, daemon=True).start()
        seen = visit(sock.getsockname()[1], timeout_s=60.0)
    assert seen.failure == "message_size"
    assert seen.bytes_read <= MAX_DATAGRAMS * 65535


def visit_to(answer: Callable[[bytes], bytes]) -> Observation:
    """An innocent visit to a server that answers every datagram so."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    data, peer = sock.recvfrom(65535)
                    sock.sendto(answer(data), peer)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        return visit(sock.getsockname()[1], "www.example.com", trust="none", timeout_s=0.5)


def test_a_server_names_its_versions(ca: trustme.CA, tmp_path: Path) -> None:
    clock = start_clock(datetime.now(UTC))
    with quic_server(ca, tmp_path) as port:
        lives = ask_version(VersionProbe(address="127.0.0.1", port=port), clock=clock)
    closed = ask_version(VersionProbe(address="127.0.0.1", port=port), clock=clock)
    assert (lives.failure, lives.datagrams.requests, lives.datagrams.responses) == ("", 1, 1)
    assert 1 in lives.datagrams.versions
    assert (closed.failure, closed.datagrams.versions) == ("connection_refused", ())


def test_the_library_says_nothing_of_addresses(ca: trustme.CA, tmp_path: Path,
                                               capfd: pytest.CaptureFixture[str]) -> None:
    assert logging.getLogger("quic").level > logging.CRITICAL
    with quic_server(ca, tmp_path) as port:
        visit(port, "other.example")
    assert "127.0.0.1" not in "".join(capfd.readouterr())


def test_aioquic_is_loaded_by_no_step_but_a_quic_visit() -> None:
    code = ("import sys, probe.session.run_loop, probe.session.datagram_steps,"
            "probe.instruments.datagrams.stun, probe.instruments.datagrams.quic_version,"
            "probe_operate.helper.helper_server, probe.session.selection as s; s.find_lacking_modules();"
            "sys.exit('aioquic' in sys.modules or 'OpenSSL' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
