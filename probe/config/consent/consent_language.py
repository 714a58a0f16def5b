"""In which languages people can agree: in English, and where a speaker signed the translation of the consent text."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from probe.core.languages import LANGUAGES, SOURCE, LanguageCode
from probe.core.tables.consent_words import TEXT_NUMBER
from probe.core.translation import LOCALES, Domain, load_catalogue_of, say


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That somebody who speaks the language read a catalogue beside the English text, and stands for it."""

    language: LanguageCode
    catalogue: Domain
    text: int
    """Number of the consent text at that time."""
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    """Digest of what the catalogue says, as `tools/strings.py --digests` prints it."""
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    """Of the speaker, or a pseudonym."""
    date: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class _Signatures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    signature: tuple[Signature, ...] = ()


@functools.cache
def load_signatures() -> tuple[Signature, ...]:
    """The signatures that come with the package. Raises when the packaged file is damaged."""
    text = Path(LOCALES, "signed.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Signatures).signature


def is_signed(language: LanguageCode, catalogue: Domain) -> bool:
    """Whether a speaker stands for what the catalogue says today; English is the text itself."""
    if language == SOURCE:
        return True
    digest = load_catalogue_of(language, catalogue).digest
    return any(one.language == language and one.catalogue == catalogue and one.sha256 == digest
               and (catalogue != "consent" or one.text == TEXT_NUMBER) for one in load_signatures())


def list_consent_languages() -> tuple[LanguageCode, ...]:
    """Those in which people can agree."""
    return tuple(code for code in LANGUAGES if is_signed(code, "consent"))


def choose_consent_language(language: LanguageCode) -> LanguageCode:
    """The language in which somebody who is told things in this one is asked to agree."""
    return language if is_signed(language, "consent") else SOURCE


def explain_unsigned_consent(language: LanguageCode) -> str:
    """Why nobody can agree in this language, and how to in another; empty where people can."""
    if is_signed(language, "consent"):
        return ""
    signed = ", ".join(f"probe --lang {code} setup ({LANGUAGES[code].name})" for code in list_consent_languages())
    return say("Nobody can agree in this language yet: this translation was made by a machine, and no speaker has "
               "signed it. It is here to be read. To agree: {signed}", signed=signed)


def describe_machine_made(language: LanguageCode) -> str:
    """That what is said was translated by a machine; empty where a speaker signed it."""
    if is_signed(language, "probe"):
        return ""
    return say("Translated by a machine; no speaker has signed it yet. In English: probe --lang en")
