"""What is said to people, in the language that was chosen. Catalogues are read when the first text is translated.

Only what people read goes through here, at the edge where it is printed: rows, JSON, logs and words of columns stay
English. `make strings` finds the texts by the names `say` and `say_count`, and those of tables by `tools/strings.py`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from probe.core.languages import LANGUAGES, SOURCE, LanguageCode

if TYPE_CHECKING:
    from probe.core.po_catalogue import PoCatalogue

Domain = Literal["consent", "probe"]
DOMAINS: tuple[Domain, ...] = ("consent", "probe")
"""The catalogues of a language: the consent text is one of its own, which a speaker signs by itself."""
LOCALES: Final = os.path.join(os.path.dirname(__file__), "locales")
"""Folder with one folder for each language. No `Path`, whose import every command would wait for."""
_ISOLATE, _LEFT_TO_RIGHT, _END = "\u2068", "\u2066", "\u2069"
_LATIN = re.compile(r"[A-Za-z0-9~/{$.\[-](?:[!-9;-~]|:(?! )| (?![ (\[]))*[A-Za-z0-9}/\]_]")
"""A command, a path or a name within a text that runs from right to left."""
_BLANK = re.compile(r"\{[^}]*\}")
_chosen: list[LanguageCode] = [SOURCE]
_isolates: list[bool] = [True]


def use_language(code: LanguageCode) -> None:
    """Say everything in this language from now on."""
    _chosen[0] = code


def current_language() -> LanguageCode:
    """The language in which things are said."""
    return _chosen[0]


@contextlib.contextmanager
def speak(code: LanguageCode, *, isolating: bool = True) -> Iterator[None]:
    """Say things in this language within a block; `isolating`: with signs of direction around names and commands."""
    before, isolated = current_language(), _isolates[0]
    use_language(code)
    _isolates[0] = isolating
    try:
        yield
    finally:
        use_language(before)
        _isolates[0] = isolated


@cache
def load_catalogue_of(code: LanguageCode, domain: Domain) -> PoCatalogue:
    """One catalogue of a language; an empty one where it has none."""
    from probe.core.po_catalogue import PoCatalogue, read_po

    path = os.path.join(LOCALES, code, f"{domain}.po")
    return read_po(path) if os.path.exists(path) else PoCatalogue()


def say(text: str, /, **values: object) -> str:
    """The text in the chosen language, with its blanks filled; in English where it is not translated."""
    if current_language() == SOURCE:
        return text.format(**values) if values else text
    forms = _find(text)
    return _fill(_isolate_commands(forms[0]) if forms else text, values)


def say_count(one: str, many: str, n: int, /, **values: object) -> str:
    """The text that a number takes, with `{n}` and its other blanks filled."""
    values = {"n": n, **values}
    if current_language() == SOURCE:
        return (one if n == 1 else many).format(**values)
    forms = _find(one)
    choose = load_catalogue_of(current_language(), "probe").choose_form
    form = _isolate_commands(forms[min(choose(n), len(forms) - 1)]) if forms else one if n == 1 else many
    return _fill(form, values)


def isolate(text: object) -> object:
    """A name, address or command so that text from right to left around it does not turn it over."""
    return f"{_ISOLATE}{text}{_END}" if isinstance(text, str) and text and _needs_isolates() else text


def _needs_isolates() -> bool:
    return _isolates[0] and LANGUAGES[current_language()].right_to_left


def _find(text: str) -> tuple[str, ...]:
    code = current_language()
    return next((forms for domain in DOMAINS if (forms := load_catalogue_of(code, domain).messages.get(text))), ())


def _fill(text: str, values: dict[str, object]) -> str:
    values = {name: isolate(value) for name, value in values.items()}
    return text.format(**values) if values else text


def _isolate_commands(text: str) -> str:
    return _LATIN.sub(_isolate_latin, text) if _needs_isolates() else text


def _isolate_latin(found: re.Match[str]) -> str:
    run = found[0]
    return f"{_LEFT_TO_RIGHT}{run}{_END}" if re.search("[A-Za-z]", _BLANK.sub("", run)) else run
