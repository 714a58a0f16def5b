"""Find what is said to people, and bring the catalogues of translations up to date (`make strings`).

    python tools/strings.py              write probe/core/locales/*.pot, and what is new or gone into each .po
    python tools/strings.py --check      say what is missing or stale, and fail where something is
    python tools/strings.py --digests    the digests that a speaker signs (docs/translating.md)

Texts are the constants in calls of `say` and `say_count`; those of tables are listed in `strings_of_tables.py`.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from distributions import PACKAGES, ROOT
from probe.core.languages import LANGUAGES, SOURCE, LanguageCode
from probe.core.translation import DOMAINS, LOCALES, Domain, load_catalogue_of
from strings_of_tables import list_table_texts

_IMPORTS = "from probe.core.translation import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text that is translated."""

    one: str
    many: str = ""
    place: str
    """File or table that says it, below the project's root."""

    @property
    def domain(self) -> Domain:
        """The catalogue that it belongs to."""
        return "consent" if "consent" in self.place else "probe"


@cache
def list_texts() -> tuple[Text, ...]:
    """All of them, in the order of files and tables; one that several say belongs where it is said first."""
    found: dict[str, Text] = {}
    for text in (*_list_called(), *(Text(one=said, place=place) for place, said in list_table_texts())):
        known = found.setdefault(text.one, text)
        if text.many and not known.many:
            found[text.one] = text
    return tuple(found.values())


def _list_called() -> Iterator[Text]:
    for path in (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))):
        source = path.read_text(encoding="utf-8")
        if _IMPORTS not in source or path.name == "translation.py":
            continue
        place = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id == "say_count":
                    one, many = (_constants(argument)[0] for argument in node.args[:2])
                    yield Text(one=one, many=many, place=place)
                elif node.func.id == "say":
                    yield from (Text(one=said, place=place) for said in _constants(node.args[0]))


def _constants(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*_constants(node.body), *_constants(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def po_path(code: LanguageCode, domain: Domain) -> Path:
    """Where a catalogue lies."""
    return Path(LOCALES, code, f"{domain}.po")


def make_catalogue(domain: Domain, code: LanguageCode | None = None) -> Catalog:
    """An empty catalogue with all texts of a domain, for a language (None: the template)."""
    made = Catalog(locale=code, project="reachability-probe", fuzzy=False, header_comment="# " + (
        f"{LANGUAGES[code].name}, {domain}: see docs/translating.md" if code else f"Texts of {domain}: make strings"))
    for text in list_texts():
        if text.domain == domain:
            made.add((text.one, text.many) if text.many else text.one, locations=[(text.place, 0)])
    return made


def load_po(code: LanguageCode, domain: Domain) -> Catalog:
    """The catalogue as it is in the tree; an empty one where there is none."""
    path = po_path(code, domain)
    if not path.exists():
        return Catalog(locale=code)
    with path.open("rb") as file:
        return read_po(file, locale=code)


def update_po(code: LanguageCode, domain: Domain) -> bytes:
    """The catalogue with what is new (not translated) and without what is gone."""
    made, before = make_catalogue(domain, code), load_po(code, domain)
    for message in made:
        old = before.get(message.id) if message.id else None
        if old and old.string:
            message.string = old.string
    return write_catalogue(made)


def write_catalogue(catalogue: Catalog) -> bytes:
    """The bytes of its file, without dates and names of programs."""
    out = io.BytesIO()
    write_po(out, catalogue, width=120, omit_header=False, sort_output=False)
    lines = out.getvalue().decode().splitlines()
    return "\n".join(line for line in lines if not line.startswith(_DATED)).encode().rstrip() + b"\n"


_DATED = ('"POT-Creation-Date', '"PO-Revision-Date', '"Last-Translator', '"Language-Team', '"Report-Msgid',
          '"Generated-By', '"Project-Id')


def list_faults(code: LanguageCode, domain: Domain) -> Iterator[str]:
    """What is not translated, and what no text is any more."""
    wanted = make_catalogue(domain, code)
    here = load_po(code, domain)
    for message in wanted:
        known = here.get(message.id) if message.id else None
        forms = known.string if known and isinstance(known.string, tuple) else (known.string,) if known else ()
        if message.id and (not known or known.fuzzy or not forms or not all(forms)):
            yield f"{code}/{domain}.po: not translated: {message.id}"
    yield from (f"{code}/{domain}.po: stale: {message.id}" for message in here
                if message.id and not wanted.get(message.id))


def main(words: list[str]) -> int:
    codes: list[LanguageCode] = [code for code in LANGUAGES if code != SOURCE]
    if "--digests" in words:
        for code in codes:
            for domain in DOMAINS:
                print(f"{code:<6} {domain:<8} {load_catalogue_of(code, domain).digest}")
        return 0
    if "--check" in words:
        faults = [fault for code in codes for domain in DOMAINS for fault in list_faults(code, domain)]
        print("\n".join(faults) or "All is translated.")
        return bool(faults)
    for domain in DOMAINS:
        Path(LOCALES, f"{domain}.pot").write_bytes(write_catalogue(make_catalogue(domain)))
        for code in codes:
            po_path(code, domain).parent.mkdir(exist_ok=True)
            po_path(code, domain).write_bytes(update_po(code, domain))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
