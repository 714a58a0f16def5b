"""Texts of others, harmless to a terminal and to a line. Pure."""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    r"""The text with what would act on a terminal or reorder a line written as `\n`, `\xNN` or `\uNNNN`."""
    if text.isascii() and text.isprintable():  # nearly every text, and much faster than a substitution
        return text
    return _HIDDEN.sub(lambda match: escape_character(match[0]), text)


def escape_character(char: str) -> str:
    r"""As `\n`, `\xNN` or `\uNNNN`."""
    code = ord(char)
    return _NAMED.get(char) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
