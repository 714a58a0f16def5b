"""The tests themselves: how they are laid out, what they may be tied to, and when a run of them counts."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from project_root import ROOT

MOST_SENTENCES = 79
"""Asserts that hold prose; it may only go down. What a person is told is tested by `in_order`, or by `--json`."""
SENTENCE_WORDS = 4
TESTS = ROOT / "tests"

NO_LABORATORY = """
import probe_lab.laboratory
probe_lab.laboratory.explain_unavailable = lambda: "none today"
"""


def sentences(tree: ast.Module) -> Iterator[str]:
    """Strings of so many words within asserts, and within what the text of an exception must match."""
    for node in ast.walk(tree):
        held = [node.test] if isinstance(node, ast.Assert) else []
        if isinstance(node, ast.Call):
            held += [keyword.value for keyword in node.keywords if keyword.arg == "match"]
        texts = [part.value for expression in held for part in ast.walk(expression)
                 if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        yield from (text for text in texts if len(text.split()) >= SENTENCE_WORDS)


def test_few_asserts_hold_prose() -> None:
    found = [text for path in sorted(TESTS.rglob("*.py"))
             for text in sentences(ast.parse(path.read_text(encoding="utf-8")))]
    assert len(found) <= MOST_SENTENCES


def test_prose_is_noticed() -> None:
    text = 'assert x == "a b c d", "the reason why it fails"\nassert "a b c" in x\nraises(E, match="a b c d")\n'
    assert list(sentences(ast.parse(text))) == ["a b c d", "a b c d"]


def test_no_name_is_given_twice() -> None:
    """Modules of tests are imported by their bare names."""
    names = Counter(path.name for path in TESTS.rglob("*.py") if path.name != "conftest.py")
    assert not [name for name, n in names.items() if n > 1]


def test_whoever_reads_the_tests_finds_their_helpers() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    folders = {
        "pytest": tool["pytest"]["ini_options"]["pythonpath"],
        "mypy": ["".join(folder.split()) for folder in tool["mypy"]["mypy_path"].split(":")],
        "ruff": tool["ruff"]["src"],
    }
    found = {who: sorted(name for name in names if name.startswith("tests/")) for who, names in folders.items()}
    assert found["pytest"] == found["mypy"] == found["ruff"]
    assert all((ROOT / name).is_dir() for name in found["pytest"])
    assert {str(path.relative_to(ROOT)) for path in TESTS.rglob("helpers")} <= set(found["pytest"])


@pytest.mark.parametrize(("ci", "status"), [("true", pytest.ExitCode.TESTS_FAILED), ("", pytest.ExitCode.OK)])
def test_continuous_integration_without_a_laboratory_fails(tmp_path: Path, ci: str, status: pytest.ExitCode) -> None:
    (tmp_path / "no_laboratory.py").write_text(NO_LABORATORY, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no_laboratory", "-p", "no:cacheprovider",
         "tests/lab/host/test_lab_kernel.py"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "CI": ci, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT / "lab"), str(ROOT)))})
    assert done.returncode == status, done.stdout[-3000:]
    assert "none today" in done.stdout
