"""Packets: scapy, an independent implementation, must read and sum them as we do; hostile bytes must not hurt."""

from __future__ import annotations

import itertools
import random
import ssl
import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, in4_chksum
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.utils import checksum

from probe_lab.box import dissect, tls_hello
from probe_lab.box.first_bytes import FirstBytes
from probe_lab.wire.icmp_errors import make_host_unreachable, make_icmp_error, make_time_exceeded, read_quoted
from probe_lab.wire.packet import (
    ACK,
    ICMP,
    PSH,
    RST,
    SYN,
    TCP,
    IpHeader,
    Packet,
    build_icmp,
    build_ip,
    build_tcp,
    build_udp,
    flag_bits,
    parse_packet,
)
from probe_lab.wire.packet_edit import is_ip, lower_ttl, read_ttl, rewrite_packet

SRC4, DST4 = "198.18.7.1", "93.184.216.34"
SRC6, DST6 = "2a01:4f8::7", "2606:4700::6810:1"
ENDS = {4: (SRC4, DST4), 6: (SRC6, DST6)}

UNTIMED = settings(deadline=None)
versions = st.sampled_from((4, 6))
words = st.integers(0, 0xFFFF)
bodies = st.binary(max_size=300)


def header(version: int, *, ttl: int = 64, ip_id: int = 0, df: bool = False) -> IpHeader:
    src, dst = ENDS[version]
    return IpHeader(src=src, dst=dst, ttl=ttl, ip_id=ip_id, df=df)


def read(raw: bytes) -> Packet:
    packet = parse_packet(raw)
    assert packet is not None
    return packet


def assert_sums_hold(raw: bytes) -> None:
    """A sum over data that hold their own checksum is zero (RFC 1071), as scapy sums."""
    if raw[0] >> 4 == 4:
        assert checksum(raw[:20]) == 0
        assert int.from_bytes(raw[2:4]) == len(raw)
        proto, message = raw[9], raw[20:]
        left = checksum(message) if proto == ICMP else in4_chksum(proto, IP(raw[:20]), message)
    else:
        assert int.from_bytes(raw[4:6]) == len(raw) - 40
        left = in6_chksum(raw[6], IPv6(raw[:40]), raw[40:])  # type: ignore[no-untyped-call]
    # scapy writes the zero of UDP as all ones
    assert left in (0, 0xFFFF)


@UNTIMED
@given(version=versions, ttl=st.integers(1, 255), ip_id=words, df=st.booleans(), ports=st.tuples(words, words),
       seq=st.integers(0, 2**32 - 1), ack=st.integers(0, 2**32 - 1), flags=st.integers(0, 31), window=words,
       body=bodies, options=st.sampled_from((b"", b"\x02\x04\x05\xb4", b"\x01\x01\x01\x00")))
def test_a_tcp_segment_is_read_as_it_was_built(
    version: int, ttl: int, ip_id: int, df: bool, ports: tuple[int, int], seq: int, ack: int, flags: int,
    window: int, body: bytes, options: bytes,
) -> None:
    raw = build_tcp(
        header(version, ttl=ttl, ip_id=ip_id, df=df), sport=ports[0], dport=ports[1], flags=flags, seq=seq, ack=ack,
        window=window, options=options, payload=body,
    )
    packet = read(raw)
    assert (packet.src, packet.dst) == ENDS[version]
    assert (packet.version, packet.proto, packet.ttl) == (version, TCP, ttl)
    assert (packet.ip_id, packet.df) == ((ip_id, df) if version == 4 else (0, False))
    assert (packet.sport, packet.dport, packet.seq, packet.ack) == (*ports, seq, ack)
    assert (packet.flags, packet.window, packet.options, packet.payload) == (flags, window, options, body)
    assert_sums_hold(raw)


@UNTIMED
@given(version=versions, body=bodies)
def test_datagrams_and_icmp_are_summed_as_scapy_does(version: int, body: bytes) -> None:
    datagram = build_udp(header(version), sport=5000, dport=53, payload=body)
    assert (read(datagram).dport, read(datagram).payload) == (53, body)
    assert_sums_hold(datagram)
    echo = build_icmp(header(version), kind=8 if version == 4 else 128, code=0, rest=b"\0\1\0\2", payload=body)
    assert read(echo).icmp_type in (8, 128)
    assert_sums_hold(echo)


@UNTIMED
@given(raw=st.binary(max_size=120), first=st.sampled_from((0x45, 0x46, 0x4F, 0x60, 0x6F, 0x00)))
def test_no_bytes_make_the_reader_raise(raw: bytes, first: int) -> None:
    for cut in (False, True):
        packet = parse_packet(bytes((first,)) + raw, cut=cut)
        assert packet is None or packet.version in (4, 6)
    if packet is not None:
        rewrite_packet(packet, src=ENDS[packet.version][0], sport=7)
        make_icmp_error(packet, sender=ENDS[packet.version][0], kind=3, code=1)
        read_quoted(packet)


@UNTIMED
@given(version=versions, body=bodies, data=st.data())
def test_a_packet_cut_or_damaged_anywhere_is_read_or_refused(version: int, body: bytes, data: st.DataObject) -> None:
    raw = bytearray(build_tcp(header(version), sport=1, dport=2, flags=ACK, payload=body))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    parse_packet(bytes(raw))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    packet = parse_packet(cut)
    assert packet is None or len(packet.payload) <= len(cut)


@pytest.mark.parametrize("version", [4, 6])
def test_a_datagram_whose_sum_is_zero_says_all_ones(version: int) -> None:
    start = 20 if version == 4 else 40
    plain = build_udp(header(version), sport=1, dport=2, payload=b"\0\0")
    sum_ = plain[start + 6 : start + 8]
    assert build_udp(header(version), sport=1, dport=2, payload=sum_)[start + 6 : start + 8] == b"\xff\xff"


def test_ipv6_extension_headers_are_passed_over_but_not_for_ever() -> None:
    segment = build_tcp(header(6), sport=1, dport=443, flags=SYN)[40:]
    options = bytes((TCP, 0)) + bytes(6)
    assert read(build_ip(header(6), 0, options + segment)).dport == 443
    endless = (bytes((0, 0)) + bytes(6)) * 50
    assert read(build_ip(header(6), 0, endless)).dport == 0
    assert parse_packet(build_ip(header(6), 0, b"\0")) is None


def test_a_later_fragment_has_no_ports() -> None:
    raw = bytearray(build_tcp(header(4), sport=1, dport=443, flags=SYN))
    raw[6:8] = (5).to_bytes(2)
    assert read(bytes(raw)).dport == 0


@UNTIMED
@given(version=versions, ttl=st.integers(2, 255), ip_id=words, data=st.data())
def test_routers_lower_the_ttl_and_keep_the_sums(version: int, ttl: int, ip_id: int, data: st.DataObject) -> None:
    hops = data.draw(st.integers(0, ttl - 1))
    raw = lower_ttl(build_udp(header(version, ttl=ttl, ip_id=ip_id), sport=1, dport=2, payload=b"x"), hops)
    assert read_ttl(raw) == read(raw).ttl == ttl - hops
    assert_sums_hold(raw)


@UNTIMED
@given(version=versions, body=bodies, sport=words, new=st.tuples(st.integers(1, 0xFFFF), st.integers(1, 0xFFFF)))
def test_translated_packets_keep_their_sums(version: int, body: bytes, sport: int, new: tuple[int, int]) -> None:
    src, dst = {4: ("5.6.7.8", "9.10.11.12"), 6: ("2001:470::1", "2a00::2")}[version]
    tcp = build_tcp(header(version, ttl=9), sport=sport, dport=443, flags=PSH | ACK, seq=5, payload=body)
    udp = build_udp(header(version), sport=sport, dport=53, payload=body)
    for raw in (tcp, udp):
        packet = read(rewrite_packet(read(raw), src=src, dst=dst, sport=new[0], dport=new[1]))
        assert (packet.src, packet.dst, packet.sport, packet.dport) == (src, dst, *new)
        assert packet.payload == body
        assert_sums_hold(packet.raw)
        src0, dst0 = ENDS[version]
        back = rewrite_packet(packet, src=src0, dst=dst0, sport=sport or new[0], dport=read(raw).dport)
        assert read(back).payload == body
        if sport:
            assert back == raw


def test_a_datagram_without_a_checksum_stays_without() -> None:
    raw = bytearray(build_udp(header(4), sport=1, dport=2, payload=b"x"))
    raw[26:28] = b"\0\0"
    assert rewrite_packet(read(bytes(raw)), dst="1.2.3.4")[26:28] == b"\0\0"


@pytest.mark.parametrize("version", [4, 6])
def test_icmp_errors_quote_the_packet_and_answer_no_error(version: int) -> None:
    sender = {4: "62.1.2.3", 6: "2a00::99"}[version]
    raw = build_tcp(header(version), sport=40000, dport=443, flags=SYN, seq=77, payload=b"z" * 3000)
    for make, numbers in (
        (make_time_exceeded, {4: (11, 0), 6: (3, 0)}),
        (make_host_unreachable, {4: (3, 1), 6: (1, 3)}),
    ):
        error = make(raw, sender=sender)
        assert error is not None
        packet = read(error)
        assert (packet.src, packet.dst) == (sender, ENDS[version][0])
        assert (packet.icmp_type, packet.icmp_code) == numbers[version]
        assert len(error) == {4: 576, 6: 1280}[version]
        about = read_quoted(packet)
        assert about is not None
        assert (about.sport, about.dport, about.seq) == (40000, 443, 77)
        assert_sums_hold(error)
        assert make(error, sender=sender) is None
    assert make_time_exceeded(b"junk", sender=sender) is None


def test_an_echo_is_no_error() -> None:
    assert read_quoted(read(build_icmp(header(4), kind=8, code=0, payload=b"x" * 40))) is None
    assert read(build_icmp(header(4), kind=8, code=0)).proto == ICMP


def test_flag_letters() -> None:
    assert flag_bits("RA") == RST | ACK
    with pytest.raises(KeyError):
        flag_bits("RX")


def test_lengths_are_checked_before_addresses_are_read() -> None:
    assert not is_ip(b"")
    assert not is_ip(b"\x45" + bytes(18))
    assert not is_ip(b"\x60" + bytes(38))
    assert is_ip(b"\x45" + bytes(19))


HELLO_START = b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03"
BEGINNINGS = (b"", b"\x16\x03\x01", HELLO_START, b"GET ", bytes(5) + b"\1" + bytes(6))


def client_hello(name: str | None) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def test_the_name_in_a_real_hello_is_found_once_enough_has_come() -> None:
    hello = client_hello("Secret.Example")
    answers = [tls_hello.server_name(hello[:size]) for size in range(len(hello) + 1)]
    known = answers.index("secret.example")
    assert set(answers[:known]) == {None}
    assert set(answers[known:]) == {"secret.example"}
    assert tls_hello.server_name(client_hello(None)) == ""


def test_a_hello_spread_over_several_records_is_joined() -> None:
    message = client_hello("split.example")[5:]
    pieces = [message[at : at + 40] for at in range(0, len(message), 40)]
    stream = b"".join(struct.pack("!BHH", 22, 0x0301, len(piece)) + piece for piece in pieces)
    assert tls_hello.server_name(stream) == "split.example"


@UNTIMED
@given(data=st.binary(max_size=400), start=st.sampled_from(BEGINNINGS))
def test_no_bytes_make_the_dissectors_raise(data: bytes, start: bytes) -> None:
    tls_hello.server_name(start + data)
    dissect.http_request(start + data)
    dissect.dns_question(start + data)


def test_damaged_hellos_never_raise() -> None:
    hello = bytearray(client_hello("a.example"))
    rng = random.Random(1)
    for _ in range(3000):
        damaged = bytearray(hello)
        damaged[rng.randrange(200)] = rng.randrange(256)
        tls_hello.server_name(bytes(damaged))


def test_a_hello_that_never_ends_is_given_up() -> None:
    record = b"\x16\x03\x01\x40\x00" + b"\x01\x00\xff\xff\x03\x03" + bytes(32) + b"\0" + b"\xff\xfe"
    assert tls_hello.server_name(record) is None
    assert tls_hello.server_name(record + bytes(tls_hello.MAX_STREAM_BYTES)) == ""


@pytest.mark.parametrize(
    ("data", "method", "host"),
    [
        (b"GET / HTTP/1.1\r\nHost: A.Example:8080\r\n", "GET", "a.example"),
        (b"POST /x HTTP/1.1\r\nA: b\r\nhost:\tb.example. \r\n\r\n", "POST", "b.example"),
        (b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "GET", "2001:db8::1"),
        (b"HEAD / HTTP/1.0\r\n\r\nHost: late.example\r\n", "HEAD", ""),
        (b"\x16\x03\x01", "", ""),
        (b"GETX", "", ""),
    ],
)
def test_http_requests(data: bytes, method: str, host: str) -> None:
    request = dissect.http_request(data)
    assert request == dissect.HttpRequest(method=method, host=host)


def test_an_http_head_is_waited_for_but_not_for_ever() -> None:
    assert dissect.http_request(b"GE") is None
    assert dissect.http_request(b"GET / HTTP/1.1\r\nHost: a.exa") is None
    endless = dissect.http_request(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 3000)
    assert endless == dissect.HttpRequest(method="GET")


@pytest.mark.parametrize("kind", ["A", "AAAA", "HTTPS", "TXT"])
def test_dns_questions_and_answers_agree_with_dnspython(kind: str) -> None:
    query = dns.message.make_query("WwW.eXample.org", kind, use_edns=True)
    question = dissect.dns_question(query.to_wire())
    assert question is not None
    assert (question.name, question.kind) == ("www.example.org", dns.rdatatype.from_text(kind))
    wire = dissect.dns_answer(question, addresses=("8.7.198.45", "2001::1"), ttl_s=234, authoritative=True)
    reply = dns.message.from_wire(wire)
    assert reply.id == query.id
    assert reply.question[0].name.to_text() == "WwW.eXample.org."
    expected = {"A": ["8.7.198.45"], "AAAA": ["2001::1"], "TXT": [],
                "HTTPS": ['1 . alpn="h2" ipv4hint="8.7.198.45"']}[kind]
    assert [str(record) for rrset in reply.answer if kind != "TXT" for record in rrset] == expected
    denied = dns.message.from_wire(dissect.dns_answer(question, addresses=("8.7.198.45",), rcode=3))
    assert denied.rcode() == dns.rcode.NXDOMAIN
    assert denied.answer == []


@pytest.mark.parametrize("desired", [0, dns.flags.RD])
def test_an_answer_repeats_whether_recursion_was_desired(desired: int) -> None:
    question = dissect.dns_question(dns.message.make_query("a.example", "A", flags=desired).to_wire())
    assert question is not None
    flags = dns.message.from_wire(dissect.dns_answer(question)).flags
    assert flags == dns.flags.QR | dns.flags.RA | desired


def test_what_is_no_single_question_is_ignored() -> None:
    query = dns.message.make_query("a.example", "A")
    wire = query.to_wire()
    assert dissect.dns_question(dns.message.make_response(query).to_wire()) is None
    assert dissect.dns_question(wire[:20]) is None
    assert dissect.dns_question(wire[:4] + b"\0\2" + wire[6:]) is None
    assert dissect.dns_question(wire[:12] + b"\xc0\x0c" + wire[14:]) is None
    assert dissect.dns_question(wire[:12] + b"\x3f" + b"a" * 63 + b"\0\0\1\0\1") is not None
    assert dissect.dns_question(wire[:12] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1") is None


@UNTIMED
@given(data=st.binary(min_size=1, max_size=60), start=st.integers(0, 2**32 - 1), seed=st.integers(0, 2**16))
def test_segments_in_any_order_make_the_same_stream(data: bytes, start: int, seed: int) -> None:
    rng = random.Random(seed)
    cuts = sorted({0, len(data), *(rng.randrange(len(data) + 1) for _ in range(5))})
    segments = [((start + low) % 2**32, data[low:high]) for low, high in itertools.pairwise(cuts)]
    segments += rng.sample(segments, k=min(3, len(segments)))  # repeats
    rng.shuffle(segments)
    stream = FirstBytes()
    stream.restart(start)
    for seq, payload in segments:
        stream.add(seq, payload)
    assert bytes(stream.data) == data
    assert stream.next_seq == (start + len(data)) % 2**32


def test_a_stream_is_bounded() -> None:
    stream = FirstBytes()
    stream.restart(0)
    for at in range(0, 100_000, 1000):
        stream.add(at, bytes(1000))
    assert len(stream.data) == tls_hello.MAX_STREAM_BYTES
    holes = FirstBytes()
    holes.restart(0)
    for at in range(10, 10_000, 10):
        holes.add(at, b"x")
    assert holes.add(0, bytes(10))
    assert len(holes.data) == 11
