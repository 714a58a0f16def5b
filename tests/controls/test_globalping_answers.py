"""Reading Globalping's answers: what counts, and that whatever else comes counts for nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from globalping_made import (
    ADDRESS,
    ASKED,
    FAILED,
    MADE_ID,
    NAME,
    OPEN,
    PAGE,
    answer,
    dns_result,
    http_result,
    ping_result,
    probe,
)
from probe.controls.globalping.answers import (
    MAX_BYTES,
    MAX_RESULTS,
    GlobalpingError,
    Measured,
    read_created,
    read_measured,
)
from probe.controls.globalping.questions import Question

HOME = "eyeball-network"


def read(question: Question, *results: dict[str, Any], cc: str = "DE") -> Measured:
    raw = answer(question, *((probe(cc, 100 + n, HOME), result) for n, result in enumerate(results)))
    return read_measured(raw, question, made_id=MADE_ID, asked=ASKED)


def test_a_handshake_and_a_page_are_read() -> None:
    (seen,) = read(PAGE, http_result()).sightings
    assert (seen.cc, seen.asn, seen.home, seen.address) == ("DE", 100, True, ADDRESS)
    assert seen.secure
    assert seen.trusted
    assert seen.page is not None
    assert (seen.page.status, seen.page.headers) == (200, (("server", "nginx"),))


@pytest.mark.parametrize("result", [
    FAILED, {"status": "offline", "rawOutput": ""}, {"status": "in-progress", "rawOutput": ""},
    http_result(tls=None), http_result(resolvedAddress="8.8.8.8"), http_result(statusCode=None),
    http_result(statusCode="200"), http_result(headers=[]), {"status": "finished"}, {"status": 7}, {},
], ids=str)
def test_what_shows_nothing_is_no_sighting(result: dict[str, Any]) -> None:
    assert read(PAGE, result).sightings == ()


def test_a_strange_certificate_is_told_apart() -> None:
    (seen,) = read(PAGE, http_result(tls={"authorized": False, "publicKey": None})).sightings
    assert (seen.secure, seen.trusted, seen.key) == (True, False, "")


def test_only_bare_connections_tell_who_made_none() -> None:
    told = read(OPEN, ping_result(), ping_result(0), FAILED, {"status": "offline", "rawOutput": ""})
    assert ([s.asn for s in told.sightings], [s.asn for s in told.silent]) == ([100], [101, 102])
    assert read(PAGE, FAILED).silent == ()


@pytest.mark.parametrize(("target", "resolved", "counts"), [
    (ADDRESS, ADDRESS, True), (ADDRESS, None, True), (ADDRESS, "8.8.8.8", False), ("example.com", ADDRESS, True),
    ("example.com", None, True), ("example.com", "example.com", True),
])
def test_a_connection_counts_where_it_was_asked_for(target: str, resolved: str | None, counts: bool) -> None:
    asked = Question(kind="ping", target=target, port=81)
    assert bool(read(asked, ping_result(resolvedAddress=resolved)).sightings) is counts


@pytest.mark.parametrize(("result", "addresses"), [
    (dns_result(ADDRESS, "10.0.0.1", "nonsense", ADDRESS), (ADDRESS,)), (dns_result("127.0.0.1"), None),
    (dns_result(ADDRESS, kind="CNAME"), None), (dns_result(ADDRESS, code=3), None), (dns_result(), None),
])
def test_addresses_are_public_ones_of_the_right_type(result: dict[str, Any], addresses: tuple[str, ...] | None) -> None:
    found = [seen.addresses for seen in read(NAME, result).sightings]
    assert found == ([addresses] if addresses else [])


def test_a_country_that_was_not_asked_says_nothing() -> None:
    told = read(PAGE, http_result(), cc="IR")
    assert (told.sightings, told.unread) == ((), 1)


def test_one_bad_result_spoils_no_other() -> None:
    raw = json.loads(answer(PAGE, (probe(), http_result())))
    raw["results"] += [[], {"probe": 1}, None, {"probe": probe(), "result": None}, {"probe": {}, "result": {}}]
    told = read_measured(json.dumps(raw).encode(), PAGE, made_id=MADE_ID, asked=ASKED)
    assert (len(told.sightings), told.unread) == (1, 5)


def test_more_results_than_may_be_are_left_out() -> None:
    told = read_measured(answer(PAGE, *[(probe(), http_result())] * (MAX_RESULTS + 9)), PAGE, made_id=MADE_ID,
                         asked=ASKED)
    assert (len(told.sightings), told.unread) == (MAX_RESULTS, 9)


@pytest.mark.parametrize("changes", [{"id": "other"}, {"type": "ping"}, {"target": "8.8.8.8"}, {"results": {}},
                                     {"status": 3}, {"results": None}])
def test_an_answer_to_something_else_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(GlobalpingError):
        read_measured(answer(PAGE, (probe(), http_result()), **changes), PAGE, made_id=MADE_ID, asked=ASKED)


@pytest.mark.parametrize("raw", [b"", b"[" * 100_000, b" " * (MAX_BYTES + 1), b"\xff", b"null"])
def test_what_is_no_answer_is_refused(raw: bytes) -> None:
    with pytest.raises(GlobalpingError):
        read_measured(raw, PAGE, made_id=MADE_ID, asked=ASKED)
    with pytest.raises(GlobalpingError):
        read_created(raw)


@pytest.mark.parametrize("made_id", ["", "../../v1/limits", "a b", "x" * 200, 7, None])
def test_an_id_goes_into_no_path_unless_it_is_one(made_id: object) -> None:
    with pytest.raises(GlobalpingError):
        read_created(json.dumps({"id": made_id, "probesCount": 3}).encode())


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4))


@given(result=st.dictionaries(st.sampled_from(sorted({*http_result(), *ping_result(), *dns_result()})), JSON),
       question=st.sampled_from([PAGE, OPEN, NAME]))
def test_reading_is_total(result: dict[str, Any], question: Question) -> None:
    told = read_measured(answer(question, (probe(), {"status": "finished", **result})), question, made_id=MADE_ID,
                         asked=ASKED)
    assert len(told.sightings) + len(told.silent) + told.unread <= 1


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1()),
                                 ec.generate_private_key(ec.SECP521R1()), rsa.generate_private_key(65537, 2048)],
                         ids=["p256", "p384", "p521", "rsa"])
def test_a_key_is_hashed_as_our_own_handshakes_hash_it(key: Any) -> None:
    public = key.public_key()
    whole = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    told = (public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            if isinstance(public, ec.EllipticCurvePublicKey) else whole)
    tls = {"authorized": True, "publicKey": told.hex(":").upper()}
    (seen,) = read(PAGE, http_result(tls=tls)).sightings
    assert seen.key == hashlib.sha256(whole).hexdigest()


@pytest.mark.parametrize("told", ["zz:zz", "", "04:01", "00", "30" * 9000])
def test_what_is_no_key_is_none(told: str) -> None:
    tls = {"authorized": True, "publicKey": told}
    for seen in read(PAGE, http_result(tls=tls)).sightings:
        assert len(seen.key) in (0, 64)
        assert bool(seen.key) is told.startswith("30")
