"""Where each rule is defined: file and line, read from the source of the modules that hold them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import probe.judge

_ROOT = Path(probe.judge.__file__).parent
_NAMES = ("id", "rule_id")
"""Arguments that hold a rule's id: of `Rule`, and of verdicts on what must not be there, which no table decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """A line of a file, which is named from the folder that holds the package."""

    file: str
    line: int


@cache
def find_rule_places() -> dict[str, SourceLine]:
    """Rule id -> where it is defined; empty where the source is not installed."""
    found: dict[str, SourceLine] = {}
    for path in (*sorted(_ROOT.rglob("*_rules.py")), *sorted((_ROOT / "verdicts").glob("*.py"))):
        file = path.relative_to(_ROOT.parent.parent).as_posix()
        for rule_id, line in _ids(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(rule_id, SourceLine(file=file, line=line))
    return found


def _ids(module: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module):
        for argument in node.keywords if isinstance(node, ast.Call) else ():
            value = argument.value
            if argument.arg in _NAMES and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value, value.lineno
