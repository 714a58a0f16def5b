"""Another address of the same small network."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.core.addresses import find_neighbour, is_beside


@pytest.mark.parametrize(("text", "neighbour"), [
    ("93.184.0.1", "93.184.0.129"), ("93.184.0.129", "93.184.0.1"),
    ("93.184.0.128", "93.184.0.1"), ("93.184.0.127", "93.184.0.254"),
    ("2001:db8::1", "2001:db8::8000:0:0:1"), ("no address", ""), ("", ""),
])
def test_it_lies_in_the_other_half(text: str, neighbour: str) -> None:
    assert find_neighbour(text) == neighbour


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_it_is_another_of_the_same_network_and_one_that_hosts_have(
        address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    found = find_neighbour(str(address))
    assert found != str(address)
    assert is_beside(found, str(address))
    assert address.version == 6 or found.rsplit(".", 1)[1] not in ("0", "255")
