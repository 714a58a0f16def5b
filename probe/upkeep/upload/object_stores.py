"""Object stores: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.

The library signs a URL for each file, which takes no network, and `probe.upkeep.upload.http_upload` sends the file
there: the library itself reads answers of any length and, where it has no keys, asks the machine's surroundings for
some.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from probe.config.destination import redact_url
from probe.config.install_advice import advise_extra
from probe.config.settings import SettingsError, UploadSettings
from probe.upkeep.upload.http_session import find_proxies
from probe.upkeep.upload.sender import UploadError

_VALID = timedelta(minutes=15)
_PREFIX = {"s3": "aws", "gs": "google", "az": "azure_storage"}
_CLIENT = {"proxy_url": "http://127.0.0.1:9", "timeout": "1s", "allow_http": True}
"""The proxy is none: signing needs no network, and so it gets none. Which servers may be spoken to openly is decided by
`probe.config.destination`."""
_MAX_CERTIFICATE_BYTES = 4 << 20
AZURE_HEADERS = {"x-ms-blob-type": "BlockBlob"}


class UrlSigner:
    """Makes the URL under which a file may be put, once and for a while."""

    def __init__(self, upload: UploadSettings, keys: dict[str, str]) -> None:
        self._upload = upload
        self._scheme = upload.to.partition("://")[0]
        self._token = keys.get("sas_token", "").lstrip("?")
        self._store: Any = None if self._token else open_store(upload, keys)

    def url(self, name: str, *, method: Literal["GET", "PUT"] = "PUT") -> str:
        """The URL for a file. Raises UploadError."""
        if self._token:
            return self._with_token(name)
        import obstore

        try:
            url: str = obstore.sign(self._store, method, name, _VALID)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of Rust is no Exception; texts can repeat a key
            raise UploadError(f"no URL could be signed with these keys ({type(error).__name__}): look at them, and at "
                              "[upload] in the configuration") from None
        host, named = urlsplit(url).netloc, _find_server(self._upload)
        if host != named and not host.endswith(f".{named}"):
            raise UploadError("the keys lead to another server than the one that was agreed to")  # as Google's can
        return url

    def _with_token(self, name: str) -> str:
        """Azure's SAS token is the signature itself, for a whole container."""
        parts = urlsplit(redact_url(self._upload.to))
        path = f"{parts.netloc}{parts.path}/{name}"
        return f"https://{self._upload.account}.blob.core.windows.net/{quote(path)}?{self._token}"


def open_store(upload: UploadSettings, keys: dict[str, str], *, for_listing: bool = False) -> Any:
    """The library's store, which speaks to no server but for a listing. Raises SettingsError."""
    place = redact_url(upload.to)
    try:
        from obstore.store import from_url
    except ImportError:
        raise SettingsError(f"{place} needs obstore: {advise_extra('upload')}") from None
    prefix = _PREFIX[upload.to.partition("://")[0]]
    config = {f"{prefix}_{key}": value for key, value in keys.items()} | _describe_server(upload)
    make: Any = from_url
    try:
        return make(place, config=config, client_options=_describe_client(upload) if for_listing else _CLIENT,
                    retry_config={"max_retries": 2 if for_listing else 0, "retry_timeout": timedelta(seconds=30)})
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        raise SettingsError(f"{place} cannot be used with these keys ({type(error).__name__}): look at them, and at "
                            "[upload] in the configuration") from None


def _find_server(upload: UploadSettings) -> str:
    """Host and port: all that is sent goes there, or to a name below it, whatever keys and environment say."""
    if upload.endpoint:
        return urlsplit(redact_url(upload.endpoint)).netloc
    return {"s3": "amazonaws.com", "gs": "storage.googleapis.com",
            "az": f"{upload.account}.blob.core.windows.net"}[upload.to.partition("://")[0]]


def _describe_client(upload: UploadSettings) -> dict[str, Any]:
    """The library follows redirects: where no proxy is on the way, one that is none keeps it at the named server."""
    found: dict[str, Any] = {"timeout": "60s", "connect_timeout": "15s", "allow_http": True}
    if upload.ca_file:
        found["root_certificate"] = _read_certificates(Path(upload.ca_file).expanduser())
    server = urlsplit(redact_url(upload.endpoint) if upload.endpoint else f"https://{_find_server(upload)}")
    proxies = find_proxies(upload, server.geturl())
    if proxy := proxies.get(server.scheme) or proxies.get("all"):
        return found | {"proxy_url": proxy}
    return found | {"proxy_url": _CLIENT["proxy_url"], "proxy_excludes": f"{server.hostname},.{server.hostname}"}


def _read_certificates(file: Path) -> bytes:
    try:
        with file.open("rb") as certificates:
            return certificates.read(_MAX_CERTIFICATE_BYTES)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from None


def _describe_server(upload: UploadSettings) -> dict[str, str]:
    if upload.to.startswith("s3://"):
        endpoint = {"aws_endpoint": redact_url(upload.endpoint)} if upload.endpoint else {}
        return {"aws_region": upload.region or "us-east-1", **endpoint}
    return {"azure_storage_account_name": upload.account} if upload.account else {}
