"""Where alerts go: a private file of lines `NAME URL`. A URL holds a password or a token, and is told nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from probe.config.private_file import check_private
from probe.config.settings import SettingsError
from probe.store.files.atomic import StoreError, translate_os_errors

SCHEMES = ("json", "jsons", "mailto", "mailtos", "tgram", "matrix", "matrixs")
"""Of apprise: a webhook that takes JSON, e-mail, Telegram, Matrix."""
MAX_TARGETS = 50
_MAX_BYTES = 64 << 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTarget:
    """One place; only its name is ever shown."""

    name: str
    url: str = field(repr=False)


def read_targets(path: Path) -> tuple[AlertTarget, ...]:
    """The places of a file. Raises StoreError, which never holds a URL: not private, or a line that is none."""
    try:
        check_private(path, holds="passwords and tokens")
    except SettingsError as error:
        raise StoreError(str(error)) from None
    with translate_os_errors(path), path.open("rb") as file:
        raw = file.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise StoreError(f"{path}: larger than {_MAX_BYTES >> 10} KiB")
    targets: dict[str, AlertTarget] = {}
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, url = line.strip().partition(" ")
        url = url.strip()
        if not _NAME.fullmatch(name) or name in targets or not _is_known(url):
            raise StoreError(f"{path}, line {number}: is no `NAME URL` with a name of its own and one of "
                             f"{', '.join(f'{scheme}://' for scheme in SCHEMES)}")
        targets[name] = AlertTarget(name=name, url=url)
    if not 0 < len(targets) <= MAX_TARGETS:
        raise StoreError(f"{path}: names {len(targets)} places; 1 to {MAX_TARGETS} are wanted")
    return tuple(targets.values())


def _is_known(url: str) -> bool:
    scheme, mark, rest = url.partition("://")
    return bool(mark and rest) and scheme.lower() in SCHEMES and url.isprintable() and " " not in url
