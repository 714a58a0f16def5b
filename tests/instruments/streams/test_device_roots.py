"""Whose root signed a chain that the web does not know: one of this device's store, or nobody's."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from probe.instruments.streams import device_roots
from probe.instruments.streams.device_roots import index_roots, is_signed_on_device, leads_to, read_bundle

ANTIVIRUS, CENSOR = trustme.CA(organization_name="Antivirus"), trustme.CA(organization_name="Censor")
NAMESAKE = trustme.CA(organization_name="Antivirus")
BETWEEN = ANTIVIRUS.create_child_ca()
HOST = "chat.example"


def read(pem: trustme.Blob) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.bytes())


def chain(*certificates: x509.Certificate) -> list[bytes]:
    return [one.public_bytes(Encoding.DER) for one in certificates]


def leaf(ca: trustme.CA) -> x509.Certificate:
    return read(ca.issue_cert(HOST).cert_chain_pems[0])


STORE = index_roots(chain(read(ANTIVIRUS.cert_pem)))
CHAINS = {
    "signed by the device's root": (chain(leaf(ANTIVIRUS)), True),
    "with the root itself": (chain(leaf(ANTIVIRUS), read(ANTIVIRUS.cert_pem)), True),
    "by one in between": (chain(leaf(BETWEEN), read(BETWEEN.cert_pem)), True),
    "one in between that is not sent": (chain(leaf(BETWEEN)), False),
    "by somebody else": (chain(leaf(CENSOR), read(CENSOR.cert_pem)), False),
    "by a namesake": (chain(leaf(NAMESAKE)), False),
    "with the device's root beside": (chain(leaf(CENSOR), read(ANTIVIRUS.cert_pem), leaf(ANTIVIRUS)), False),
    "nothing": ([], False),
    "garbage": ([b"\x30\x03abc"], False),
}


@pytest.mark.parametrize(("sent", "device"), CHAINS.values(), ids=CHAINS)
def test_only_a_chain_that_leads_to_a_root_of_the_device_counts(sent: Sequence[bytes], device: bool) -> None:
    assert leads_to(sent, STORE) is device


@given(st.lists(st.binary(max_size=400), max_size=12))
def test_any_bytes_lead_nowhere(sent: list[bytes]) -> None:
    assert not leads_to(sent, STORE)


def test_a_store_of_which_a_part_cannot_be_read_tells_the_rest() -> None:
    broken = CENSOR.cert_pem.bytes().decode().replace("MII", "!!!", 1)
    cut = CENSOR.cert_pem.bytes().decode()[:200]
    text = "".join((broken, "# a remark\n", ANTIVIRUS.cert_pem.bytes().decode(), cut))
    assert leads_to(chain(leaf(ANTIVIRUS)), index_roots([*read_bundle(text), b"\x30\x03abc"]))
    assert not leads_to(chain(leaf(CENSOR)), index_roots(read_bundle(text)))


@given(st.text(max_size=200))
def test_any_text_is_a_store_of_nothing(text: str) -> None:
    assert index_roots(read_bundle(f"-----BEGIN CERTIFICATE-----{text}")) == {}


def test_the_store_is_read_from_where_the_system_says(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = f"{tmp_path}/roots.pem"
    ANTIVIRUS.cert_pem.write_to_path(bundle)
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    device_roots._read_device_roots.cache_clear()
    try:
        assert is_signed_on_device(chain(leaf(ANTIVIRUS)))
        assert not is_signed_on_device(chain(leaf(CENSOR)))
    finally:
        device_roots._read_device_roots.cache_clear()
