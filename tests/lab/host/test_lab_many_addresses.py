"""Many addresses in one message of the kernel's own."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe_lab.host.many_addresses import _answers, _request, add_ipv6_addresses


def test_what_the_kernel_refuses_is_said() -> None:
    with pytest.raises(OSError, match=r"."):  # no interface has this index; without rights nothing is set at all
        add_ipv6_addresses(0, ["2001:db8::1"])


def test_nothing_is_asked_for_no_address() -> None:
    add_ipv6_addresses(0, [])


def test_a_request_has_the_layout_of_the_kernel() -> None:
    request = _request(7, "2001:db8::5", 3)
    length, kind, flags, sequence, port = struct.unpack_from("=IHHII", request)
    assert (length, kind, flags & 1, sequence, port) == (len(request), 20, 1, 7, 0)
    assert struct.unpack_from("=BBBBI", request, 16) == (10, 128, 2, 0, 3)
    assert request[24:28] == struct.pack("=HH", 20, 1)
    assert request[28:].hex() == "20010db8000000000000000000000005"


@given(st.binary(max_size=300))
def test_answers_of_any_bytes_end(data: bytes) -> None:
    assert len(list(_answers(data))) <= len(data) // 16 + 1
