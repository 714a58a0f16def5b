"""The listener against name servers on loopback: what counts as the answer, and what comes after it."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.message
import dns.rrset
import pytest

from observations import HERE4, HOST, PRIVATE, THERE4
from probe.instruments.clock import Clock, start_clock
from probe.instruments.names import dns_room, dns_udp
from probe.instruments.names.dns_udp import MAX_REPLIES, DnsListener, DnsQuestion
from probe.instruments.names.lookups import observe_question
from probe.judge.dns.dns_evidence import gather_dns_evidence

PATIENCE_S = 60.0
"""Nothing waits for its end."""
SHORT_S = 1.5
"""A deadline that is waited for: what a server on loopback says must have come before."""
Script = Callable[[dns.message.Message, int], list[bytes]]
"""(query, how many came before) -> datagrams to send back."""


def answer(query: dns.message.Message, *addresses: str, identity: int | None = None, name: str = "") -> bytes:
    """A response to `query`, or to another id or name."""
    asked = query.question[0]
    about = dns.message.make_query(name or asked.name, asked.rdtype, id=query.id if identity is None else identity)
    response = dns.message.make_response(about)
    if addresses:
        response.answer.append(dns.rrset.from_text(about.question[0].name, 60, "IN", "A", *addresses))
    return response.to_wire()


class Server:
    """One UDP socket that answers by script."""

    def __init__(self, script: Script, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.host, self.port = host, int(self.sock.getsockname()[1])
        self.queries: list[dns.message.Message] = []
        self._script = script
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                wire, peer = self.sock.recvfrom(4096)
                if not wire:
                    return
                query = dns.message.from_wire(wire)
                self.queries.append(query)
                for datagram in self._script(query, len(self.queries) - 1):
                    self.sock.sendto(datagram, peer)
            except OSError:
                return


@contextmanager
def serving(script: Script, host: str = "127.0.0.1") -> Iterator[Server]:
    server = Server(script, host)
    try:
        yield server
    finally:
        with socket.socket(server.sock.family, socket.SOCK_DGRAM) as last:
            last.sendto(b"", (host, server.port))  # wakes the thread, which then ends
        server.sock.close()


class Heard:
    """What a question was told: the first word, and the later ones."""

    def __init__(self) -> None:
        self.first: queue.SimpleQueue[DnsQuestion] = queue.SimpleQueue()
        self.late: queue.SimpleQueue[int] = queue.SimpleQueue()

    def question(self, port: int, *, host: str = "127.0.0.1", timeout_s: float = PATIENCE_S, name: str = HOST,
                 recursion: bool = True) -> DnsQuestion:
        return DnsQuestion(name=name, query_type="A", server=host, port=port, timeout_s=timeout_s, recursion=recursion,
                           on_first=self.first.put, on_late=lambda q: self.late.put(len(q.replies)))


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsListener]:
    monkeypatch.setattr(dns_udp, "LISTEN_ON_S", PATIENCE_S)
    with DnsListener() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return start_clock()


def ask(listener: DnsListener, heard: Heard, question: DnsQuestion) -> DnsQuestion:
    listener.ask(question)
    return heard.first.get(timeout=PATIENCE_S)


def test_an_answer_decides(listener: DnsListener, clock: Clock) -> None:
    heard = Heard()
    with serving(lambda query, _: [answer(query, HERE4)]) as server:
        question = ask(listener, heard, heard.question(server.port))
    assert question.failure == ""
    seen = observe_question(question, resolver="network", clock=clock)
    assert (seen.dns.rcode, seen.dns.answers, seen.hostname, seen.dns.engine) == ("NOERROR", (HERE4,), HOST, "udp")
    assert seen.bytes_written > 0
    assert seen.bytes_read > 0
    assert 0 <= seen.t0_s <= seen.t_s


def test_the_second_answer_is_kept_and_told(listener: DnsListener, clock: Clock) -> None:
    heard = Heard()
    with serving(lambda query, _: [answer(query, PRIVATE), answer(query, THERE4)]) as server:
        question = ask(listener, heard, heard.question(server.port))
        assert heard.late.get(timeout=PATIENCE_S) == 2
    seen = observe_question(question, resolver="network", clock=clock)
    assert seen.dns.answers == (PRIVATE,)
    assert [reply.answers for reply in seen.dns.replies] == [(PRIVATE,), (THERE4,)]
    assert gather_dns_evidence([seen]).injected


NOISE: dict[str, Callable[[dns.message.Message], bytes]] = {
    "another id": lambda query: answer(query, PRIVATE, identity=query.id ^ 1),
    "another name": lambda query: answer(query, PRIVATE, name="other.example"),
    "rubbish": lambda query: query.id.to_bytes(2, "big") + b"\xff" * 40,
    "a loop of names": lambda query: query.id.to_bytes(2, "big") + b"\x81\x80\0\1" + b"\0" * 6 + b"\xc0\x0c\0\1\0\1",
    "our own question": lambda query: query.to_wire(),
    "nothing": lambda query: b"",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_noise_is_noted_and_the_answer_after_it_counts(
    noise: Callable[[dns.message.Message], bytes], listener: DnsListener,
) -> None:
    heard = Heard()
    with serving(lambda query, _: [noise(query), answer(query, THERE4)]) as server:
        question = ask(listener, heard, heard.question(server.port))
    assert question.failure == ""
    assert question.first is not None
    assert question.first.answers == (THERE4,)
    assert [bool(reply.failure) for _, _, reply in question.replies] == [True, False]


def test_noise_alone_is_no_answer(listener: DnsListener) -> None:
    heard = Heard()
    with serving(lambda query, _: [NOISE["rubbish"](query)]) as server:
        question = ask(listener, heard, heard.question(server.port, timeout_s=SHORT_S))
    assert (question.failure, question.first) == ("dns_server_misbehaving", None)


def test_silence_is_asked_again_and_answered_once(listener: DnsListener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_udp, "RESEND_AFTER_S", 0.05)
    heard = Heard()
    with serving(lambda query, before: [answer(query, HERE4)] if before else []) as server:
        question = ask(listener, heard, heard.question(server.port))
        assert len({query.id for query in server.queries}) == 1
    assert (question.failure, question.sends, len(question.replies)) == ("", 2, 1)
    assert heard.first.empty()


def test_silence_to_the_end_is_a_timeout(listener: DnsListener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_udp, "RESEND_AFTER_S", 0.05)
    heard = Heard()
    with serving(lambda *_: []) as server:
        question = ask(listener, heard, heard.question(server.port, timeout_s=SHORT_S))
    assert (question.failure, question.sends) == ("generic_timeout_error", 2)


def test_an_answer_after_the_timeout_is_kept_as_late(listener: DnsListener) -> None:
    gate, heard = threading.Event(), Heard()

    def script(query: dns.message.Message, _: int) -> list[bytes]:
        gate.wait(PATIENCE_S)
        return [answer(query, HERE4)]

    with serving(script) as server:
        question = ask(listener, heard, heard.question(server.port, timeout_s=0.1))
        assert question.failure == "generic_timeout_error"
        gate.set()
        assert heard.late.get(timeout=PATIENCE_S) == 1
    assert question.failure == "generic_timeout_error"
    assert question.replies[0][2].answers == (HERE4,)


def test_a_closed_port_refuses(listener: DnsListener) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    heard = Heard()
    assert ask(listener, heard, heard.question(port)).failure == "connection_refused"


def test_the_ttl_of_the_reply_is_read(listener: DnsListener) -> None:
    heard = Heard()
    with serving(lambda query, _: [answer(query, HERE4)]) as server:
        server.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 42)
        question = ask(listener, heard, heard.question(server.port))
    assert question.replies[0][1] == 42


def test_a_flood_is_bounded(listener: DnsListener) -> None:
    heard = Heard()
    with serving(lambda query, _: [answer(query, HERE4)] * (MAX_REPLIES + 12)) as server:
        question = ask(listener, heard, heard.question(server.port))
        for _ in range(MAX_REPLIES + 11):
            heard.late.get(timeout=PATIENCE_S)
    assert len(question.replies) == MAX_REPLIES


def test_recursion_is_asked_for_unless_it_must_not_be(listener: DnsListener) -> None:
    heard = Heard()
    with serving(lambda query, _: [answer(query, HERE4)]) as server:
        ask(listener, heard, heard.question(server.port))
        ask(listener, heard, heard.question(server.port, recursion=False))
        assert [bool(query.flags & dns.flags.RD) for query in server.queries] == [True, False]


def test_ipv6_servers_are_asked_too(listener: DnsListener) -> None:
    heard = Heard()
    try:
        with serving(lambda query, _: [answer(query, HERE4)], "::1") as server:
            question = ask(listener, heard, heard.question(server.port, host="::1"))
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback here: {error}")
    assert question.failure == ""


@pytest.mark.parametrize(("name", "host", "failure"), [
    ("a..b", "127.0.0.1", "unknown_failure: ValueError"),
    (HOST, "127.255.255.255", "permission_denied"),  # a broadcast address, which a socket must not ask by accident
])
def test_what_cannot_be_asked_is_decided_at_once_and_leaves_nothing_open(
    name: str, host: str, failure: str, listener: DnsListener,
) -> None:
    heard = Heard()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        question = ask(listener, heard, heard.question(9, host=host, name=name))
        assert question.failure.startswith(failure)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_closing_ends_the_thread_and_every_socket() -> None:
    before, heard = len(os.listdir("/proc/self/fd")), Heard()
    with serving(lambda query, _: [answer(query, HERE4)]) as server:
        with DnsListener() as running:
            for _ in range(20):
                ask(running, heard, heard.question(server.port))
        assert not running._thread.is_alive()
        assert len(os.listdir("/proc/self/fd")) <= before + 1  # the server's own


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_listener_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever bug ended its thread: what was asked is decided, and so is what is asked later, however much it is."""
    monkeypatch.setattr(dns_udp.DnsListener, "_read", lambda *_: 1 / 0)
    heard = Heard()
    with serving(lambda query, _: [answer(query, HERE4)]) as server, DnsListener() as running:
        assert ask(running, heard, heard.question(server.port)).failure == dns_udp.DEAD
        running._thread.join(PATIENCE_S)
        for _ in range(3000):
            running.ask(heard.question(server.port))
        for _ in range(3000):
            assert heard.first.get(timeout=PATIENCE_S).failure == dns_udp.DEAD


def test_many_questions_at_once_each_have_their_answer(listener: DnsListener) -> None:
    heard = Heard()

    def script(query: dns.message.Message, _: int) -> list[bytes]:
        number = int(str(query.question[0].name).split(".")[0])
        return [answer(query, f"93.184.{number >> 8}.{number & 255}")]

    with serving(script) as server:
        for number in range(150):
            listener.ask(heard.question(server.port, name=f"{number}.example"))
        told = [heard.first.get(timeout=PATIENCE_S) for _ in range(150)]
    for question in told:
        number = int(question.name.split(".")[0])
        assert question.first is not None, question.failure
        assert question.first.answers == (f"93.184.{number >> 8}.{number & 255}",)


def test_a_server_gets_a_limited_number_of_questions_at_once(
    listener: DnsListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_room, "AT_ONCE", 2)
    monkeypatch.setattr(dns_room, "HOLD_S", PATIENCE_S)
    heard = Heard()
    with serving(lambda *_: []) as silent, serving(lambda query, _: [answer(query, HERE4)], "127.0.0.2") as other:
        for number in range(3):
            listener.ask(heard.question(silent.port, name=f"{number}.example"))
        question = ask(listener, heard, heard.question(other.port, name="other.example", host="127.0.0.2"))
        assert question.name == "other.example"
        assert [waiting.name for waiting in listener._queue] == ["2.example"]


def test_a_silent_server_does_not_hold_up_what_else_it_is_asked(
    listener: DnsListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_room, "AT_ONCE", 1)
    monkeypatch.setattr(dns_room, "HOLD_S", 0.02)
    heard = Heard()
    with serving(lambda query, before: [answer(query, HERE4)] if before == 2 else []) as server:
        for number in range(3):
            listener.ask(heard.question(server.port, name=f"{number}.example"))
        first = heard.first.get(timeout=PATIENCE_S)
    assert (first.name, first.failure) == ("2.example", "")
