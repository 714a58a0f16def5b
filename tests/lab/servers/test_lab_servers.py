"""The laboratory's servers, asked by real clients: every row of the catalogue answers as its service would."""

from __future__ import annotations

import base64
import json
import random
import re
import socket
import ssl
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from lab_servers_world import Answer, Served, connect, get, in_namespace, request, row, serving
from probe.catalogue.load import load_catalogue
from probe.core.endpoints import Endpoint
from probe.core.tables.resolvers import PUBLIC_RESOLVERS, ROOT_SERVERS
from probe_lab.pki import world_time
from probe_lab.servers.client_hello import server_name

pytestmark = pytest.mark.lab

ROWS = load_catalogue(search=False).endpoints
TEMPLATES = {"{cc}": "ru", "{CC}": "RU", "{8hex}": "0123abcd"}
DOH = [operator for operator in PUBLIC_RESOLVERS if operator.doh_host]


def rows_of(*schemes: str) -> list[Endpoint]:
    """The living rows of these URL schemes, with their templates filled."""
    return [item for item in ROWS if urlsplit(item.input).scheme in schemes and item.status != "dead"]


def fill(url: str) -> str:
    for template, value in TEMPLATES.items():
        url = url.replace(template, value)
    return url


def addresses(served: Served, item: Endpoint) -> list[str]:
    if item.address:
        return [item.address]
    plan = served.world.hosts[item.host]
    return [*plan.ipv4, *plan.ipv6]


def status_allowed(allowed: Iterable[str], status: int) -> bool:
    return not allowed or any(token in ("any", str(status), f"{status // 100}xx") for token in allowed)


def json_holds(wanted: str, body: bytes) -> bool:
    path, equals, value = wanted.partition("=")
    found = json.loads(body)
    for index, name in re.findall(r"\[(\d+)\]|([^.\[]+)", path):
        found = found[int(index)] if index else found[name]
    return not equals or value in (str(found), json.dumps(found))


def unmet(item: Endpoint, answer: Answer) -> list[str]:
    """What an answer lacks of what the row expects."""
    expect, text = item.expect, answer.body.decode().lower()
    checks = {
        f"status {answer.status}": status_allowed(expect.status, answer.status) and answer.status // 100 != 5,
        "body": not expect.body or any(wanted.lower() in text for wanted in expect.body),
        "header": not expect.header or expect.header in answer.headers,
        "location": expect.location in answer.headers.get("Location", ""),
        "json": not expect.json or json_holds(expect.json, answer.body),
        "no bot wall": bool(expect.status) or answer.status not in (403, 429, 451),
    }
    return [name for name, met in checks.items() if not met]


@pytest.mark.slow
@in_namespace
def test_every_web_row_answers_as_its_service_would(seed: int) -> None:
    rng, bad, seen = random.Random(seed), [], 0
    with serving(ROWS, seed=seed) as served:
        for item in [item for item in rows_of("http", "https") if item.protocol == "http"]:
            address = rng.choice(addresses(served, item))
            client = connect(address, item.port)
            if item.sni:
                trusted = served.trusting("anchors/signal_root_a.pem" if item.trust == "signal_root" else "ca.pem")
                trusted.set_alpn_protocols(["http/1.1"])
                client = trusted.wrap_socket(client, server_hostname=item.sni)
            with client:
                parts = urlsplit(fill(item.input))
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                headers = "Accept-Encoding: gzip, deflate\r\n"
                answer = request(client, parts.netloc, target, method=rng.choice(("GET", "POST")), headers=headers)
            seen += 1
            bad += [f"{item.input} at {address}: {what}" for what in unmet(item, answer)]
    assert not bad, "\n".join(bad)
    assert seen > 400


@in_namespace
def test_every_tls_and_tcp_row_is_there() -> None:
    with serving(ROWS, seed=3) as served:
        for item in rows_of("tlshandshake", "mqtts"):
            for address in addresses(served, item):
                anchor = "anchors/signal_root_a.pem" if item.trust == "signal_root" else "ca.pem"
                context = served.trusting(anchor)
                if item.alpn:
                    context.set_alpn_protocols(list(item.alpn))
                with context.wrap_socket(connect(address, item.port), server_hostname=item.sni) as client:
                    assert (client.selected_alpn_protocol() or "") in (item.alpn or ("", "http/1.1")), item.input
                    if item.alpn == ("h2",):
                        assert client.recv(9)[3] == 4, "an HTTP/2 server begins with SETTINGS"
        for item in rows_of("tcpconnect"):
            for address in addresses(served, item):
                if "closed" in item.expect.status:
                    with pytest.raises(ConnectionRefusedError):
                        connect(address, item.port)
                else:
                    connect(address, item.port).close()


@in_namespace
def test_nothing_else_listens() -> None:
    rows = [row("https://only.example/"), row("tcpconnect://raw.example:5222")]
    with serving(rows, seed=4) as served:
        for name, closed in (("only.example", (81, 5222, 8443)), ("raw.example", (80, 443, 5223))):
            for port in closed:
                with pytest.raises(ConnectionRefusedError):
                    connect(served.address(name), port)
        for address in (served.world.portal, served.world.mitm):
            with pytest.raises(ConnectionRefusedError):
                connect(address, 443)
        answer = get(served, "http://only.example/a/b?c=d")
        assert (answer.status, answer.headers["Location"]) == (301, "https://only.example/a/b?c=d")


@in_namespace
def test_a_name_that_is_not_the_hosts_gets_its_default_certificate_or_an_alert() -> None:
    rows = [row(f"https://host{number}.example/") for number in range(40)]
    seen: dict[str, int] = {}
    with serving(rows, seed=6) as served:
        for item in rows:
            for asked in ("www.somebody-else.example", None):
                context = served.trusting()
                context.check_hostname = False
                try:
                    with context.wrap_socket(connect(served.address(item.host), 443), server_hostname=asked) as client:
                        names = client.getpeercert()["subjectAltName"]  # type: ignore[index]
                        met = "default" if names == (("DNS", item.host),) else str(names)
                except ssl.SSLError as error:
                    met = f"{error.reason} to {asked}"
                seen[met] = seen.get(met, 0) + 1
    refusals = {"TLSV1_UNRECOGNIZED_NAME to www.somebody-else.example", "SSLV3_ALERT_HANDSHAKE_FAILURE to None"}
    assert set(seen) == {"default"} | refusals
    assert seen["default"] > 40


@in_namespace
def test_keys_are_one_per_host_and_dates_follow_the_world() -> None:
    rows = [row("https://one.example/"), row("https://two.example/")]
    shift_s = 5 * 365 * 86400
    with serving(rows, seed=7, clock_shift_s=shift_s) as served:
        presented: dict[str, set[bytes]] = {}
        for item in rows:
            for address in addresses(served, item):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                with context.wrap_socket(connect(address, 443), server_hostname=item.host) as client:
                    presented.setdefault(item.host, set()).add(client.getpeercert(binary_form=True) or b"")
        assert [len(found) for found in presented.values()] == [1, 1]
        assert presented["one.example"] != presented["two.example"]
        with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
            get(served, "https://one.example/")
        date = parsedate_to_datetime(get(served, "http://one.example/").headers["Date"])
        assert abs((date - world_time(shift_s)).total_seconds()) < 60


@in_namespace
def test_http_is_spoken_properly() -> None:
    rows = [row("https://web.example/", expect_status=("200",), expect_body=("Here we are",))]
    with serving(rows, seed=8) as served:
        plain = connect(served.address("web.example"), 443)
        client = served.trusting().wrap_socket(plain, server_hostname="web.example")
        first = request(client, "web.example")
        again = request(client, "web.example", headers="Accept-Encoding: gzip\r\n")
        assert first.body == again.body
        assert b"<title>Here we are</title>" in first.body
        assert 500 < len(first.body) < 70000
        assert request(client, "web.example", method="HEAD").body == b""
        assert request(client, "web.example", method="POST", body=b"x" * 5000).status == 200
        assert request(client, "web.example", "/not-there").status == 404
        assert request(client, "other.example").status == 404
        chunked = b"3\r\nabc\r\n0\r\n\r\n"
        client.sendall(b"POST / HTTP/1.1\r\nHost: web.example\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked)
        assert client.recv(12) == b"HTTP/1.1 200"
        client.close()
        last = get(served, "https://web.example/", headers="Connection: close\r\n")
        assert (last.status, last.headers["Connection"]) == (200, "close")


@in_namespace
def test_websockets_are_upgraded_and_refused_without_an_upgrade() -> None:
    rows = [row("wss://push.example/chat", expect_status=("101",))]
    with serving(rows, seed=9) as served:
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        answer = get(served, "wss://push.example/chat", headers=upgrade)
        assert answer.status == 101
        assert answer.headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 1.3
        assert get(served, "wss://push.example/chat").status == 426


def ask(served: Served, name: str, kind: str, *, where: str = "", tcp: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    carry = dns.query.tcp if tcp else dns.query.udp
    return carry(query, where or served.world.resolver, timeout=10)


def found(answer: dns.message.Message, kind: str) -> set[str]:
    wanted = dns.rdatatype.from_text(kind)
    return {item.to_text() for rrset in answer.answer if rrset.rdtype == wanted for item in rrset}


@pytest.mark.slow
@in_namespace
def test_every_name_resolves_everywhere_as_it_was_drawn() -> None:
    with serving(ROWS, seed=10) as served:
        aliases = 0
        for number, (name, plan) in enumerate(sorted(served.world.hosts.items())):
            where = served.world.resolver if number % 2 else "9.9.9.9"
            answer = ask(served, name, "A", where=where, tcp=number % 5 == 0)
            assert found(answer, "A") == set(plan.ipv4), name
            assert answer.flags & dns.flags.RA
            aliases += bool(found(answer, "CNAME"))
            assert found(ask(served, name.upper(), "AAAA", where=where), "AAAA") == set(plan.ipv6), name
        assert 0.1 < aliases / len(served.world.hosts) < 0.4
        alias = next(
            target for name in served.world.hosts for target in found(ask(served, name, "CNAME"), "CNAME")
        )
        assert found(ask(served, alias, "A"), "A")


@in_namespace
def test_what_does_not_exist_is_denied_with_a_soa() -> None:
    rows = [row("https://www.deep.example.org/"), row("https://gone.example.org/", status="dead")]
    with serving(rows, seed=11) as served:
        for name, kind, rcode in (
            ("gone.example.org", "A", dns.rcode.NXDOMAIN),
            ("qwertyuiopasdfgh.com", "A", dns.rcode.NXDOMAIN),
            ("below.www.deep.example.org", "A", dns.rcode.NXDOMAIN),
            ("deep.example.org", "A", dns.rcode.NOERROR),
            ("www.deep.example.org", "TXT", dns.rcode.NOERROR),
        ):
            answer = ask(served, name, kind)
            assert answer.rcode() == rcode, name
            assert [rrset.rdtype for rrset in answer.authority] == [dns.rdatatype.SOA], name


@in_namespace
def test_root_servers_refer_and_never_answer() -> None:
    with serving(ROWS, seed=12) as served:
        query = dns.message.make_query("www.wechat.com", "A", flags=0)
        for where in ROOT_SERVERS:
            answer = dns.query.udp(query, where, timeout=10)
            assert not answer.answer
            assert answer.rcode() == dns.rcode.NOERROR
            assert not answer.flags & (dns.flags.AA | dns.flags.RA)
            assert {(str(rrset.name), rrset.rdtype) for rrset in answer.authority} == {("com.", dns.rdatatype.NS)}
        assert ask(served, "a.nosuchtld", "A", where=ROOT_SERVERS[0], tcp=True).rcode() == dns.rcode.NXDOMAIN


@in_namespace
def test_dns_over_https_at_every_pinned_address() -> None:
    message = dns.message.make_query("www.wechat.com", "A", id=0).to_wire()
    encoded = base64.urlsafe_b64encode(message).rstrip(b"=").decode()
    with serving(ROWS, seed=13) as served:
        for operator in DOH:
            for address in (*operator.ipv4, *operator.ipv6):
                for asked in (operator.doh_host, address):
                    client = served.trusting().wrap_socket(connect(address, 443), server_hostname=asked)
                    with client:
                        for method, target, body in (
                            ("GET", f"{operator.doh_path}?dns={encoded}", b""),
                            ("POST", operator.doh_path, message),
                        ):
                            kind = "Content-Type: application/dns-message\r\n"
                            got = request(client, operator.doh_host, target, method=method, headers=kind, body=body)
                            assert (got.status, got.headers["Content-Type"]) == (200, "application/dns-message")
                            answer = dns.message.from_wire(got.body)
                            assert found(answer, "A") == set(served.world.hosts["www.wechat.com"].ipv4)
                        assert request(client, operator.doh_host, f"{operator.doh_path}?dns=!!").status == 400


def client_hello(name: str) -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_the_server_name_is_found_in_a_whole_hello_and_in_no_part_of_one() -> None:
    body = client_hello("web.example")[9:]
    assert server_name(body) == "web.example"
    assert {server_name(body[:length]) for length in range(len(body))} == {""}


@in_namespace
def test_hostile_clients_harm_nobody_else() -> None:
    rng = random.Random(14)
    with serving([row("https://web.example/", expect_status=("200",))], seed=14) as served:
        address = served.address("web.example")
        hello = client_hello("web.example")
        for _ in range(60):
            changed = bytearray(hello[: rng.randint(1, len(hello))])
            changed[rng.randrange(len(changed))] = rng.randrange(256)
            with connect(address, 443) as client:
                client.sendall(changed)
        endless = b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 30000
        for port in (80, 443):
            for data in (rng.randbytes(3000), endless, b"", b"\x16\x03\x01\xff\xff"):
                with connect(address, port) as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    try:
                        client.sendall(data)
                    except OSError:
                        continue
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for _ in range(200):
                client.sendto(rng.randbytes(rng.randint(0, 100)), (served.world.resolver, 53))
            response = dns.message.make_response(dns.message.make_query("web.example", "A"))
            client.sendto(response.to_wire(), (served.world.resolver, 53))
        for line in (b"GET / HTTP/1.1\r\nContent-Length: -1", b"GET //[ HTTP/1.1\r\nA: b", b"GET / HTTP/9"):
            with connect(address, 80) as client:
                client.sendall(line + b"\r\n\r\n")
                assert client.recv(12) == b"HTTP/1.1 400"
        assert found(ask(served, "web.example", "A"), "A")
        assert get(served, "https://web.example/").status == 200
