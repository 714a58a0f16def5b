"""The key of a month: who has not the secret cannot sign under its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from probe.config.month_key import make_month_key, read_month_key
from probe.core.key_names import is_key_name, make_key_name

NAME = "k3APYpRtrpOq7bJM"


def test_a_month_has_one_key_and_two_months_have_two(tmp_path: Path) -> None:
    keys = [read_month_key(month, folder=tmp_path) for month in ("2026-11", "2026-11", "2026-12")]
    november, again, december = (key for key in keys if key)
    assert november == again
    assert {november.public, november.seed}.isdisjoint({december.public, december.seed})
    assert november.name == make_key_name(november.public) != december.name
    assert (tmp_path / "identity.key").read_bytes() != november.seed


def test_others_can_verify_with_the_public_part(tmp_path: Path) -> None:
    key = make_month_key(b"k" * 32)
    verifier = Ed25519PublicKey.from_public_bytes(key.public)
    verifier.verify(key.sign(b"rows"), b"rows")
    with pytest.raises(InvalidSignature):
        verifier.verify(key.sign(b"rows"), b"other rows")


def test_the_name_of_a_key_never_changes() -> None:
    assert make_month_key(b"k" * 32).name == NAME


@pytest.mark.parametrize(("name", "expected"), [
    ("0123456789abcdef", False), ("laboratory", False), ("", False), ("ooni-0123456789ab", False),
    ("k" * 16, True), ("k-_" + "A" * 13, True), ("k" * 17, False), ("k" * 16 + "\n", False), ("kä" + "a" * 14, False),
])
def test_names_of_keys_are_told_from_all_others(name: str, expected: bool) -> None:
    assert is_key_name(name) is expected
