"""Which alerts each place has had: kept in one small file that is replaced whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from probe.store.files.atomic import StoreError, replace_file, translate_os_errors

FORMAT = 1
_MAX_BYTES = 64 << 20
SentAlerts = Mapping[str, frozenset[str]]
"""Name of a place -> names of alerts that it had, or that were old when it was added."""


def read_sent_alerts(path: Path) -> dict[str, frozenset[str]]:
    """What the file says; nothing where there is none. Raises StoreError for another's: all would be sent again."""
    if not path.exists():
        return {}
    with translate_os_errors(path), path.open("rb") as file:
        raw = file.read(_MAX_BYTES + 1)
    try:
        document = json.loads(raw)
        if document["format"] != FORMAT or len(raw) > _MAX_BYTES:
            raise ValueError
        return {str(place): frozenset(map(str, names)) for place, names in document["told"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise StoreError(f"{path}: is no list of alerts that were sent; restore it, or remove it, after which what is "
                         "known by then counts as told") from None


def write_sent_alerts(path: Path, already_sent: SentAlerts) -> None:
    """Put the file in the place of the one before."""
    plain = {place: sorted(names) for place, names in already_sent.items()}
    replace_file(path, json.dumps({"format": FORMAT, "told": plain}).encode())


def forget_gone(already_sent: SentAlerts, known: Iterable[str]) -> dict[str, frozenset[str]]:
    """What is worth keeping: names that can come again. Places stay: another call may name them."""
    names = frozenset(known)
    return {place: had & names for place, had in already_sent.items()}
