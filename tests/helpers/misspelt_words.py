"""Sixty words of the domain in the code that judges and measures, each with a misspelling: a fair draw of all.

Which: every text literal of the rooms `inference` and `measurement` that is a word of some type in
`probe.core.tables`, a word of a line counting once. Left out are docstrings, parts of f-strings, the types
themselves, lines that stand twice in their file, and `OTHER_VOCABULARIES`, where the same letters mean something else.
Of one function, class or constant one word is drawn at most: behind a comparison that can never hold, mypy looks no
further. The draw is `random.Random(SEED)`'s; nobody has chosen. To draw anew, after the code has changed:

    python tests/misspelt_words.py > tests/misspelt_words.tsv
"""

from __future__ import annotations

import ast
import csv
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Literal, Union, get_args, get_origin

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_suffix(".tsv")
ROOMS = ("probe/inference", "probe/measurement")
DRAWN = 60
SEED = 20_260_101
OTHER_VOCABULARIES = {
    "probe/measurement/packets/packet_filter.py": {"drop"},  # a label of the filter's program
    "probe/measurement/packets/capture.py": {"udp"},  # what stands in the place of TCP's flags
    "probe/inference/evidence/dns_anatomy.py": {"udp"},
    "probe/measurement/messengers/app_http.py": {"http"},  # a URL scheme
    "probe/measurement/messengers/posts.py": {"mmtls", "error"},  # a header's value, a key of JSON
    "probe/measurement/messengers/websocket.py": {"websocket"},  # a header's value
    "probe/measurement/streams/http_exchange.py": {"close"},  # a header's value
    "probe/measurement/visits/visit.py": {"server"},  # a header
    "probe/measurement/names/dot.py": {"dot"},  # an ALPN identifier
    "probe/measurement/datagrams/quic_handshake.py": {"quic"},  # a logger's name
    "probe/measurement/device/conditions.py": {"device"},  # an argument of nmcli
    "probe/measurement/session/ladder_controls.py": {"page"},  # a kind of control in the catalogue
    "probe/measurement/session/selection.py": {"udp", "quic"},  # kinds of controls in the catalogue
}
"""File -> words that are none there."""


@dataclass(frozen=True, slots=True)
class Planting:
    """One word and what is written instead."""

    file: str
    source: str
    """The line, without its margin; it stands once in the file."""
    word: str
    misspelt: str


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


def candidates(file: Path, known: frozenset[str]) -> Iterator[list[tuple[str, str]]]:
    """(line, word) pairs of each statement at the top of a file."""
    name, text = str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    often = Counter(lines)
    for statement in ast.parse(text).body:
        passed_over = {id(part) for node in ast.walk(statement) if _is_no_word(node) for part in ast.walk(node)}
        pairs = dict.fromkeys(
            (lines[node.lineno - 1], node.value) for node in ast.walk(statement)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in known
            and id(node) not in passed_over and node.value not in OTHER_VOCABULARIES.get(name, ())
            and f'"{node.value}"' in lines[node.lineno - 1] and often[lines[node.lineno - 1]] == 1)
        yield sorted(pairs)


def _is_no_word(node: ast.AST) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    in_type = isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal"
    return docstring or in_type or isinstance(node, ast.JoinedStr)


def drawn() -> list[Planting]:
    """Sixty of them, the same for the same code."""
    draw, known = random.Random(SEED), domain_words()
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    pool = [(str(file.relative_to(ROOT)), number, line, word) for file in files
            for number, pairs in enumerate(candidates(file, known)) for line, word in pairs]
    draw.shuffle(pool)
    firsts = {(file, number): (file, line, word) for file, number, line, word in reversed(pool)}
    order = list(dict.fromkeys((file, number) for file, number, *_ in pool))[:DRAWN]
    return [Planting(*firsts[key], misspell(firsts[key][2], known, draw)) for key in order]


def planted() -> list[Planting]:
    """The table as it is kept."""
    with TABLE.open(encoding="utf-8", newline="") as handle:
        return [Planting(*row) for row in csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    csv.writer(sys.stdout, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n", quotechar=None).writerows(
        map(astuple, sorted(drawn(), key=astuple)))
