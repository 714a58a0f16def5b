"""The languages of the pages: one table of words (`words.toml`), counts, dates and lists as each writes them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from probe.core.languages import LANGUAGES as LANGUAGE_FACTS
from probe.core.languages import LanguageCode
from probe.core.tables.block_types import BLOCK_TYPES, BlockType
from probe.core.tables.words import read_word
from probe.core.translation import say, speak

LANGUAGES: tuple[LanguageCode, ...] = ("en", "ru", "fa", "zh_CN")


@cache
def load_words() -> Mapping[str, tuple[str, ...]]:
    """`section.word` -> the word in each of `LANGUAGES`."""
    sections = _read("words.toml")
    others = [_read(f"words_{code}.toml") for code in LANGUAGES[2:]]
    return {f"{section}.{name}": (*words, *(str(other[section][name]) for other in others))
            for section, rows in sections.items() for name, words in rows.items()}


def _read(name: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("probe_analysis.pages").joinpath(name).read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class ReportLanguage:
    """One language of the pages; called with a key of the table it says the word."""

    code: str
    """One of `LANGUAGES`."""

    def __call__(self, key: str, **values: object) -> str:
        """The word of a key, with its blanks filled; KeyError for an unknown key."""
        words = load_words()[key][LANGUAGES.index(self._language)]
        return words.format(**values) if values else words

    def name_word(self, section: str, word: str) -> str:
        """A word of the results in this language; as it stands where the table has none."""
        key = f"{section}.{word}"
        return self(key) if key in load_words() else word.replace("_", " ")

    def count(self, n: int, noun: str) -> str:
        """`1 run`, `2 runs`; `2 запуска`, `5 запусков`; `2 次运行`."""
        forms = self(f"noun.{noun}").split("|")
        return forms[min(_slavic(n) if self.code == "ru" else int(n != 1), len(forms) - 1)].format(n=n)

    def moment(self, time: datetime) -> str:
        """`4 May 2017, 06:12`."""
        return self("calendar.moment", day=self.day(time), time=f"{time:%H:%M}")

    def day(self, time: datetime) -> str:
        """`4 May 2017`."""
        return self("calendar.day", day=time.day, month=self._month("months", time), year=time.year)

    def month(self, time: datetime) -> str:
        """`May 2017`."""
        return self("calendar.month", month=self._month("month_names", time), year=time.year)

    def short_day(self, time: datetime) -> str:
        """`4 May`."""
        return self("calendar.short_day", day=time.day, month=self._month("short", time))

    def duration(self, span: timedelta) -> str:
        """About how long, in one unit: `45 minutes`, `9 hours`, `3 days`."""
        minutes = round(span.total_seconds() / 60)
        if minutes < 90:
            return self.count(minutes, "minute")
        if minutes == 24 * 60:
            return self.count(1, "day")
        if minutes < 48 * 60:
            return self.count(round(minutes / 60), "hour")
        return self.count(round(minutes / 1440), "day")

    def join_words(self, words: Sequence[str]) -> str:
        """`a`, `a and b`, `a, b and c`."""
        return f" {self('page.and')} ".join(filter(None, (self("page.comma").join(words[:-1]), *words[-1:])))

    def meaning(self, cause: BlockType) -> str:
        """What a cause means."""
        return self.translate(cause.meaning)

    def translate(self, text: str) -> str:
        """A text of a table that every command says; as it stands where the language has it not."""
        with speak(self._language, isolating=False):
            return say(text)

    @property
    def tag(self) -> str:
        """Of the page, by BCP 47."""
        return LANGUAGE_FACTS[self._language].tag

    @property
    def direction(self) -> str:
        """Of the page's text, as HTML names it."""
        return "rtl" if LANGUAGE_FACTS[self._language].right_to_left else "ltr"

    @property
    def _language(self) -> LanguageCode:
        return next(code for code in LANGUAGES if code == self.code)

    def _month(self, kind: str, time: datetime) -> str:
        return self(f"calendar.{kind}").split()[time.month - 1]


ENGLISH = ReportLanguage("en")


def find_block_type(block_type: str) -> BlockType | None:
    """The table's row for a cause, or for its deepest known ancestor."""
    path = block_type.split(".")
    rows = (BLOCK_TYPES.get(read_word(".".join(path[:depth]), BLOCK_TYPES)) for depth in range(len(path), 0, -1))
    return next(filter(None, rows), None)


def _slavic(n: int) -> int:
    """Which of three forms a number takes: 1, 21 ...; 2 to 4, 22 ...; the rest."""
    if n % 10 == 1 and n % 100 != 11:
        return 0
    return 1 if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else 2
