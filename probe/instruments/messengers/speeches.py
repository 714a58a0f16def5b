"""Which speech a protocol's name stands for: each protocol has a module of its own, found by its name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from probe.core.tables.handshakes import HANDSHAKES, INNOCENT_HTTP, SpokenProtocol
from probe.instruments.messengers.speech import Speech

FOLDER = "probe.instruments.messengers.handshakes"


def _load_forms(protocol: SpokenProtocol) -> tuple[Speech, ...]:
    forms: tuple[Speech, ...] = import_module(f"{FOLDER}.{protocol}").FORMS
    return forms


_SPOKEN: tuple[SpokenProtocol, ...] = (*HANDSHAKES, INNOCENT_HTTP)
SPEECHES: Mapping[SpokenProtocol, tuple[Speech, ...]] = MappingProxyType({
    protocol: _load_forms(protocol) for protocol in _SPOKEN
})
"""Protocol -> its forms."""


def choose_speech(protocol: SpokenProtocol, attempt: int = 1) -> Speech:
    """The form for an attempt: where there are several they take turns, so that one form's fault is no block."""
    forms = SPEECHES[protocol]
    return forms[(attempt - 1) % len(forms)]
