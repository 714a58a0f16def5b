"""Upload to object stores: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.

The library follows no redirects. It is imported here alone, and only when something is sent.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from probe import __version__
from probe.destination import shown
from probe.settings import SettingsError, UploadSettings
from probe.upload.sender import UploadError, refused

_STATUS = re.compile(r"status code: (\d{3})")
_PREFIX = {"s3": "aws", "gs": "google", "az": "azure_storage"}


class ObjectSender:
    """One store. Every file has a client of its own time limit: the library knows no limit for one request."""

    def __init__(self, upload: UploadSettings, keys: dict[str, str]) -> None:
        try:
            from obstore.store import from_url
        except ImportError:
            raise SettingsError(f"{shown(upload.to)} needs obstore: pip install 'reachability-probe[upload]'") from None
        self._from_url = from_url
        self._upload = upload
        self._scheme = upload.to.partition("://")[0]
        self._config = self._configured(keys)
        self._client: dict[str, Any] = {"user_agent": f"reachability-probe/{__version__}", "connect_timeout": "15s"}
        self._client["allow_http"] = upload.endpoint.startswith("http://")
        if upload.proxy:
            self._client["proxy_url"] = upload.proxy
        if upload.ca_file:
            self._client["root_certificate"] = _certificates(upload.ca_file)

    def put(self, name: str, content: bytes, *, timeout_s: float) -> None:
        """As `Sender.put`."""
        import obstore

        client = {**self._client, "timeout": timedelta(seconds=timeout_s)}
        retry: Any = {"max_retries": 0, "retry_timeout": timedelta(seconds=timeout_s)}
        try:
            store = self._from_url(shown(self._upload.to), config=self._config, client_options=client,  # type: ignore[call-overload]
                                   retry_config=retry)
            obstore.put(store, name, content, use_multipart=False, attributes={"Content-Type": "text/csv"})
        except Exception as error:  # of Rust, in a class for each kind
            raise _told(error) from None

    def _configured(self, keys: dict[str, str]) -> dict[str, str]:
        upload, prefix = self._upload, _PREFIX[self._scheme]
        found = {f"{prefix}_{key}": value for key, value in keys.items()}
        if self._scheme == "s3":
            found["aws_region"] = upload.region or "us-east-1"
            if upload.endpoint:
                found["aws_endpoint"] = shown(upload.endpoint)
        if self._scheme == "az":
            found["azure_storage_account_name"] = upload.account
        return found


def _certificates(path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None


def _told(error: Exception) -> UploadError:
    """In our own words: the library's text repeats what the server said, and can repeat a proxy's password."""
    text, kind = str(error), type(error).__name__
    if status := _STATUS.search(text):
        return refused(int(status[1]))
    for mark, words in (
        ("PermissionDenied", "the store does not let these keys write there"),
        ("Unauthenticated", "the store wants other keys"), ("NotFound", "the store knows no such bucket"),
        ("UnknownConfigurationKey", "a key has a name that the store does not know"),
    ):
        if mark in kind:
            return UploadError(words)
    for mark, words in (("TimedOut", "no answer in time"), ("imeout", "no answer in time"),
                        ("ertificate", "the server's certificate is not in order"),
                        ("Connect", "no connection, or the proxy does not let it through")):
        if mark in text:
            return UploadError(words)
    return UploadError(f"the store cannot be used ({kind}): look at [upload] in the configuration, and at the keys")
