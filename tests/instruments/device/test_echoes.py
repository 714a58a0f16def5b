"""Pages that tell a visitor his own address: it is not kept."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.instruments.address_echoes import remove_addresses
from probe.instruments.streams.http_parts import MAX_EXCERPT, make_excerpt

AROUND = st.sampled_from([
    ("Your IP: ", "."), ("(", ")"), ("ip=", "&url=x"), ("<b>", "</b>"), ("", ""), ("адрес ", ", да"), ("[", "]"),
    ("ip:", ""), ('"', '"'),
])
ADDRESSES = st.ip_addresses()
MACS = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))


@given(AROUND, ADDRESSES)
def test_an_address_does_not_stay(around: tuple[str, str], address: IPv4Address | IPv6Address) -> None:
    before, after = around
    own = str(address)
    for form in (own, own.upper(), address.exploded, own.replace(":", "%3A"), own.replace(".", "-")):
        told = remove_addresses(before + form + after)
        assert told == before + ("192.0.2.1" if address.version == 4 else "2001:db8::1") + after or (
            "-" in form and told == f"{before}192-0-2-1{after}")


@given(AROUND, MACS)
def test_a_hardware_address_does_not_stay(around: tuple[str, str], own: str) -> None:
    before, after = around
    for form in (own, own.upper(), own.replace(":", "-"), own.replace(":", "%3a")):
        assert form not in remove_addresses(before + form + after)
    assert own.replace(":", "") not in remove_addresses(f"http://portal/?mac={own.replace(':', '')}&x")


@pytest.mark.parametrize("text", [
    '<iframe src="http://10.10.34.35?type=Invalid">', "http://[2001:db8:5::7]/blocked", "at 12:30:45 on 2026-11-25",
    "p::before { ratio: 16:9 }", "std::vector", "version 1.2.3", "build 2026.11.25.1230", "https%3A//a.example/",
    "1.2.3.999",
])
def test_where_a_block_page_lives_and_what_is_no_address_stays(text: str) -> None:
    assert remove_addresses(text) == text


def test_a_link_stays_a_link() -> None:
    location = "http://203.0.113.9/block?ip=198.51.100.7&mac=AA-BB-CC-DD-EE-FF&u=https%3A%2F%2Fa.example%2F"
    assert remove_addresses(location) == (
        "http://203.0.113.9/block?ip=192.0.2.1&mac=00:00:5e:00:53:01&u=https:%2F%2Fa.example%2F")


@pytest.mark.parametrize("own", ["198.51.100.77", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"])
def test_half_an_address_does_not_stay(own: str) -> None:
    for at in range(len(own) + 1):
        head = "w " * ((MAX_EXCERPT * 2 - at) // 2) + " " * ((MAX_EXCERPT * 2 - at) % 2)
        assert own[:6] not in make_excerpt((head + own + " more").encode())
        wide = "ж" * ((MAX_EXCERPT * 2 - at - 1) // 2) + " "
        assert own[:6] not in make_excerpt((wide + own + " more").encode())


@given(st.text(max_size=700))
def test_any_text_can_be_read(text: str) -> None:
    assert len(make_excerpt(text.encode(errors="replace"))) <= MAX_EXCERPT
    remove_addresses(text, cut=True)
