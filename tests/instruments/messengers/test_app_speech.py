"""Messengers' first words: read back by the laboratory's servers, which were written apart, and any bytes in answer."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_pipe import MemoryPipe
from probe.core.tables.handshakes import (
    ANSWERED,
    FOREIGN,
    GENUINE_PROOFS,
    HANDSHAKES,
    INNOCENT_HTTP,
    PROOFS,
    PROVEN,
    REFUSED,
    ProtocolName,
)
from probe.core.tables.protocols import PROTOCOLS
from probe.instruments.messengers.handshakes import mtproto, smp
from probe.instruments.messengers.reply_pattern import expected_authority, find_reply_mismatch
from probe.instruments.messengers.speech import Speech, SpeechContext
from probe.instruments.messengers.speeches import SPEECHES, choose_speech
from probe_lab.servers.app_registry import ANSWERS, DIALOGUES
from probe_lab.servers.app_websocket import HiddenStream
from probe_lab.servers.app_wire import Wire

FORMS = [(name, speech) for name, forms in SPEECHES.items() for speech in forms if name != INNOCENT_HTTP]
SPOKEN = [(name, speech) for name, speech in FORMS if name in ANSWERS]
NEED_OUR_BYTES = ("mtproto", "loco", "max_tcp")
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>It works</html>"
STRANGERS = {
    "page": PAGE, "alert": bytes((21, 3, 1, 0, 2, 2, 10)), "ssh": b"SSH-2.0-OpenSSH_9.6\r\n", "zeros": bytes(700),
    "ones": b"\xff" * 700, "ftp": b"230 logged in\r\n", "hello": bytes.fromhex("160303007a02000076") + bytes(113),
}


def asked(speech: Speech, seed: int = 1) -> SpeechContext:
    return SpeechContext(name="chat.example", random=random.Random(seed).randbytes(speech.random_bytes),
                         now_s=1_790_000_000)


class OneMessage:
    """A stream that gives what was said, and then its end."""

    def __init__(self, said: bytes) -> None:
        self.said = said

    async def read(self) -> bytes:
        said, self.said = self.said, b""
        return said

    async def write(self, data: bytes) -> None:
        raise AssertionError("an answer is returned")

    async def close(self) -> None:
        pass


def answer_to(name: ProtocolName, said: bytes, *, wrong: bool = False, seed: int = 7) -> bytes:
    """What the laboratory's server says to these bytes."""
    async def answer() -> bytes | None:
        return await ANSWERS[name](Wire(OneMessage(said)), random.Random(seed), wrong)

    got = asyncio.run(answer())
    assert got is not None, f"the server did not understand {said.hex()}"
    return got


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("name", "speech"), SPOKEN, ids=[f"{n}{i}" for i, (n, _) in enumerate(SPOKEN)])
def test_servers_understand_what_is_said_and_their_answer_is_known(name: ProtocolName, speech: Speech,
                                                                   seed: int) -> None:
    this = asked(speech, seed)
    reply = answer_to(name, speech.turns[0].say(this), seed=seed + 100)
    word = speech.turns[0].hear(reply, this)
    assert word in GENUINE_PROOFS
    assert word == PROVEN or name not in ("mtproto", "loco")
    assert len(reply) <= speech.max_bytes


@pytest.mark.parametrize(("name", "speech"), SPOKEN, ids=[f"{n}{i}" for i, (n, _) in enumerate(SPOKEN)])
def test_an_answer_to_another_request_proves_nothing(name: ProtocolName, speech: Speech) -> None:
    this = asked(speech)
    assert speech.turns[0].hear(answer_to(name, speech.turns[0].say(this), wrong=True), this) not in GENUINE_PROOFS
    if name in NEED_OUR_BYTES:
        other = replace(this, random=bytes(b ^ 1 for b in this.random))
        assert speech.turns[0].hear(answer_to(name, speech.turns[0].say(this)), other) not in GENUINE_PROOFS


@pytest.mark.parametrize(("name", "speech"), SPOKEN, ids=[f"{n}{i}" for i, (n, _) in enumerate(SPOKEN)])
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(name: ProtocolName, speech: Speech) -> None:
    this = asked(speech)
    reply = answer_to(name, speech.turns[0].say(this))
    words = [speech.turns[0].hear(reply[:n], this) for n in range(1, len(reply) + 1)]
    told = next(n for n, word in enumerate(words) if word)
    assert words[told] in GENUINE_PROOFS
    assert FOREIGN not in words


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize(("name", "speech"), FORMS, ids=[f"{n}{i}" for i, (n, _) in enumerate(FORMS)])
def test_strangers_are_not_taken_for_the_service(name: ProtocolName, speech: Speech, stranger: bytes) -> None:
    this = asked(speech)
    for turn in speech.turns:
        assert turn.hear(stranger, this) not in GENUINE_PROOFS
        assert turn.hear(turn.say(this) or b"?", this) not in GENUINE_PROOFS, "an echo"


ANY_BYTES = st.binary(max_size=1200) | st.sampled_from([*STRANGERS.values()])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMS), ANY_BYTES, st.integers(0, 5))
def test_any_bytes_have_a_word_and_none_is_proven_without_what_proves(
    form: tuple[ProtocolName, Speech], reply: bytes, seed: int,
) -> None:
    name, speech = form
    this = asked(speech, seed)
    for turn in speech.turns:
        word = turn.hear(reply, this)
        assert word in (*PROOFS, "")
        shown = speech.plain(reply, this)
        assert word != PROVEN or (bool(this.random) and this.random[:16] in shown)
        assert word not in GENUINE_PROOFS or name not in NEED_OUR_BYTES or word == REFUSED or this.random[:1] in shown


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SPOKEN), st.data())
def test_a_damaged_answer_has_a_word_and_a_damaged_nonce_never_proves(
    form: tuple[ProtocolName, Speech], data: st.DataObject,
) -> None:
    name, speech = form
    this = asked(speech)
    reply = bytearray(answer_to(name, speech.turns[0].say(this)))
    at, bit = data.draw(st.integers(0, len(reply) - 1)), data.draw(st.integers(0, 7))
    reply[at] ^= 1 << bit
    word = speech.turns[0].hear(bytes(reply), this)
    assert word in (*PROOFS, "")
    if name == "mtproto" and this.random[:16] not in speech.plain(bytes(reply), this):
        assert word != PROVEN


async def talked(name: ProtocolName, *, clear: bool) -> tuple[list[str], bool]:
    """The words of a client's turns with the laboratory's server, and whether that would begin TLS."""
    speech, talk, words = SPEECHES[name][0], MemoryPipe(), []
    server = asyncio.ensure_future(DIALOGUES[name](Wire(talk), "chat.example", random.Random(1), clear))
    for turn in speech.turns:
        if said := turn.say(SpeechContext(name="chat.example")):
            await talk.to_server.put(said)
        heard, word = b"", ""
        while not word:
            heard += await asyncio.wait_for(talk.to_client.get(), 10)
            word = turn.hear(heard, SpeechContext(name="chat.example"))
        words.append(word)
    if not speech.upgrades:
        server.cancel()
        return words, False
    return words, await asyncio.wait_for(server, 10)


@pytest.mark.parametrize("name", DIALOGUES)
def test_dialogues_lead_to_tls_where_they_should(name: ProtocolName) -> None:
    words, begins_tls = asyncio.run(talked(name, clear=name.endswith("_starttls")))
    assert set(words) == {ANSWERED}
    assert begins_tls is SPEECHES[name][0].upgrades


@pytest.mark.parametrize("name", ["xmpp_starttls", "smtp_starttls"])
def test_a_server_whose_starttls_was_stripped_is_foreign(name: ProtocolName) -> None:
    words: list[str] = []

    async def stripped() -> None:
        speech, talk = SPEECHES[name][0], MemoryPipe()
        server = asyncio.ensure_future(DIALOGUES[name](Wire(talk), "chat.example", random.Random(1), False))
        for turn in speech.turns:
            if said := turn.say(SpeechContext(name="chat.example")):
                await talk.to_server.put(said)
            words.append(turn.hear(await asyncio.wait_for(talk.to_client.get(), 10),
                                   SpeechContext(name="chat.example")))
            if words[-1] != ANSWERED:
                break
        server.cancel()

    asyncio.run(stripped())
    assert words[-1] == FOREIGN


# ---- single protocols

def test_telegrams_own_errors_are_refusals() -> None:
    this = asked(mtproto.ABRIDGED)
    for code in (-404, -429, -444):
        raw = code.to_bytes(4, "little", signed=True)
        assert mtproto.judge_abridged(b"\x01" + raw, this) == REFUSED
        assert mtproto.judge_intermediate(b"\x04\0\0\0" + raw, this) == REFUSED
    assert mtproto.judge_abridged(b"\x01" + (404).to_bytes(4, "little"), this) == FOREIGN
    assert mtproto.judge_abridged(b"\x01" + (-404).to_bytes(4, "little", signed=True) + b"more", this) == FOREIGN


def test_the_request_is_laid_out_as_published() -> None:
    this = asked(mtproto.ABRIDGED)
    abridged, intermediate = (asyncio.run(HiddenStream(OneMessage(form.turns[0].say(this))).read())
                              for form in mtproto.FORMS)
    assert abridged[:10] == b"\xef\x0a" + bytes(8)
    assert int.from_bytes(abridged[10:18], "little") % 4 == 0
    assert int.from_bytes(abridged[10:18], "little") >> 32 == this.now_s
    assert abridged[18:] == bytes.fromhex("14000000f18e7ebe") + this.random[:16]
    assert intermediate == bytes.fromhex("eeeeeeee28000000") + abridged[2:]


@given(st.binary(min_size=80, max_size=80))
def test_no_obfuscated_beginning_looks_like_another(drawn: bytes) -> None:
    said = mtproto.ABRIDGED.turns[0].say(SpeechContext(random=drawn))
    assert said[:1] not in (b"\xef", b"H", b"P", b"G", b"O", b"\xee", b"\xdd", b"\x16")
    assert said[4:8] != bytes(4)


def test_attempts_take_the_forms_in_turn() -> None:
    assert [choose_speech("mtproto", n) is choose_speech("mtproto") for n in (1, 2, 3)] == [True, False, True]
    assert choose_speech("viber", 2) is choose_speech("viber", 1)


def block(content: bytes) -> bytes:
    return (len(content).to_bytes(2, "big") + content).ljust(16384, b"#")


def test_a_simplex_greeting_is_proven_by_its_authority_alone() -> None:
    greeting = block(b"\x00\x06\x00\x0b" + bytes([32]) + bytes(32))
    known = SpeechContext(identity=b"i" * 32, authorities=(b"l" * 32, b"i" * 32))
    assert smp.judge_smp(greeting, known) == PROVEN
    assert smp.judge_smp(greeting, replace(known, authorities=(b"l" * 32,))) == FOREIGN
    assert smp.judge_smp(greeting, SpeechContext()) == ANSWERED
    assert smp.judge_smp(block(b"\x0b\x00\x06\x00" + bytes(33)), known) == FOREIGN
    assert smp.judge_smp(greeting[:-1] + b"!", known) == FOREIGN


TEXTS = [
    ("imap", 0, b"* OK ready\r\n", ANSWERED), ("imap", 0, b"* BYE no\r\n", REFUSED), ("imap", 0, b"* OK rea", ""),
    ("imap_starttls", 1, b"* CAPABILITY X\r\na1 OK go\r\n", ANSWERED), ("imap_starttls", 1, b"a1 BAD\r\n", FOREIGN),
    ("smtp", 0, b"220-one\r\n220 two\r\n", ANSWERED), ("smtp", 0, b"220-one\r\n", ""),
    ("smtp", 0, b"554 no\r\n", REFUSED), ("smtp", 0, b"250 hm\r\n", FOREIGN),
    ("smtp_starttls", 1, b"250-a\r\n250-STARTTLS\r\n250 B\r\n", ANSWERED), ("smtp_starttls", 1, b"250 a\r\n", FOREIGN),
    ("xmpps", 0, b"<?xml version='1.0'?><stream:stream id='a'><stream:features/>", ANSWERED),
    ("xmpps", 0, b"<stream:stream from='x'><stream:features/>", FOREIGN),
    ("xmpps", 0, b"<stream:stream id='a'><stream:error><host-unknown/></stream:error>", REFUSED),
    ("xmpp_starttls", 0, b"<stream:stream id='a'><stream:features><x/></stream:features>", FOREIGN),
]


@pytest.mark.parametrize(("name", "turn", "reply", "word"), TEXTS)
def test_lines_and_streams(name: ProtocolName, turn: int, reply: bytes, word: str) -> None:
    assert SPEECHES[name][0].turns[turn].hear(reply, SpeechContext(name="x")) == word


def test_a_domain_cannot_break_out_of_the_stream_header() -> None:
    said = SPEECHES["xmpps"][0].turns[0].say(SpeechContext(name="a' evil='<b>&"))
    assert said.count(b"<") == 2
    assert said.count(b"'") == 12


# ---- the catalogue's words on replies

@pytest.mark.parametrize(("expected", "reply", "met"), [
    ("hex:^ab<nonce>", b"\xab\x01\x02", True), ("hex:^ab<nonce>", b"\xab\x02\x01", False),
    ("len:80", bytes(80), True), ("len:80", bytes(79), False), ("", b"x", True),
    ("text:^\\* OK", b"* OK", True), ("text:^220[ -]", b"230 ", False), ("text:a.*c", b"a\nb\nc", True),
    ("ca_sha256:AAAA", b"", True),
])
def test_expectations_of_replies(expected: str, reply: bytes, met: bool) -> None:
    assert (find_reply_mismatch(expected, reply, {"nonce": b"\x01\x02"}) == "") is met


def test_an_identity_is_read_in_both_alphabets_or_not_at_all() -> None:
    assert len(expected_authority("ca_sha256:6iIcWT_dF2zN_w5xzZEY7HI2Prbh3ldP07YTyDexPjE=")) == 32
    assert expected_authority("hex:00") == b""
    assert isinstance(expected_authority("ca_sha256:é"), bytes)


# ---- tables

def test_every_handshake_is_a_protocol_that_is_spoken() -> None:
    assert set(SPEECHES) - {INNOCENT_HTTP} == set(HANDSHAKES)
    for name, row in HANDSHAKES.items():
        protocol = PROTOCOLS[name]
        assert row.strength in "ABC"
        assert row.source
        assert row.head_bytes <= 8
        if protocol.built:
            assert protocol.says
            assert protocol.consent_level == (2 if row.marks_sender else 1)
            assert SPEECHES[name][0].upgrades is (protocol.layers[-1] == "tls")
            assert ("tls" in protocol.layers) is (protocol.secure_first or SPEECHES[name][0].upgrades)


def test_text_that_may_name_the_volunteer_is_not_kept() -> None:
    assert all(HANDSHAKES[name].head_bytes == 0 for name in HANDSHAKES if name.startswith(("imap", "smtp", "xmpp")))
