"""The helper's own lookups, against an operator on loopback that keeps its connections, or ends them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
import requests
import trustme

from control_world import DOH, HERE, HOST, Doh, helper_at, serving, trusting
from probe.core.tables.resolvers import Resolver
from probe.instruments.names.dns_response import DnsResponse
from probe.instruments.streams.kept_streams import hang_up
from probe.instruments.streams.sockets import RecordedSocket
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.reaching.doh import SILENT, ask_doh, resolve_by_doh
from probe_operate.reaching.doh_connections import KEPT, keep_connections
from probe_operate.reaching.target_guard import TargetGuard

OPERATOR = Resolver(name="test", ipv4=(HERE,), doh_host=DOH)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[trustme.CA]:
    """One that is trusted."""
    ours = trustme.CA()
    with trusting(ours, tmp_path_factory.mktemp("trust") / "bundle.pem"):
        yield ours


def asked(authority: trustme.CA, handler: type[Doh], name: str = HOST) -> tuple[tuple[DnsResponse, ...], int]:
    """What the operator said, and over how many connections."""
    clients: set[object] = set()

    class Counted(handler):  # type: ignore[valid-type, misc]
        def do_POST(self) -> None:
            clients.add(self.client_address)
            super().do_POST()

    with serving(Counted, authority.issue_cert(DOH)) as port:
        return ask_doh(OPERATOR, name, port=port, deadline=time.monotonic() + 30), len(clients)


class Keeping(Doh):
    """Keeps its connections, as all operators do."""

    protocol_version = "HTTP/1.1"


class Failing(Doh):
    """Ends each connection; to the first question it says nothing of use."""

    served = 0

    def do_POST(self) -> None:
        """Refuse the first, answer the others."""
        type(self).served += 1
        if self.served == 1:
            self.send_error(500)
        else:
            super().do_POST()


def test_both_questions_go_over_one_connection_while_it_lasts(authority: trustme.CA) -> None:
    for handler, connections in ((Keeping, 1), (Doh, 2)):
        (four, six), counted = asked(authority, handler)
        assert (four.answers, six.answers, counted) == ((HERE,), (), connections)


class FailingLater(Failing):
    """The same, to the second question."""

    served = -1


def test_half_an_answer_tells_addresses_and_denies_nothing(authority: trustme.CA) -> None:
    """That a name has no IPv6 address is no word on whether it has others."""
    assert asked(authority, Failing) == ((), 2)
    (only,), counted = asked(authority, FailingLater)
    assert (only.answers, counted) == ((HERE,), 2)


class Hanging(Keeping):
    """Leaves every other question unanswered for as long as the client waits."""

    asked = 0

    def do_POST(self) -> None:
        """Answer the first, the third ..."""
        type(self).asked += 1
        if self.asked % 2:
            super().do_POST()
        else:
            self.rfile.read()


def test_what_was_heard_until_the_helper_waits_no_longer_is_told(authority: trustme.CA,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_operate.helper.helper_engine.DNS_TIMEOUT_S", 1.0)
    with serving(Hanging, authority.issue_cert(DOH)) as port:
        engine = HelperEngine(pool=FuturePool(2), guard=TargetGuard(exempt=frozenset({(HERE, port)})),
                              resolvers=(OPERATOR,), doh_port=port)
        with helper_at(engine) as url:
            told = requests.post(url, json={"http_request": f"https://{HOST}/", "tcp_connect": []}, timeout=30).json()
    assert told["dns"] == {"failure": None, "addrs": [HERE]}


class Mute(Keeping):
    """Takes questions, and answers none."""

    def do_POST(self) -> None:
        """Wait for the client to leave."""
        self.rfile.read()


def test_an_operator_that_takes_a_question_and_is_silent_is_told_from_one_that_cannot_be_asked(
        authority: trustme.CA) -> None:
    with serving(Mute, authority.issue_cert(DOH)) as port:
        until = time.monotonic() + 0.5
        assert ask_doh(OPERATOR, HOST, port=port, deadline=until) == (SILENT,)
        until = time.monotonic() + 0.5
        assert resolve_by_doh(HOST, (OPERATOR,), port=port, deadline=until).reason == "resolver_silent"
    assert resolve_by_doh(HOST, (), port=port, deadline=until).reason == "no_resolver"


def test_oonis_probes_hear_of_a_silent_operator_as_theirs_say_it_and_ours_hear_nothing(
        authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_operate.helper.helper_engine.DNS_TIMEOUT_S", 0.5)
    asked = {"http_request": f"https://{HOST}/"}
    with serving(Mute, authority.issue_cert(DOH)) as port:
        engine = HelperEngine(pool=FuturePool(2), resolvers=(OPERATOR,), doh_port=port, max_delay_s=float("inf"))
        with helper_at(engine) as url:
            told = requests.post(url, json=asked, timeout=30).json()
            ours = requests.post(url, json={**asked, "x_endpoints": [{"proto": "dns", "host": HOST}]},
                                 timeout=30).json()
    assert (told["dns"], told["http_request"]["failure"]) == ({"failure": "unknown_error", "addrs": []},
                                                              "dns_lookup_error")
    assert (ours["x_endpoints"][0]["reason"], ours["x_endpoints"][0]["failure"]) == ("resolver_silent", None)
    assert (ours["http_request"]["x_refused"], ours["http_request"]["x_failure"]) == ("resolver_silent", "")


class EndingLater(Keeping):
    """Promises to keep its connections, and ends each after two answers."""

    def do_POST(self) -> None:
        """Answer, and at the second time leave."""
        super().do_POST()
        self.connection.answered = getattr(self.connection, "answered", 0) + 1
        self.close_connection = self.connection.answered > 1


def test_connections_are_kept_between_names_and_made_anew_where_they_have_ended(authority: trustme.CA) -> None:
    for handler, connections in ((Keeping, 1), (EndingLater, 3)):
        clients: set[object] = set()

        class Counted(handler):  # type: ignore[valid-type, misc]
            def do_POST(self) -> None:
                clients.add(self.client_address)  # noqa: B023  # of this round, which ends before the next begins
                super().do_POST()

        kept = keep_connections()
        with serving(Counted, authority.issue_cert(DOH)) as port:
            for _ in range(3):
                replies = ask_doh(OPERATOR, HOST, port=port, deadline=time.monotonic() + 30, kept=kept)
                assert [reply.answers for reply in replies] == [(HERE,), ()]
        assert len(clients) == connections


def test_no_more_connections_are_kept_than_so_many() -> None:
    kept, ends = keep_connections(), list[socket.socket]()
    for _ in range(KEPT + 5):
        ours, theirs = socket.socketpair()
        ends.append(theirs)
        kept.keep(OPERATOR, RecordedSocket(fileno=ours.detach()))
    for end in ends:
        end.settimeout(0)
    open_still = [end for end in ends if _is_open(end)]
    assert open_still == ends[5:]
    found = [kept.take(OPERATOR, deadline=0.0) for _ in range(KEPT + 1)]
    assert (found.count(None), found[-1]) == (1, None)
    for stream, end in zip(found, ends, strict=False):
        if stream is not None:
            hang_up(stream)
        end.close()
    for end in ends:
        end.close()


def _is_open(end: socket.socket) -> bool:
    try:
        return end.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_a_name_that_is_none_is_not_asked_for(authority: trustme.CA) -> None:
    replies, counted = asked(authority, Keeping, "a" * 70 + ".example.org")
    assert ([reply.rcode for reply in replies], counted) == (["NXDOMAIN"], 0)


def test_an_operator_that_cannot_be_reached_says_nothing(authority: trustme.CA) -> None:
    with serving(Keeping, authority.issue_cert("other.example.org")) as port:  # not its name
        until = time.monotonic() + 30
        assert ask_doh(OPERATOR, HOST, port=port, deadline=until) == ()
        assert resolve_by_doh(HOST, (OPERATOR, OPERATOR), port=port, deadline=until).addresses == ()
    with serving(Keeping, authority.issue_cert(DOH)) as port:
        away = Resolver(name="away", ipv4=(), doh_host=DOH)
        assert resolve_by_doh(HOST, (away, OPERATOR), port=port, deadline=until).addresses == (HERE,)
