"""A document without script that fetches nothing, in light and dark: what short pages stand in. Pure."""

from __future__ import annotations

from importlib.resources import files

from probe.core.languages import LANGUAGES, LanguageCode
from probe.upkeep.page.markup import Html, join_html

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def make_simple_document(title: str, body: Html, *styles: str, language: LanguageCode = "en") -> str:
    """The whole document; `styles`: further style sheets, as text; `language`: in which it is."""
    sheets = "".join((files("probe.upkeep.page").joinpath("answer.css").read_text(encoding="utf-8"), *styles))
    head = ('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">')
    spoken = LANGUAGES[language]
    direction = ' dir="rtl"' if spoken.right_to_left else ""
    return (f'<!DOCTYPE html>\n<html lang="{spoken.tag}"{direction}>\n<head>{head}<title>{join_html(title)}</title>\n'
            f"<style>\n{sheets}</style></head>\n<body>\n{body}\n</body>\n</html>\n")
