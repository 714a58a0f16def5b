"""Nobody agrees in a text that no speaker has signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probe.cli.main import cli
from probe.config.consent import consent_language
from probe.config.consent.consent_check import explain_lacking_consent, make_consent
from probe.config.consent.consent_language import (
    Signature,
    describe_machine_made,
    explain_unsigned_consent,
    is_signed,
    list_consent_languages,
    load_signatures,
)
from probe.config.consent.consent_questions import QUESTIONS
from probe.config.settings import Settings, load_settings
from probe.core.tables.consent_words import TEXT_NUMBER
from probe.core.translation import load_catalogue_of, speak, use_language
from probe.upkeep.commands.exit_codes import EXIT_NO_CONSENT


@pytest.fixture(autouse=True)
def _english_afterwards() -> Iterator[None]:
    yield
    use_language("en")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "probe" / "probe.toml"
    monkeypatch.delenv("PROBE_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ("$XDG_CONFIG_HOME/probe/probe.toml",))
    monkeypatch.setattr("probe.instruments.device.own_addresses.list_own_addresses", lambda: ())
    monkeypatch.setattr("probe.instruments.device.tunnels.detect_tunnel", lambda: "")
    return path


def sign(monkeypatch: pytest.MonkeyPatch, *, text: int = TEXT_NUMBER, digest: str = "") -> None:
    one = Signature(language="ru", catalogue="consent", text=text, name="speaker", date="2026-12-01",
                    sha256=digest or load_catalogue_of("ru", "consent").digest)
    monkeypatch.setattr(consent_language, "load_signatures", lambda: (one,))


def answer(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input=said)


def test_what_is_signed_is_what_the_catalogues_say() -> None:
    for one in load_signatures():
        assert is_signed(one.language, one.catalogue), f"{one.language} {one.catalogue}: sign again, or take it out"


def test_english_needs_no_signature_and_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent_language, "load_signatures", lambda: ())
    assert list_consent_languages() == ("en",)
    assert not explain_unsigned_consent("en")
    assert explain_unsigned_consent("fa")
    assert describe_machine_made("ru")


@pytest.mark.parametrize(("text", "digest"), [(TEXT_NUMBER - 1, ""), (TEXT_NUMBER, "0" * 64)])
def test_a_signature_of_another_text_counts_for_nothing(text: int, digest: str,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    sign(monkeypatch, text=text, digest=digest)
    assert not is_signed("ru", "consent")


@pytest.mark.parametrize("code", ["ru", "fa", "zh_CN"])
def test_the_text_is_shown_and_nobody_can_agree_to_it(code: str, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent_language, "load_signatures", lambda: ())
    shown = answer("--lang", code, "setup", "--show")
    assert shown.exit_code == 0
    assert "--lang en" in shown.output
    refused = answer("--lang", code, "setup", "--agree", str(TEXT_NUMBER), "--country", "DE")
    assert refused.exit_code == EXIT_NO_CONSENT
    assert not config.exists()


def test_a_file_of_answers_is_no_way_around(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent_language, "load_signatures", lambda: ())
    answers = tmp_path / "answers.toml"
    answers.write_text(f"agree = {TEXT_NUMBER}\ncountry = \"DE\"\n")
    assert answer("--lang", "ru", "setup", "--answers", str(answers)).exit_code == EXIT_NO_CONSENT
    assert not config.exists()
    assert answer("--lang", "en", "setup", "--answers", str(answers)).exit_code == 0
    assert config.exists()


CONVERSATION = ["DE", "n", "n", "-"]
RIGHT = ["c", "a", "b", "y"]


def test_whoever_reads_english_besides_is_asked_in_english(config: Path, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent_language, "load_signatures", lambda: ())
    arguments = ("--lang", "ru", "setup", "--results", str(tmp_path / "results"), "--network-type", "wired")
    left = answer(*arguments, said="\n".join([*CONVERSATION, "n", "n"]))
    assert left.exit_code == EXIT_NO_CONSENT
    assert not config.exists()
    done = answer(*arguments, said="\n".join([*CONVERSATION, "n", "y", "n", *RIGHT, "1", "0", "none", "-"]))
    assert done.exit_code == 0, done.output
    assert QUESTIONS[-1].question in done.output
    agreed = load_settings(str(config)).consent
    assert agreed
    assert agreed.language == "en"


def test_a_signed_translation_is_agreed_to_and_recorded(config: Path, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    sign(monkeypatch)
    for language in ("ru", "en"):
        done = answer("--lang", language, "setup", "--agree", str(TEXT_NUMBER), "--country", "DE", "--results",
                      str(tmp_path / "results"))
        assert done.exit_code == 0, done.output
        agreed = load_settings(str(config)).consent
        assert agreed
        assert agreed.language == language


def test_what_is_recorded_is_the_language_that_was_asked_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent_language, "load_signatures", lambda: ())
    with speak("fa"):
        assert make_consent(Settings(), level=1, today=date(2026, 12, 1)).language == "en"


def test_a_language_that_the_program_no_longer_speaks_is_english(config: Path, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    agree = ("setup", "--agree", str(TEXT_NUMBER), "--country", "DE", "--results", str(tmp_path / "results"))
    assert answer(*agree).exit_code == 0
    english = answer("run", "--dry-run")
    config.write_text(config.read_text().replace("[consent]", "[consent]\nlanguage = \"tr\"", 1))
    monkeypatch.setenv("PROBE_LANG", "tr")
    settings = load_settings(str(config))
    assert settings.consent
    assert settings.consent.language == "tr"
    assert explain_lacking_consent(settings) == ""
    assert english.exit_code == 0
    assert answer("run", "--dry-run").output == english.output
    assert answer(*agree).exit_code == 0
    agreed = load_settings(str(config)).consent
    assert agreed
    assert agreed.language == "en"


def test_plans_are_told_in_a_language_that_nobody_signed(config: Path) -> None:
    assert answer("--lang", "fa", "run", "--dry-run").exit_code == 0
