"""What is said in the language that a person reads, and what stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from probe.core import translation
from probe.core.languages import LanguageCode, find_language, read_locale
from probe.core.line_folding import count_columns, fold_line
from probe.core.translation import isolate, say, say_count, speak, use_language


@pytest.fixture(autouse=True)
def _english_afterwards() -> Iterator[None]:
    yield
    use_language("en")


@pytest.mark.parametrize(("name", "code"), [
    ("ru_RU.UTF-8", "ru"), ("fa_IR", "fa"), ("fa-AF", "fa"), ("zh_CN.GB18030", "zh_CN"), ("zh", "zh_CN"),
    ("zh_SG", "zh_CN"), ("ru_RU@euro", "ru"), ("en_GB", "en"), ("zh_TW.UTF-8", None), ("C", None), ("POSIX", None),
    ("", None), ("de_DE", None), ("tr_TR.UTF-8", None),
])
def test_a_locale_names_a_language_that_we_have(name: str, code: LanguageCode | None) -> None:
    assert read_locale(name) == code


@pytest.mark.parametrize(("environ", "code"), [
    ({}, "en"), ({"LANG": "ru_RU.UTF-8"}, "ru"), ({"LANG": "ru_RU", "LC_ALL": "C"}, "en"),
    ({"LANG": "ru_RU", "LC_MESSAGES": "fa_IR"}, "fa"), ({"LC_ALL": "fa_IR", "PROBE_LANG": "zh_CN"}, "zh_CN"),
    ({"PROBE_LANG": "xx", "LANG": "ru_RU"}, "en"), ({"PROBE_LANG": "tr", "LANG": "ru_RU"}, "en"),
    ({"PROBE_LANG": "", "LANG": "ru_RU"}, "ru"),
])
def test_the_environment_chooses_a_language(environ: Mapping[str, str], code: LanguageCode) -> None:
    assert find_language(environ) == code


@pytest.mark.parametrize(("n", "said"), [(1, "1 день"), (2, "2 дня"), (5, "5 дней"), (11, "11 дней"), (21, "21 день"),
                                         (22, "22 дня"), (112, "112 дней"), (0, "0 дней")])
def test_a_count_takes_the_form_of_its_language(n: int, said: str) -> None:
    with speak("ru"):
        assert say_count("{n} day", "{n} days", n) == said
    assert say_count("{n} day", "{n} days", n) == (f"{n} day" if n == 1 else f"{n} days")


def test_what_is_not_translated_is_said_in_english() -> None:
    with speak("fa"):
        assert say("Untranslated {this}", this=3) == "Untranslated 3"
        assert say_count("{n} untranslated thing", "{n} untranslated things", 2) == "2 untranslated things"


def test_the_language_of_before_is_spoken_after_a_block_that_fails() -> None:
    use_language("ru")
    with pytest.raises(ValueError, match="broken"), speak("en"):
        raise ValueError("broken")
    assert translation.current_language() == "ru"


def test_names_and_commands_are_isolated_where_text_runs_from_right_to_left() -> None:
    with speak("fa"):
        said = say("Written: {target}", target="/home/x/probe.toml")
        assert "\u2068/home/x/probe.toml\u2069" in said
        run = say("test again: probe run --fast")
        assert "\u2066probe run --fast\u2069" in run
        setup = say("to test the rest: probe setup --level {level} (it says first what others then see)", level=2)
        assert "--level 2\u2069" in setup
    with speak("ru"):
        assert isolate("x") == "x"
        run = say("test again: probe run --fast")
        assert "\u2066" not in run


def test_what_a_value_holds_is_never_taken_for_a_blank() -> None:
    for code in ("en", "ru", "fa"):
        with speak(code):
            assert "{n}" in say("Written: {target}", target="{n}")


@pytest.mark.parametrize("columns", [24, 40, 88])
def test_lines_of_wide_signs_fit_the_columns(columns: int) -> None:
    text = "如果您不确定这对您和他人是否安全（probe setup --show），请不要运行它。" * 3  # noqa: RUF001
    lines = fold_line(text, columns, first="- ", rest="  ")
    assert all(count_columns(line) <= columns + 2 for line in lines)  # a closing sign stays with what it closes
    assert "".join(line[2:] for line in lines).replace(" ", "") == text.replace(" ", "")
    assert not [line for line in lines if line[2:3] in "，。）"]  # noqa: RUF001
