"""Object stores: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.

The library signs a URL for each file, which takes no network, and `probe.operation.upload.http_upload` sends the file
there: the library itself reads answers of any length and, where it has no keys, asks the machine's surroundings for
some.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from probe.config.destination import redact_url
from probe.config.install_advice import advise_extra
from probe.config.settings import SettingsError, UploadSettings
from probe.operation.upload.sender import UploadError

_VALID = timedelta(minutes=15)
_PREFIX = {"s3": "aws", "gs": "google", "az": "azure_storage"}
_CLIENT = {"proxy_url": "http://127.0.0.1:9", "timeout": "1s", "allow_http": True}
"""The proxy is none: signing needs no network, and so it gets none. Which servers may be spoken to openly is decided by
`probe.config.destination`."""
AZURE_HEADERS = {"x-ms-blob-type": "BlockBlob"}


class UrlSigner:
    """Makes the URL under which a file may be put, once and for a while."""

    def __init__(self, upload: UploadSettings, keys: dict[str, str]) -> None:
        self._upload = upload
        self._scheme = upload.to.partition("://")[0]
        self._token = keys.get("sas_token", "").lstrip("?")
        self._store: Any = None if self._token else self._made(keys)

    def url(self, name: str) -> str:
        """The URL for a file. Raises UploadError."""
        if self._token:
            return self._with_token(name)
        import obstore

        try:
            url: str = obstore.sign(self._store, "PUT", name, _VALID)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of Rust is no Exception; texts can repeat a key
            raise UploadError(f"no URL could be signed with these keys ({type(error).__name__}): look at them, and at "
                              "[upload] in the configuration") from None
        host, named = urlsplit(url).netloc, self._host()
        if host != named and not host.endswith(f".{named}"):
            raise UploadError("the keys lead to another server than the one that was agreed to")  # as Google's can
        return url

    def _host(self) -> str:
        """Of the place: all that is sent goes there, or to a name below it, whatever keys and environment say."""
        if self._upload.endpoint:
            return urlsplit(redact_url(self._upload.endpoint)).netloc
        return {"s3": "amazonaws.com", "gs": "storage.googleapis.com",
                "az": f"{self._upload.account}.blob.core.windows.net"}[self._scheme]

    def _made(self, keys: dict[str, str]) -> Any:
        try:
            from obstore.store import from_url
        except ImportError:
            place = redact_url(self._upload.to)
            raise SettingsError(f"{place} needs obstore: {advise_extra('upload')}") from None
        prefix = _PREFIX[self._scheme]
        config = {f"{prefix}_{key}": value for key, value in keys.items()} | self._where()
        make: Any = from_url
        try:
            return make(redact_url(self._upload.to), config=config, client_options=_CLIENT,
                        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)})
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of Rust is no Exception
            raise SettingsError(
                f"{redact_url(self._upload.to)} cannot be used with these keys ({type(error).__name__}): "
                                "look at them, and at [upload] in the configuration") from None

    def _where(self) -> dict[str, str]:
        upload = self._upload
        if self._scheme == "s3":
            endpoint = {"aws_endpoint": redact_url(upload.endpoint)} if upload.endpoint else {}
            return {"aws_region": upload.region or "us-east-1", **endpoint}
        return {"azure_storage_account_name": upload.account} if self._scheme == "az" else {}

    def _with_token(self, name: str) -> str:
        """Azure's SAS token is the signature itself, for a whole container."""
        parts = urlsplit(redact_url(self._upload.to))
        path = f"{parts.netloc}{parts.path}/{name}"
        return f"https://{self._upload.account}.blob.core.windows.net/{quote(path)}?{self._token}"
