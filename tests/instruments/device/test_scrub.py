"""Nothing of the volunteer's own is left in a packet that is kept, and the packet is still one."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.packet import Raw

from probe.instruments.packets.packet_scrub import STAND_IN, PacketScrubber

US = {4: "81.2.69.160", 6: "2a02:4780:0:11::7"}
THEM = {4: "93.184.216.34", 6: "2606:2800::1"}
PORT = 40_123
ADDRESSES = [ipaddress.ip_address(text).packed for text in US.values()]
SECRETS = [*ADDRESSES, *(text.encode() for text in US.values()), PORT.to_bytes(2),
           ipaddress.ip_address(US[6]).exploded.encode()]


def scrubber() -> PacketScrubber:
    return PacketScrubber(ADDRESSES)


def net(version: int, *, outbound: bool) -> Any:
    src, dst = (US, THEM) if outbound else (THEM, US)
    return (IP if version == 4 else IPv6)(src=src[version], dst=dst[version])


def packets() -> list[tuple[bytes, bool]]:
    """Packets of both families in both directions that name us wherever they can."""
    said = b"<p>Your address is %s, or %s, or %s</p>" % (
        US[4].encode(), US[6].upper().encode(), ipaddress.ip_address(US[6]).exploded.encode())
    found = []
    for version in (4, 6):
        syn = net(version, outbound=True) / TCP(sport=PORT, dport=443, flags="S", seq=77)
        found += [(syn, True), (net(version, outbound=True) / UDP(sport=PORT, dport=53) / Raw(b"question"), True)]
        found += [(net(version, outbound=False) / TCP(sport=80, dport=PORT, flags="PA") / Raw(said), False)]
        found += [(net(version, outbound=False) / TCP(sport=80, dport=PORT, flags="RA") / Raw(ADDRESSES[0]), False)]
        error = ICMP(type=3, code=13) if version == 4 else ICMPv6DestUnreach(code=1)
        router = IP(src="5.6.7.8", dst=US[4]) if version == 4 else IPv6(src="2a00::9", dst=US[6])
        found += [(router / error / syn, False)]
    return [(bytes(packet), outbound) for packet, outbound in found]


def rebuilt(raw: bytes) -> bytes:
    """The packet with every checksum filled in by another implementation."""
    packet = (IP if raw[0] >> 4 == 4 else IPv6)(raw)
    for layer in (IP, TCP, UDP, ICMP, ICMPv6DestUnreach):
        if packet.haslayer(layer):
            field = "cksum" if layer is ICMPv6DestUnreach else "chksum"
            packet[layer].delfieldval(field)
    return bytes(packet)


@pytest.mark.parametrize(("raw", "outbound"), packets())
def test_nothing_of_ours_is_left(raw: bytes, outbound: bool) -> None:
    clean = scrubber().scrub(raw, outbound=outbound)
    assert clean is not None
    assert len(clean) == len(raw)
    assert any(secret.lower() in raw.lower() for secret in SECRETS)
    assert not [secret for secret in SECRETS if secret.lower() in clean.lower()]
    assert STAND_IN[4 if raw[0] >> 4 == 4 else 6] in clean


@pytest.mark.parametrize("version", [4, 6])
def test_a_router_of_the_households_own_network_is_not_named(version: int) -> None:
    ours = (IP if version == 4 else IPv6)(src=US[version], dst=THEM[version]) / TCP(sport=PORT, dport=443, flags="S")
    error = ICMP(type=3, code=1) if version == 4 else ICMPv6DestUnreach(code=0)
    for sender in ("192.168.77.1" if version == 4 else "2a02:4780:0:11::1", THEM[version]):
        raw = bytes((IP if version == 4 else IPv6)(src=sender, dst=US[version]) / error / ours)
        clean = scrubber().scrub(raw, outbound=False)
        assert clean is not None
        kept = ipaddress.ip_address(sender).packed in clean[: 20 if version == 4 else 40]
        assert kept == (sender == THEM[version])


def test_the_clients_subnet_in_a_dns_reply_is_struck_out() -> None:
    subnet = bytes((81, 2, 69))
    option = b"\0\x08" + (7).to_bytes(2) + b"\0\1\x18\0" + subnet
    raw = bytes(net(4, outbound=False) / UDP(sport=53, dport=PORT) / Raw(b"\xab\xcd\x81\x80" + bytes(8) + option))
    clean = scrubber().scrub(raw, outbound=False)
    assert clean is not None
    assert len(clean) == len(raw)
    assert subnet in raw
    assert subnet not in clean


@pytest.mark.parametrize(("raw", "outbound"), [(r, o) for r, o in packets() if r[9] != 1 and r[6] != 58])
def test_checksums_fit_what_the_packet_is_now(raw: bytes, outbound: bool) -> None:
    clean = scrubber().scrub(raw, outbound=outbound)
    assert clean == rebuilt(clean or b"")


@pytest.mark.parametrize("version", [4, 6])
def test_a_wrong_checksum_stays_wrong_and_does_not_tell_by_how_much(version: int) -> None:
    raw = bytearray(bytes(net(version, outbound=False) / TCP(sport=443, dport=PORT, flags="R")))
    at = (20 if version == 4 else 40) + 16
    raw[at : at + 2] = bytes(2)
    clean = scrubber().scrub(bytes(raw), outbound=False)
    assert clean is not None
    right = rebuilt(clean)
    assert int.from_bytes(clean[at : at + 2]) == int.from_bytes(right[at : at + 2]) ^ 0xFFFF


def test_of_a_packet_that_was_cut_no_checksum_is_kept() -> None:
    raw = bytes(net(4, outbound=False) / TCP(sport=443, dport=PORT, flags="PA") / Raw(b"x" * 900))[:256]
    clean = scrubber().scrub(raw, outbound=False)
    assert clean is not None
    assert clean[36:38] == bytes(2)


def test_equal_ports_stay_equal_and_tell_nothing() -> None:
    s = scrubber()
    out = s.scrub(bytes(net(4, outbound=True) / TCP(sport=PORT, dport=443, flags="S")), outbound=True)
    back = s.scrub(bytes(net(4, outbound=False) / TCP(sport=443, dport=PORT, flags="SA")), outbound=False)
    other = s.scrub(bytes(net(4, outbound=True) / TCP(sport=PORT + 1, dport=443, flags="S")), outbound=True)
    assert out is not None
    assert back is not None
    assert other is not None
    assert out[20:22] == back[22:24] == (49_152).to_bytes(2)
    assert other[20:22] == (49_153).to_bytes(2)


def test_a_public_address_that_an_answer_spells_out_may_be_ours() -> None:
    body = b"ip=151.101.1.69; six=2a04:4e42::81, page http://10.10.34.34/ at 93.184.216.34, 12:34:56"
    raw = bytes(net(4, outbound=False) / TCP(sport=80, dport=PORT, flags="PA") / Raw(body))
    clean = scrubber().scrub(raw, outbound=False)
    assert clean is not None
    assert clean[40:] == (b"ip=" + b"x" * 12 + b"; six=" + b"x" * 13
                          + b", page http://10.10.34.34/ at 93.184.216.34, 12:34:56")


def test_so_may_the_beginning_of_one_where_the_packet_was_cut_and_the_name_of_a_line() -> None:
    body = b"host 151-101-1-69.line.example " + b"." * 170 + b" ip=151.101.1.69"
    raw = bytes(net(4, outbound=False) / TCP(sport=80, dport=PORT, flags="PA") / Raw(body))[:-3]
    clean = scrubber().scrub(raw, outbound=False)
    assert clean is not None
    assert b"151" not in clean[40:]


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_scrubbed_or_dropped(raw: bytes, outbound: bool) -> None:
    clean = scrubber().scrub(raw, outbound=outbound)
    assert clean is None or not any(address in clean for address in ADDRESSES)


@pytest.mark.slow
@given(st.data())
def test_a_packet_with_bytes_changed_and_cut_keeps_no_secret(data: st.DataObject) -> None:
    raw, outbound = data.draw(st.sampled_from(packets()))
    made = bytearray(raw)
    for at in data.draw(st.lists(st.integers(0, len(made) - 1), max_size=3)):
        made[at] = data.draw(st.integers(0, 255))
    clean = scrubber().scrub(bytes(made[: data.draw(st.integers(0, len(made)))]), outbound=outbound)
    assert clean is None or not any(address in clean for address in ADDRESSES)
