"""What `tools/new_handshake.py` writes: three new files, and a row."""

from __future__ import annotations

from string import Template

MODULE = Template('''"""$title: what is said first, and which answer is the service's own.

TODO: where the layout is published.
"""

from __future__ import annotations

from probe.core.tables.handshakes import FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import Speech, SpeechContext, Turn


def ${name}_request(asked: SpeechContext) -> bytes:
    """TODO: what is said, and what of it is `asked.random`. Empty bytes where the server speaks first."""
    return b""


def hear_${name}(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """TODO: what proves the answer. INCOMPLETE for a beginning that may still become it; any bytes may come."""
    return FOREIGN


FORMS = (Speech(turns=(Turn(say=${name}_request, hear=hear_${name}),), random_bytes=0, max_bytes=4096),)
''')

SERVER = Template('''"""$title's server in the laboratory, written from its published description alone."""

from __future__ import annotations

import random

from probe_lab.servers.app_kinds import AnswersBytes
from probe_lab.servers.app_wire import Wire


async def $name(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """TODO: the answer; with `wrong`, right in every byte but those that must belong to the request."""
    return None


SERVER = AnswersBytes($name)
''')

TEST = Template('''"""$title: bytes from its published description, which neither the probe nor the laboratory wrote."""

from __future__ import annotations

import pytest

from probe.core.tables.handshakes import FOREIGN, HANDSHAKES, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.handshakes.${name} import FORMS
from probe.instruments.messengers.speech import INCOMPLETE, SpeechContext

RANDOM = bytes(range(64))
SAID = b"TODO: the first words that go with RANDOM, from the description or a recording"
ANSWERS: list[tuple[bytes, Proof | Empty]] = [
    (b"TODO: a genuine answer", "answered"),
    (b"TODO: the service's own way to say no; remove the line where it has none", "refused"),
    (b"HTTP/1.1 400 Bad Request\\r\\n\\r\\n", FOREIGN),
    (b"", INCOMPLETE),
]


def asked() -> SpeechContext:
    return SpeechContext(name="chat.example", random=RANDOM[:FORMS[0].random_bytes])


def test_what_is_said_is_what_the_description_says() -> None:
    assert FORMS[0].turns[0].say(asked()) == SAID


@pytest.mark.parametrize(("answer", "word"), ANSWERS)
def test_what_is_heard(answer: bytes, word: Proof | Empty) -> None:
    assert FORMS[0].turns[0].hear(answer, asked()) == word


def test_its_row_is_filled_in() -> None:
    row = HANDSHAKES["$name"]
    assert "TODO" not in f"{row.sends} {row.proof} {row.source}"
''')

ROW = Template("""\
$name,$over,"TODO: what is said$within",TODO: what proves the answer,C,$marks,TODO: the source,8,,,true
""")
TARGET = Template("SERVICE.chat.$name,SERVICE,chat,2,unproven,$scheme://HOST:PORT,$name,,,,,,TRUST,,,,,,,,COMT,DATE,SOURCE,medium,")
