"""An inbox in an object store: the library lists it, and signs the URL under which each file is fetched."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from probe.config.settings import SettingsError, UploadSettings
from probe.upkeep.upload.object_stores import UrlSigner, open_store
from probe.upkeep.upload.sender import UploadError
from probe_operate.collect.remote_runs import InboxError, RemoteFile
from probe_operate.inbox.folder_listings import ListedEntry
from probe_operate.inbox.http_inbox import HttpInbox
from probe_operate.inbox.inbox_crawl import LISTING_S, crawl_inbox

_PAGE = 1000


class ObjectInbox:
    """A bucket or container, or a folder in it."""

    def __init__(self, access: UploadSettings, keys: dict[str, str]) -> None:
        self._access = access
        self._store = open_store(access, keys, for_listing=True)
        self._files = HttpInbox(access, {}, signed=self._sign)
        self._signer = UrlSigner(access, keys)
        self.unlisted: list[str] = []

    @property
    def place(self) -> str:
        """As RemoteInbox has it."""
        return self._files.place

    def list_files(self) -> Iterator[RemoteFile]:
        """All objects. Where one has a name that the library cannot read, folder by folder: so that whoever may write
        into one folder hides no other. Raises InboxError."""
        try:
            yield from self._list_all()
        except _StrangeNameError:
            yield from crawl_inbox(self.place, self._list_folder, self.unlisted)

    def _list_all(self) -> Iterator[RemoteFile]:
        import obstore

        ends = time.monotonic() + LISTING_S
        with self._told(""):
            for page in obstore.list(self._store, chunk_size=_PAGE):
                if time.monotonic() > ends:
                    raise InboxError(f"{self.place}: takes too long to list; empty it, or part it")
                for found in page:
                    yield RemoteFile(name=found["path"], bytes=found["size"], tag=_tag(found))

    def _list_folder(self, folder: str) -> list[ListedEntry]:
        import obstore

        with self._told(folder):
            found = obstore.list_with_delimiter(self._store, folder or None)
            folders = [ListedEntry(name=str(path).rpartition("/")[2], is_folder=True)
                       for path in found["common_prefixes"]]
            return folders + [ListedEntry(name=each["path"].rpartition("/")[2], is_folder=False, bytes=each["size"],
                                          tag=_tag(each)) for each in found["objects"]]

    @contextmanager
    def _told(self, folder: str) -> Iterator[None]:
        """What the library raises, in our own words: its texts can repeat a key, or what a server said."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit, GeneratorExit, InboxError):
            raise
        except BaseException as error:  # a panic of Rust is no Exception
            kind = type(error).__name__
            made = _StrangeNameError if kind == "InvalidPathError" else InboxError
            raise made(f"{self.place}/{folder}: cannot be listed ({kind}): look at its address, keys and "
                       "names") from None

    def fetch(self, name: str, into: BinaryIO, *, most: int) -> int:
        """As RemoteInbox has it."""
        return self._files.fetch(name, into, most=most)

    def _sign(self, name: str) -> str:
        try:
            return self._signer.url(name, method="GET")
        except (UploadError, SettingsError) as error:
            raise InboxError(str(error)) from None


class _StrangeNameError(InboxError):
    """An object has a name that the library takes for none."""


def _tag(found: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (found["e_tag"], found["last_modified"].isoformat())))
