"""Our reader of catalogues reads what Babel writes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po as read_by_babel
from babel.messages.pofile import write_po
from hypothesis import given
from hypothesis import strategies as st

from probe.core.po_catalogue import read_po
from probe.core.translation import LOCALES

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), include_characters="\n\t"),
                min_size=1, max_size=200)


PATHS = sorted(Path(LOCALES).glob("*/*.po"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_both_read_the_same(path: Path) -> None:
    with path.open("rb") as file:
        theirs = read_by_babel(file)
    said = {(m.id[0] if isinstance(m.id, tuple) else m.id): m.string if isinstance(m.string, tuple) else (m.string,)
            for m in theirs if m.id}
    ours = read_po(str(path))
    assert ours.messages == said
    assert [ours.choose_form(n) for n in range(200)] == [_form(theirs, n) for n in range(200)]


def _form(catalogue: Catalog, n: int) -> int:
    from gettext import c2py

    return c2py(catalogue.plural_expr)(n)


@given(st.dictionaries(TEXTS, TEXTS, max_size=5))
def test_whatever_babel_writes_is_read(tmp_path_factory: pytest.TempPathFactory, said: dict[str, str]) -> None:
    catalogue = Catalog(locale="ru")
    for one, translated in said.items():
        catalogue.add(one, translated)
    out = io.BytesIO()
    write_po(out, catalogue, width=60)
    path = tmp_path_factory.mktemp("po") / "x.po"
    path.write_bytes(out.getvalue())
    assert {one: forms[0] for one, forms in read_po(str(path)).messages.items()} == said


def test_what_is_fuzzy_is_not_said(tmp_path: Path) -> None:
    path = tmp_path / "x.po"
    path.write_text('msgid ""\nmsgstr ""\n\n#, fuzzy\nmsgid "yes"\nmsgstr "нет"\n\nmsgid "no"\nmsgstr "нет"\n')
    assert read_po(str(path)).messages == {"no": ("нет",)}


def test_the_digest_is_of_what_is_said_alone(tmp_path: Path) -> None:
    texts = {"a": '# one\nmsgid "a"\nmsgstr "x"\n\nmsgid "b"\nmsgstr "y"\n',
             "b": 'msgid "b"\nmsgstr "y"\n\n#: there\nmsgid "a"\nmsgstr "x"\n',
             "c": 'msgid "b"\nmsgstr "y"\n\nmsgid "a"\nmsgstr "z"\n'}
    digests = {}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        digests[name] = read_po(str(tmp_path / name)).digest
    assert digests["a"] == digests["b"] != digests["c"]
