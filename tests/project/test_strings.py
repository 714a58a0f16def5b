"""Translations are whole, none is stale, and each has the blanks, the forms and the plain signs of its text."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import strings
from probe.cli.command_table import COMMANDS
from probe.cli.main import cli
from probe.core.languages import LANGUAGES, SOURCE, LanguageCode
from probe.core.translation import DOMAINS, LOCALES, Domain, load_catalogue_of

CODES: list[LanguageCode] = [code for code in LANGUAGES if code != SOURCE]
EVERY = pytest.mark.parametrize("domain", DOMAINS)
IN_EVERY_LANGUAGE = pytest.mark.parametrize("code", CODES)


@EVERY
@IN_EVERY_LANGUAGE
def test_everything_is_translated_and_nothing_else_is(code: LanguageCode, domain: Domain) -> None:
    assert not list(strings.list_faults(code, domain)), "make strings, then translate"


@EVERY
def test_the_template_is_that_of_the_code(domain: Domain) -> None:
    assert Path(LOCALES, f"{domain}.pot").read_bytes() == strings.write_catalogue(strings.make_catalogue(domain))


@EVERY
@IN_EVERY_LANGUAGE
def test_catalogues_are_as_the_tool_writes_them(code: LanguageCode, domain: Domain) -> None:
    assert strings.po_path(code, domain).read_bytes() == strings.update_po(code, domain)


@EVERY
@IN_EVERY_LANGUAGE
def test_a_translation_has_the_blanks_of_its_text(code: LanguageCode, domain: Domain) -> None:
    wrong = [(said, form) for said, forms in load_catalogue_of(code, domain).messages.items() for form in forms
             if set(list_blanks(said)) != set(list_blanks(form))]
    assert not wrong


@EVERY
@IN_EVERY_LANGUAGE
def test_plural_forms_are_complete(code: LanguageCode, domain: Domain) -> None:
    catalogue = strings.load_po(code, domain)
    assert not [message.id for message in catalogue if isinstance(message.id, tuple)
                and (not isinstance(message.string, tuple) or len(message.string) != catalogue.num_plurals)]


@EVERY
@IN_EVERY_LANGUAGE
def test_no_translation_holds_markup_or_signs_of_direction(code: LanguageCode, domain: Domain) -> None:
    told = "\n".join(form for forms in load_catalogue_of(code, domain).messages.values() for form in forms)
    assert not re.findall(r"<[a-z/!]|&[a-z]+;|[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", told)


@EVERY
@IN_EVERY_LANGUAGE
def test_options_and_addresses_are_not_translated(code: LanguageCode, domain: Domain) -> None:
    copied = re.compile(rf"--[a-z][a-z-]+|https://[!-~]+[a-z]|`[^`]+`|\bprobe (?:{'|'.join(COMMANDS)})\b")
    wrong = [(said, form) for said, forms in load_catalogue_of(code, domain).messages.items() for form in forms
             if set(copied.findall(said)) - set(copied.findall(form))]
    assert not wrong


@pytest.mark.parametrize("code", list(LANGUAGES))
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_help_can_be_read_in_every_language(code: LanguageCode, command: str) -> None:
    result = CliRunner().invoke(cli, ["--lang", code, *([command] if command else []), "--help"])
    assert result.exit_code == 0, result.output
    assert isinstance(result.output, str)
    assert len(result.output) > 100


def list_blanks(text: str) -> list[str]:
    """The names of the blanks in a text: a translation has the same."""
    return re.findall(r"\{(\w*)[^}]*\}", text)


def test_what_programs_read_stays_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_LANG", "fa")
    said = {CliRunner().invoke(cli, [*lang, "explain", "tls.reset", "--json"]).output
            for lang in ([], ["--lang", "ru"], ["--lang", "en"])}
    assert len(said) == 1
    assert CliRunner().invoke(cli, ["explain", "tls.reset"]).output not in said


@pytest.mark.parametrize("code", ["xx", "tr"])
def test_a_language_that_we_have_not_is_refused(code: str) -> None:
    result = CliRunner().invoke(cli, ["--lang", code, "status"])
    assert result.exit_code == click.UsageError.exit_code
