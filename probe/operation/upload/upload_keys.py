"""Keys to a place: from the file that the configuration names, else from the environment; never shown or logged."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from probe.config.destination import OBJECT_STORES, parse_login
from probe.config.settings import Settings, SettingsError, UploadSettings, read_toml

_HTTP = {"user": ("PROBE_UPLOAD_USER",), "password": ("PROBE_UPLOAD_PASSWORD",), "token": ("PROBE_UPLOAD_TOKEN",)}
_NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "s3": {
        "access_key_id": ("AWS_ACCESS_KEY_ID",), "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
        "session_token": ("AWS_SESSION_TOKEN",),
    },
    "gs": {
        "service_account": ("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_APPLICATION_CREDENTIALS"),
        "service_account_key": ("GOOGLE_SERVICE_ACCOUNT_KEY",),
    },
    "az": {
        "account_key": ("AZURE_STORAGE_ACCOUNT_KEY",), "sas_token": ("AZURE_STORAGE_SAS_TOKEN",),
    },
    "http": _HTTP, "https": _HTTP, "file": {},
}
"""Scheme -> key -> variables of the environment that may hold it."""
_ENOUGH: Mapping[str, tuple[frozenset[str], ...]] = {
    "s3": (frozenset({"access_key_id", "secret_access_key"}),),
    "gs": (frozenset({"service_account"}), frozenset({"service_account_key"})),
    "az": (frozenset({"account_key"}), frozenset({"sas_token"})),
}
"""Without one of these sets a library would ask the network for keys, at addresses that nobody named."""
_LEADS_ELSEWHERE = re.compile(r"(AWS|AZURE|GOOGLE)_.*(ENDPOINT|URL|URI|EMULATOR|DOMAIN)")


def read_upload_keys(settings: Settings) -> dict[str, str]:
    """The keys of the configured place. Raises SettingsError when they are missing, or may be read by others."""
    upload = settings.upload
    scheme = upload.to.partition("://")[0]
    keys = _from_environment(scheme) | _from_file(upload, scheme)
    if (found := parse_login(upload.to)) is not None:
        _check_private(Path(settings.path))
        keys |= {"user": found[0], "password": found[1]}
    if scheme in OBJECT_STORES:
        _check_environment(scheme)
        if not any(enough <= keys.keys() for enough in _ENOUGH[scheme]):
            wanted = " or ".join(" and ".join(sorted(enough)) for enough in _ENOUGH[scheme])
            raise SettingsError(f"{scheme}:// needs keys ({wanted}): put them into a file (chmod 600), and name it as "
                                "upload.credentials in the configuration")
    return keys


def _from_environment(scheme: str) -> dict[str, str]:
    return {key: os.environ[variable] for key, variables in _NAMES[scheme].items() for variable in reversed(variables)
            if os.environ.get(variable)}


def _from_file(upload: UploadSettings, scheme: str) -> dict[str, str]:
    if not upload.credentials:
        return {}
    path = Path(upload.credentials).expanduser()
    _check_private(path)
    try:
        read = read_toml(path)
    except SettingsError as error:
        if "is no TOML" in str(error):  # the parser's words could repeat a key
            raise SettingsError(f"{path}: is no TOML; write one `name = \"value\"` a line") from None
        raise
    for key, value in read.items():
        if key not in _NAMES[scheme]:
            raise SettingsError(f"{path}: {key!r} is no key for {scheme}://: {', '.join(_NAMES[scheme]) or 'none is'}")
        if not isinstance(value, str) or not value.isprintable():
            raise SettingsError(f"{path}: {key}: must be a text, in quotes")
    return {key: str(value) for key, value in read.items()}


def _check_private(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise SettingsError(f"{path}: holds keys and may be used by others: chmod 600 {path}")


def _check_environment(scheme: str) -> None:
    """The library reads the environment too; a place that stands only there was shown to nobody."""
    prefix = {"s3": "AWS_", "gs": "GOOGLE_", "az": "AZURE_"}[scheme]
    for name in sorted(os.environ):
        if name.startswith(prefix) and _LEADS_ELSEWHERE.match(name):
            raise SettingsError(f"{name} is set in the environment and could lead the upload elsewhere: unset it; a "
                                "server that you mean stands as upload.endpoint in the configuration")
