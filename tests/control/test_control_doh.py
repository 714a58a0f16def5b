"""The helper's own lookups, against an operator on loopback that keeps its connections, or ends them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests
import trustme

from control_world import DOH, HERE, HOST, Doh, helper_at, serving, trusting
from probe.control.helper.helper_engine import HelperEngine
from probe.control.helper.helper_workers import FuturePool
from probe.control.reaching.doh import ask_doh, resolve_by_doh
from probe.control.reaching.target_guard import TargetGuard
from probe.core.tables.resolvers import Resolver
from probe.measurement.names.dns_response import DnsResponse

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
    monkeypatch.setattr("probe.control.helper.helper_engine.DNS_TIMEOUT_S", 1.0)
    with serving(Hanging, authority.issue_cert(DOH)) as port:
        engine = HelperEngine(pool=FuturePool(2), guard=TargetGuard(exempt=frozenset({(HERE, port)})),
                              resolvers=(OPERATOR,), doh_port=port)
        with helper_at(engine) as url:
            told = requests.post(url, json={"http_request": f"https://{HOST}/", "tcp_connect": []}, timeout=30).json()
    assert told["dns"] == {"failure": None, "addrs": [HERE]}


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
