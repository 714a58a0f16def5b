"""Signatures in the format of minisign: what is accepted, and that nothing else is."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.upkeep.updates.minisign import SignatureError, parse_public_key, parse_signature, verify_signature
from signed import OTHERS, OURS, Signer

DOCUMENTED_KEY = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
DOCUMENTED = (
    b"untrusted comment: signature from minisign secret key\n"
    b"RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n"
    b"trusted comment: timestamp:1633700835\tfile:test\tprehashed\n"
    b"wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n")
"""Of minisign's own author, over the four bytes `test`."""

KEY = parse_public_key(OURS.public_file)


def told(document: bytes, raw: bytes) -> str:
    """Why it is refused; empty when it is not."""
    try:
        verify_signature(document, parse_signature(raw), KEY)
    except SignatureError as error:
        return str(error)
    return ""


def test_the_signature_of_minisigns_author_is_good() -> None:
    key = parse_public_key(DOCUMENTED_KEY)
    assert key.name == "E7620F1842B4E81F"
    assert verify_signature(b"test", parse_signature(DOCUMENTED), key) == "timestamp:1633700835\tfile:test\tprehashed"
    with pytest.raises(SignatureError, match="altered"):
        verify_signature(b"Test", parse_signature(DOCUMENTED), key)


@pytest.mark.parametrize("legacy", [True, False])
@given(document=st.binary(max_size=300), comment=st.text(st.characters(codec="utf-8", exclude_characters="\r\n")))
def test_what_was_signed_is_accepted(legacy: bool, document: bytes, comment: str) -> None:
    raw = OURS.sign(document, comment=comment.encode(), legacy=legacy)
    assert verify_signature(document, parse_signature(raw), KEY) == comment
    assert verify_signature(document, parse_signature(raw.replace(b"\n", b"\r\n")), KEY) == comment
    assert verify_signature(document, parse_signature(raw.removesuffix(b"\n")), KEY) == comment


@pytest.mark.parametrize("legacy", [True, False])
@given(data=st.data())
def test_no_byte_that_counts_can_be_changed(legacy: bool, data: st.DataObject) -> None:
    document = b"the list"
    raw = bytearray(OURS.sign(document, legacy=legacy))
    place = data.draw(st.integers(len(b"untrusted comment: whatever"), len(raw) - 2))
    raw[place] ^= data.draw(st.integers(1, 255))
    assert told(document, bytes(raw))


@given(st.binary(min_size=1, max_size=40), st.booleans())
def test_no_other_content_is_accepted(other: bytes, legacy: bool) -> None:
    assert "altered" in told(b"the list" + other, OURS.sign(b"the list", legacy=legacy))


@given(st.binary(max_size=600) | st.binary(max_size=60).map(lambda tail: OURS.sign(b"")[:200] + tail))
def test_any_bytes_are_a_signature_or_refused_in_words(raw: bytes) -> None:
    assert told(b"x", raw)


@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()))
def test_any_text_is_a_key_or_refused_in_words(text: str) -> None:
    with pytest.raises(SignatureError):
        parse_public_key(text)


@pytest.mark.parametrize("text", [OURS.public_file, OURS.public_line, f"\n {OURS.public_line}\r\n"])
def test_a_key_is_read_from_a_file_or_a_line(text: str) -> None:
    assert parse_public_key(text) == KEY
    assert parse_public_key(text).text == OURS.public_line
    assert KEY.name == "FF07060504030201"


@pytest.mark.parametrize(("raw", "why"), [
    (OTHERS.sign(b"d"), "signed by the key 0909090909090909, not by FF07060504030201"),
    (Signer(seed=b"o" * 32).sign(b"d"), "altered"),
    (OURS.sign(b"d").replace(b"trusted comment: list", b"trusted comment: least"), "trusted comment was altered"),
    (OURS.sign(b"d")[:-30], "global signature"),
    (OURS.sign(b"d").rpartition(b"trusted")[0], "not whole"),
    (OURS.sign(b"d") + b"more\n", "not one of minisign"),
    (b"", "not one of minisign"),
    (b"a" * 20_000, "longer than any"),
    (OURS.sign(b"d", legacy=True).replace(b"RWQ", b"RVQ"), "algorithm"),
])
def test_each_refusal_says_why(raw: bytes, why: str) -> None:
    assert why in told(b"d", raw)


def test_a_signature_of_one_algorithm_is_none_of_the_other() -> None:
    """Else a signed hash could be served as a document of 64 bytes."""
    legacy, hashed = OURS.sign(b"d", legacy=True), OURS.sign(b"d")
    def swapped(raw: bytes, algorithm: bytes) -> bytes:
        lines = raw.split(b"\n")
        lines[1] = base64.b64encode(algorithm + base64.b64decode(lines[1])[2:])
        return b"\n".join(lines)

    assert told(b"d", swapped(legacy, b"ED"))
    assert told(b"d", swapped(hashed, b"Ed"))


@pytest.mark.parametrize("legacy", [True, False])
def test_the_real_program_and_this_one_agree(tmp_path: Path, legacy: bool) -> None:
    program = shutil.which("minisign")
    if program is None:
        pytest.skip("minisign is not installed here (apt-get install minisign)")

    def minisign(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False,
                              timeout=60)

    made = minisign("-G", "-W", "-p", "k.pub", "-s", "k.key")
    if made.returncode:
        pytest.skip(f"this minisign makes no key without a password: {made.stderr.strip()[:80]}")
    document = bytes(range(256)) * 300
    (tmp_path / "list.json").write_bytes(document)
    assert minisign("-S", *(["-l"] if legacy else []), "-s", "k.key", "-m", "list.json", "-t", "list 7").returncode == 0
    raw = (tmp_path / "list.json.minisig").read_bytes()
    key = parse_public_key((tmp_path / "k.pub").read_text())
    assert parse_signature(raw).prehashed != legacy
    assert verify_signature(document, parse_signature(raw), key) == "list 7"
    with pytest.raises(SignatureError):
        verify_signature(document[:-1], parse_signature(raw), key)
    # and the other way round: what the tests' own signer makes, the real program takes
    (tmp_path / "ours.pub").write_text(OURS.public_file)
    (tmp_path / "list.json.minisig").write_bytes(OURS.sign(document, legacy=legacy))
    done = minisign("-V", "-p", "ours.pub", "-m", "list.json")
    assert done.returncode == 0, done.stderr
