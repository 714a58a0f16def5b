"""Transfers by helpers: what is asked for, from whom they may be taken, and how the answer is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopback import requests_on, response, serving
from observations import HERE4, HOST, THERE4, endpoint
from probe.controls.asking.helper_answer import parse_answer
from probe.controls.asking.helper_client import make_helper_request
from probe.controls.helper_protocol import Request, encode_message
from probe.core.observations import ControlAnswer
from probe_operate.helper.helper_order import HelperOrder, parse_order
from probe_operate.helper.volume import make_volume_job
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.old_words import decode_request
from probe_operate.reaching.target_guard import TargetGuard

SITE = endpoint()
BLANK = ControlAnswer(control_id="a", input=SITE.input, state="failed")


def order(url: str = SITE.input, volume: str = HERE4) -> HelperOrder:
    return parse_order(decode_request(encode_message(Request(http_request=url, x_volume=volume))))


def test_a_transfer_is_asked_for_only_where_it_is_wanted() -> None:
    assert make_helper_request(SITE, [HERE4]).x_volume == ""
    assert make_helper_request(SITE, [HERE4], volume=HERE4).x_volume == HERE4
    assert make_helper_request(endpoint(f"tlshandshake://{HOST}:443"), [HERE4], volume=HERE4).x_volume == ""


@pytest.mark.parametrize("wanted", [
    order(volume=""), order(volume="not an address"), order(f"http://{HOST}/"), order(f"https://{HOST}:4567/")])
def test_what_is_not_wanted_or_may_not_be_loaded_is_not(wanted: HelperOrder) -> None:
    assert make_volume_job(wanted, {HOST: DohLookup(addresses=("127.0.0.1",))}, TargetGuard()) is None
    assert make_volume_job(wanted, {}, TargetGuard()) is None


def test_nobody_chooses_whom_a_helper_loads() -> None:
    """The address is one to which the name leads from the helper, never just the one that was asked for."""
    def behave(conn: Any) -> None:
        for _ in requests_on(conn):
            conn.sendall(response(b"x" * 1000))

    with serving(behave) as server:
        guard = TargetGuard(exempt=frozenset({("127.0.0.1", server.port)}))
        job = make_volume_job(order(f"https://127.0.0.1:{server.port}/", THERE4), {}, guard)
        assert job is not None
        told = job()
    assert told is not None
    assert server.connections == 1
    assert told.bytes_read >= 128 * 1024
    assert told.failure is None


def read(volume: Any) -> ControlAnswer:
    return parse_answer(json.dumps({"x_volume": volume}).encode(), blank=BLANK, endpoint=SITE)


def test_an_answer_tells_how_much_came() -> None:
    found = read({"bytes_read": 130_000, "flow_s": 0.5, "failure": None})
    assert (found.state, found.volume_failure, found.volume_bytes, found.volume_s) == ("answered", "", 130_000, 0.5)
    assert read({"bytes_read": 9, "flow_s": 0, "failure": "generic_timeout_error"}).volume_failure


@pytest.mark.parametrize("volume", [None, [], {"bytes_read": -1}, {"bytes_read": 1 << 40}, {"flow_s": -2.0}, "x"])
def test_numbers_that_make_no_sense_stay_unknown(volume: Any) -> None:
    assert read(volume).volume_failure is None


@given(st.dictionaries(st.sampled_from(["bytes_read", "flow_s", "failure"]),
                       st.none() | st.integers() | st.floats() | st.text(max_size=20)))
def test_whatever_a_helper_sends_is_survived(volume: dict[str, Any]) -> None:
    assert read(volume).volume_bytes >= 0
