"""Questions of `probe setup` whose answers are read until they can be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from probe.config.consent.consent_language import choose_consent_language
from probe.config.consent.country_profiles import CountryProfile
from probe.config.consent.run_costs import describe_costs
from probe.config.consent.setup_answers import Answers
from probe.config.settings import Settings, SettingsError
from probe.core.tables.consent_words import LEVELS, SENT
from probe.core.translation import current_language, say, speak
from probe.upkeep.commands.exit_codes import EXIT_NO_CONSENT
from probe.upkeep.commands.screen import echo_lines
from probe.upkeep.commands.target_list import describe_list_now
from probe.upkeep.commands.yes_or_no import ask_yes_or_no

T = TypeVar("T")


class NotAgreedError(click.ClickException):
    """The person, or the flags, gave no consent: nothing is written, and the exit status says why."""

    exit_code = EXIT_NO_CONSENT


def ask(question: str, default: str, read: Callable[[str], T]) -> T:
    """Ask until the answer can be used, and say why it cannot."""
    while True:
        try:
            return read(str(click.prompt(question, default=default)))
        except SettingsError as error:
            click.echo(f"  {error}")


def ask_level(given: Answers, before: Settings, profile: CountryProfile) -> int:
    """The consent level; what was told before are the costs of level 1, so whoever chooses more is told those."""
    for number, meaning in LEVELS.items():
        echo_lines([f"  {number}  {say(meaning)}"])
    usual = str(profile.level if before.consent is None else before.run.consent_level)
    while True:
        level = given.level or ask(say("Which level"), usual, _level)
        if level == 1 or _agrees_to_level(level, before, profile):
            return level
        if given.level:
            raise NotAgreedError(say_nothing_written())


def ask_chat(given: Answers, profile: CountryProfile, level: int) -> bool | None:
    """Whether level 1 says the first words of chats, where the country's profile leaves it to the person: no by
    default. Level 2 says them anyway."""
    if given.chat is not None or level != 1 or profile.chat != "asked":
        return given.chat
    with speak(choose_consent_language(current_language())):
        words = next(row.meaning for row in SENT if row.word == "chat_words")
        echo_lines([say("The chats of four messengers are tested at level 1 only if you say so. What that sends: "
                        "{words}. Your provider, and everybody on the way, can see it.", words=say(words)),
                    say("Without it the answer for these chats is: not tested.")])
        return ask_yes_or_no(say("Test these chats too?"))


def _agrees_to_level(level: int, before: Settings, profile: CountryProfile) -> bool:
    with speak(choose_consent_language(current_language())):
        costs = describe_costs(level, every_min=profile.every_min, deadline_s=profile.deadline_s)
        echo_lines([say("Level {level} takes {costs}.", level=level, costs=costs), *describe_list_now(before, level)])
        return ask_yes_or_no(say("Do you agree to level {level}, and all others whom it concerns?", level=level))


def say_nothing_written() -> str:
    """What a person is told who does not agree."""
    return say("Nothing was written, and no run will start. You can come back at any time.")


def _level(text: str) -> int:
    if text.strip() not in {str(level) for level in LEVELS}:
        raise SettingsError(say("{text} is no level: 1, 2 or 3", text=repr(text)))
    return int(text)
