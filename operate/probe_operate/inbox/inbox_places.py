"""What a person names as an inbox, made into one: a URL, and a file with what its server needs beside it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from probe.config.destination import OBJECT_STORES, folder_of, parse_login, redact_url
from probe.config.settings import Settings, SettingsError, UploadSettings, check_upload_settings, read_toml
from probe.upkeep.upload.upload_keys import read_upload_keys
from probe_operate.collect.remote_runs import RemoteInbox
from probe_operate.inbox.http_inbox import HttpInbox
from probe_operate.inbox.object_inbox import ObjectInbox


def open_inbox(url: str, access: Path | None = None) -> RemoteInbox | Path:
    """The inbox at a URL, of which nothing is asked yet; a folder for `file://`.

    `access`: TOML with what `[upload]` in the configuration has, but where to. Raises SettingsError.
    """
    try:
        options = read_toml(access) if access else {}
        where = msgspec.convert(options | {"to": url}, UploadSettings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{access}: {error}; it may hold what [upload] in the configuration holds") from None
    if "to" in options:
        raise SettingsError(f"{access}: `to` does not belong there; name the inbox on the command line")
    if why := check_upload_settings(where):
        raise SettingsError(f"{redact_url(url)}: {why.replace('upload.to ', 'an inbox ')}")
    if folder := folder_of(url):
        return Path(folder)
    if parse_login(url):
        raise SettingsError(f"{redact_url(url)}: a login on the command line is read by others; write it into the file "
                            "that `credentials` in --access names")
    keys = read_upload_keys(Settings(upload=where))
    return ObjectInbox(where, keys) if url.partition("://")[0] in OBJECT_STORES else HttpInbox(where, keys)
