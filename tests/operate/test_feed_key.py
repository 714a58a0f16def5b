"""Keys that sign feeds: made, read, and understood by minisign itself."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.store.files.atomic import StoreError
from probe.upkeep.updates.minisign import SignatureError, parse_public_key, parse_signature, verify_signature
from probe_operate.lists.signing import find_public_key_path, make_key, read_secret_key

DOCUMENT = bytes(range(256)) * 300


def test_what_a_new_key_signs_is_verified_by_its_public_half(tmp_path: Path) -> None:
    made = make_key(tmp_path / "k")
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    key = parse_public_key(find_public_key_path(tmp_path / "k").read_text())
    assert key == made.public == read_secret_key(tmp_path / "k").public
    signed = parse_signature(read_secret_key(tmp_path / "k").sign(DOCUMENT, "feed de-1"))
    assert signed.prehashed
    assert verify_signature(DOCUMENT, signed, key) == "feed de-1"
    with pytest.raises(SignatureError):
        verify_signature(DOCUMENT[1:], signed, key)
    assert base64.b64encode(made.seed).decode() not in repr(made)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    made = make_key(tmp_path / "k")
    with pytest.raises(StoreError, match="never overwritten"):
        make_key(tmp_path / "k")
    (tmp_path / "k").unlink()
    with pytest.raises(StoreError, match=r"k\.pub"):
        make_key(tmp_path / "k")
    assert parse_public_key(find_public_key_path(tmp_path / "k").read_text()) == made.public


@pytest.mark.parametrize(("change", "why"), [
    (lambda raw: raw[:-1], "no secret key"), (lambda raw: b"Xd" + raw[2:], "no secret key"),
    (lambda raw: raw[:2] + b"Sc" + raw[4:], "password"), (lambda raw: raw[:2] + b"Xx" + raw[4:], "does not know"),
    (lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), "damaged"), (lambda raw: raw[:70] + b"\0" + raw[71:-32] + bytes(32),
                                                              "damaged"),
])
def test_a_key_that_cannot_be_used_is_told_in_words(tmp_path: Path, change: object, why: str) -> None:
    make_key(tmp_path / "k")
    comment, line = (tmp_path / "k").read_bytes().splitlines()
    raw = change(base64.b64decode(line))  # type: ignore[operator]
    (tmp_path / "k").write_bytes(comment + b"\n" + base64.b64encode(raw) + b"\n")
    with pytest.raises(SignatureError, match=why):
        read_secret_key(tmp_path / "k")


@given(st.binary(max_size=300))
def test_whatever_is_in_a_key_file_is_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "key"
    path.write_bytes(raw)
    path.chmod(0o600)
    with pytest.raises(SignatureError):
        read_secret_key(path)


def test_a_key_that_others_may_read_signs_nothing(tmp_path: Path) -> None:
    make_key(tmp_path / "k")
    (tmp_path / "k").chmod(0o640)
    with pytest.raises(SignatureError, match="chmod 600"):
        read_secret_key(tmp_path / "k")
    with pytest.raises(SignatureError, match="--new-key"):
        read_secret_key(tmp_path / "none")


def test_minisign_and_this_program_take_each_other_s_keys(tmp_path: Path) -> None:
    program = shutil.which("minisign")
    if program is None:
        pytest.skip("minisign is not installed here (apt-get install minisign)")

    def minisign(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False,
                              timeout=60, stdin=subprocess.DEVNULL)

    made = make_key(tmp_path / "ours")
    (tmp_path / "f").write_bytes(DOCUMENT)
    (tmp_path / "f.minisig").write_bytes(made.sign(DOCUMENT, "made by us"))
    done = minisign("-V", "-p", "ours.pub", "-m", "f")
    assert "made by us" in done.stdout, done.stderr
    if minisign("-G", "-W", "-p", "theirs.pub", "-s", "theirs").returncode:
        pytest.skip("this minisign makes no key without a password")
    (tmp_path / "theirs").chmod(0o600)
    theirs = read_secret_key(tmp_path / "theirs")
    assert theirs.public == parse_public_key((tmp_path / "theirs.pub").read_text())
    (tmp_path / "f.minisig").write_bytes(theirs.sign(DOCUMENT, "made by us with theirs"))
    assert minisign("-V", "-p", "theirs.pub", "-m", "f").returncode == 0
    assert minisign("-S", "-W", "-s", "ours", "-m", "f", "-t", "made by them with ours").returncode == 0
    assert verify_signature(DOCUMENT, parse_signature((tmp_path / "f.minisig").read_bytes()),
                            made.public) == "made by them with ours"
