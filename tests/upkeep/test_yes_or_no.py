"""Yes and no in each language, and what is told to whoever stops a command."""

from __future__ import annotations

import click
import pytest

from probe.cli.command_table import COMMANDS
from probe.core.languages import LANGUAGES
from probe.core.translation import say, speak
from probe.upkeep.commands.stopped import STOPPED, describe_stop, is_stop
from probe.upkeep.commands.yes_or_no import read_answer


@pytest.mark.parametrize("code", LANGUAGES)
def test_english_letters_and_the_languages_own_do(code: str) -> None:
    with speak(code):  # type: ignore[arg-type]
        assert [read_answer(word) for word in ("y", " YES ", *say("y yes").split())].count(True) >= 4
        assert not [word for word in ("", "n", "No", *say("n no").split()) if read_answer(word) is not False]
        assert read_answer("maybe") is None
        assert not {*say("y yes").split()} & {*say("n no").split()}


def test_a_language_that_was_not_chosen_does_not_count() -> None:
    with speak("ru"):
        assert read_answer("是") is None


def test_every_command_says_what_became_of_it() -> None:
    assert {*STOPPED} - {"lab", "demo"} <= {*COMMANDS}
    assert all(describe_stop(name) for name in (*COMMANDS, None))


def test_the_end_of_the_input_is_no_stop() -> None:
    def ask(error: BaseException) -> click.Abort:
        try:
            try:
                raise error
            except (KeyboardInterrupt, EOFError):
                raise click.Abort from None
        except click.Abort as abort:
            return abort

    assert is_stop(KeyboardInterrupt())
    assert is_stop(ask(KeyboardInterrupt()))
    assert not is_stop(ask(EOFError()))
