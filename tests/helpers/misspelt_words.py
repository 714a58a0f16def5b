"""Words of the domain in the code that judges and measures, each with a misspelling: one of every statement.

Which: the text literals of the rooms `inference` and `measurement` that are words of some type in
`probe.core.tables`. Left out are docstrings, parts of f-strings, the types themselves, and `OTHER_VOCABULARIES`, where
the same letters mean something else. Of one function, class or constant one word is drawn: behind a comparison that can
never hold, mypy looks no further. The draw is `random.Random(SEED)`'s; nobody has chosen.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Literal, Union, get_args, get_origin

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("probe/judge", "probe/instruments")
SEED = 20_260_101
OTHER_VOCABULARIES = {
    "probe/judge/verdicts/service_sentences.py": {"undecided"},  # of a sentence
    "probe/instruments/packets/packet_filter.py": {"drop", "keep"},  # labels of the filter's program
    "probe/instruments/packets/capture.py": {"udp"},  # what stands in the place of TCP's flags
    "probe/judge/dns/dns_anatomy.py": {"udp"},
    "probe/instruments/messengers/app_http.py": {"http", "https"},  # URL schemes
    "probe/instruments/messengers/posts.py": {"mmtls", "error"},  # a header's value, a key of JSON
    "probe/instruments/messengers/websocket.py": {"websocket"},  # a header's value
    "probe/instruments/streams/http_exchange.py": {"close"},  # a header's value
    "probe/instruments/visits/visit.py": {"server"},  # a header
    "probe/instruments/names/stream_lookups.py": {"dot"},  # an ALPN identifier
    "probe/instruments/datagrams/quic_handshake.py": {"quic"},  # a logger's name
    "probe/instruments/device/conditions.py": {"device", "show"},  # arguments of nmcli
    "probe/instruments/device/network_watch.py": {"route"},  # a file of Linux
    "probe/instruments/device/tunnels.py": {"route"},
    "probe/session/ladder_controls.py": {"page"},  # a kind of control in the catalogue
    "probe/session/step_executor.py": {"https"},  # a URL scheme
    "probe/session/selection.py": {"udp", "quic"},  # kinds of controls in the catalogue
}
"""File -> words that are none there."""


@dataclass(frozen=True, slots=True)
class Planting:
    """One word and what is written instead."""

    file: str
    line: int
    """From 1."""
    column: int
    """Of the word's first quote, in UTF-8 bytes from 0."""
    word: str
    misspelt: str

    def plant(self, lines: list[bytes]) -> None:
        """Write the misspelling into the lines of the file."""
        line, before = lines[self.line - 1], f'"{self.word}"'.encode()
        end = self.column + len(before)
        assert line[self.column:end] == before, f"{self.file}:{self.line}: no {self.word!r}"
        lines[self.line - 1] = line[:self.column] + f'"{self.misspelt}"'.encode() + line[end:]


def domain_words() -> frozenset[str]:
    """The words of every type in `probe.core.tables`."""
    found: set[str] = set()
    for path in (ROOT / "probe/core/tables").glob("[a-z]*.py"):
        for name, value in vars(import_module(f"probe.core.tables.{path.stem}")).items():
            if name[0].isupper() and get_origin(value) in (Literal, Union, UnionType):
                found.update(_words_of(value))
    return frozenset(found - {""})


def _words_of(hint: object) -> Iterator[str]:
    for member in get_args(hint):
        if isinstance(member, str):
            yield member
        yield from _words_of(member)


def misspell(word: str, known: frozenset[str], draw: random.Random) -> str:
    """The word with two letters exchanged, or one doubled where that changes nothing or makes another word."""
    places = list(range(len(word) - 1))
    draw.shuffle(places)
    exchanged = (word[:at] + word[at + 1] + word[at] + word[at + 2:] for at in places)
    return next((text for text in exchanged if text not in known), word + word[-1])


def candidates(file: Path, known: frozenset[str]) -> Iterator[list[ast.Constant]]:
    """The words of each statement at the top of a file."""
    others = OTHER_VOCABULARIES.get(str(file.relative_to(ROOT)), set())
    text = file.read_text(encoding="utf-8")
    for statement in ast.parse(text).body:
        passed_over = {id(part) for node in ast.walk(statement) if _is_no_word(node) for part in ast.walk(node)}
        yield [node for node in ast.walk(statement)
               if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in known - others
               and id(node) not in passed_over and ast.get_source_segment(text, node) == f'"{node.value}"']


def _is_no_word(node: ast.AST) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    in_type = isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal"
    return docstring or in_type or isinstance(node, ast.JoinedStr)


def draw_plantings() -> Iterator[Planting]:
    """One of every statement, the same for the same code."""
    draw, known = random.Random(SEED), domain_words()
    for file in (file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))):
        for words in candidates(file, known):
            if words:
                word = draw.choice(words)
                yield Planting(str(file.relative_to(ROOT)), word.lineno, word.col_offset, str(word.value),
                               misspell(str(word.value), known, draw))
