"""Functions that are imported elsewhere are verbs: a bare participle (`fed`) says neither who acts nor on what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributions import PACKAGES
from project_root import ROOT

IRREGULAR = (
    " begun bound brought built chosen cut drawn dealt done driven fallen fed felt forgotten found frozen given gone "
    "grown heard held hidden hit hung kept laid left lent lost made meant met paid put risen said seen sent set shown "
    "shrunk sold split spoken spread struck stuck sworn taken thought thrown told torn understood woken worn written "
)
NO_PARTICIPLES = frozenset({"embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed"})
VAGUE = frozenset({"told", "shop", "book", "frame", "bare"})
"""Words that each meant several things: a finding, a document, arguments, an error."""


def is_bare_participle(name: str) -> bool:
    """Whether a name is one past participle and nothing else."""
    word = name.strip("_")
    return "_" not in word and (f" {word} " in IRREGULAR
                                or (word.endswith("ed") and word not in NO_PARTICIPLES))


def functions(path: Path) -> Iterator[str]:
    """The names of a file's module-level functions."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def imported_names() -> set[str]:
    """`module.name` of everything that some file imports by name."""
    return {
        f"{node.module}.{alias.name}"
        for folder in (*PACKAGES, "tests", "tools") for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) for alias in node.names
    }


@pytest.mark.parametrize(("name", "bare"), [
    ("fed", True), ("_told", True), ("refused", True), ("chosen", True),
    ("feed", False), ("need", False), ("is_frozen", False), ("choose_catalogue", False), ("left_out", False),
])
def test_participles_are_recognised(name: str, bare: bool) -> None:
    assert is_bare_participle(name) is bare


@pytest.mark.slow
def test_no_function_that_is_imported_elsewhere_is_a_bare_participle() -> None:
    imported = imported_names()
    modules = {path: ".".join(path.relative_to(package.parent).with_suffix("").parts)
               for package in (ROOT / below for below in PACKAGES) for path in package.rglob("*.py")}
    wrong = [f"{module}.{name}" for path, module in sorted(modules.items()) for name in functions(path)
             if is_bare_participle(name) and f"{module}.{name}" in imported]
    assert not wrong, "\n".join(wrong)


def list_identifiers(text: str) -> set[str]:
    """Every name that a module gives to something or asks of something."""
    kinds = {ast.Name: "id", ast.arg: "arg", ast.keyword: "arg", ast.Attribute: "attr", ast.alias: "asname",
             ast.FunctionDef: "name", ast.AsyncFunctionDef: "name", ast.ClassDef: "name", ast.ExceptHandler: "name"}
    return {str(getattr(node, kinds[type(node)])) for node in ast.walk(ast.parse(text)) if type(node) in kinds}


@pytest.mark.parametrize(("text", "found"), [
    ("told = 1", True), ("def f(book): ...", True), ("f(frame=1)", True), ("x.shop", True), ("import y as bare", True),
    ("told_apart = 'told'  # told", False),
])
def test_vague_names_are_found(text: str, found: bool) -> None:
    assert bool(list_identifiers(text) & VAGUE) is found


def test_no_identifier_is_vague() -> None:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    assert texts
    wrong = [f"{path}: {', '.join(sorted(used))}" for path, text in texts.items()
             if any(word in text for word in VAGUE) and (used := list_identifiers(text) & VAGUE)]
    assert not wrong, "\n".join(wrong)
