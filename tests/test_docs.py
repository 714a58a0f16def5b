"""Documents that are made from tables equal what the tables say, and the README names every command."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from probe.cli.main import COMMANDS


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    path = Path(__file__).resolve().parent.parent / "tools" / "docs.py"
    spec = importlib.util.spec_from_file_location("docs_tool", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_documents_are_up_to_date(docs: ModuleType) -> None:
    stale = [path.name for path, text in docs.documents().items() if path.read_text(encoding="utf-8") != text]
    assert not stale, f"run `make docs`: {stale}"


def test_a_changed_table_would_show(docs: ModuleType) -> None:
    places = "".join(f"<!-- table: {name} -->\n(stale)\n<!-- end -->\n" for name in ("outcomes", "block types"))
    now = docs.filled(f"before\n{places}after")
    assert "(stale)" not in now
    assert "inconclusive" in now
    assert "tls.reset.sni" in now
    assert now.startswith("before\n")
    assert now.endswith("after")


def test_a_table_without_a_place_is_noticed(docs: ModuleType) -> None:
    with pytest.raises(ValueError, match="no place"):
        docs.filled("nothing here")


def test_the_readme_names_every_command(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    assert not [name for name in COMMANDS if f"probe {name}" not in text]
