"""Keys to a place: from the file that the configuration names, else from the environment; never shown or logged."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from probe.config.destination import OBJECT_STORES, parse_login
from probe.config.private_file import check_private
from probe.config.settings import Settings, SettingsError, UploadSettings, read_toml
from probe.core.translation import say

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
        check_private(Path(settings.path), holds="keys")
        keys |= {"user": found[0], "password": found[1]}
    if scheme in OBJECT_STORES:
        _check_environment(scheme)
        if not any(enough <= keys.keys() for enough in _ENOUGH[scheme]):
            wanted = " or ".join(" and ".join(sorted(enough)) for enough in _ENOUGH[scheme])
            raise SettingsError(say("{scheme}:// needs keys ({wanted}): put them into a file (chmod 600), and "
                                    "name it as upload.credentials in the configuration",
                                    scheme=scheme, wanted=wanted))
    return keys


def _from_environment(scheme: str) -> dict[str, str]:
    return {key: os.environ[variable] for key, variables in _NAMES[scheme].items() for variable in reversed(variables)
            if os.environ.get(variable)}


def _from_file(upload: UploadSettings, scheme: str) -> dict[str, str]:
    if not upload.credentials:
        return {}
    path = Path(upload.credentials).expanduser()
    check_private(path, holds="keys")
    try:
        read = read_toml(path)
    except SettingsError as error:
        if "is no TOML" in str(error):  # the parser's words could repeat a key
            raise SettingsError(say("{path}: is no TOML; write one `name = \"value\"` a line", path=path)) from None
        raise
    for key, value in read.items():
        if key not in _NAMES[scheme]:
            raise SettingsError(say("{path}: {key} is no key for {scheme}://; its keys: {names}", path=path,
                                    key=repr(key), scheme=scheme, names=", ".join(_NAMES[scheme]) or say("none")))
        if not isinstance(value, str) or not value.isprintable():
            raise SettingsError(say("{path}: {key}: must be a text, in quotes", path=path, key=key))
    return {key: str(value) for key, value in read.items()}


def _check_environment(scheme: str) -> None:
    """The library reads the environment too; a place that stands only there was shown to nobody."""
    prefix = {"s3": "AWS_", "gs": "GOOGLE_", "az": "AZURE_"}[scheme]
    for name in sorted(os.environ):
        if name.startswith(prefix) and _LEADS_ELSEWHERE.match(name):
            raise SettingsError(say("{name} is set in the environment and could lead the upload elsewhere: unset "
                                    "it; a server that you mean stands as upload.endpoint in the configuration",
                                    name=name))
