"""Plain lists of one's own: bare hosts, and names in other letters."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.catalogue.load import load_catalogue
from probe.catalogue.test_lists import complete_address
from probe.catalogue.types import CatalogueError


@pytest.mark.parametrize(("line", "url"), [
    ("example.org", "https://example.org/"), ("example.org/a b", None), ("example.org:8443", "https://example.org:8443/"),
    ("example.org/a#part", "https://example.org/a#part"), ("b\u00fccher.example", "https://xn--bcher-kva.example/"),
    ("http://\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444/\u0434", "http://xn--e1afmkfd.xn--p1ai/%D0%B4"),
])
def test_a_bare_host_and_a_name_in_other_letters_are_taken(tmp_path: Path, line: str, url: str | None) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(f"{line}\n")
    if url is None:
        with pytest.raises(CatalogueError):
            load_catalogue(str(path))
        return
    assert [e.input for e in load_catalogue(str(path)).endpoints if e.role != "control"] == [url]


def test_a_test_list_takes_names_in_other_letters_too(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("url,category_code\nhttps://b\u00fccher.example/,COMT\nhttps://example.org/,COMT\n",
                    encoding="utf-8")
    assert [e.input for e in load_catalogue(str(path)).endpoints if e.role != "control"] == [
        "https://xn--bcher-kva.example/", "https://example.org/"]


@given(st.text(max_size=60))
def test_no_line_breaks_the_completion(text: str) -> None:
    done = complete_address(text)
    assert done == text or done.isascii() or not text.isascii()
