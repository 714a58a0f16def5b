"""Goes through the folders of an inbox, those alone that may hold runs: bounded in folders, depth and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from probe_operate.collect.remote_runs import InboxError, RemoteFile, is_looked_into
from probe_operate.inbox.folder_listings import ListedEntry

MAX_FOLDERS = 100_000
LISTING_S = 3600.0
_MOST_FAILURES = 10
"""Folders in a row that could not be listed: then the server is down."""


def crawl_inbox(place: str, list_folder: Callable[[str], Sequence[ListedEntry]],
                unlisted: list[str]) -> Iterator[RemoteFile]:
    """The files of an inbox by its folders: `list_folder` gets "" or a path that ends with `/`, and raises InboxError.

    What could not be listed is told in `unlisted`. Raises InboxError where that is the inbox itself, or one folder
    after the other, or where it has no end.
    """
    ends, count, failures, waiting = time.monotonic() + LISTING_S, 0, 0, [""]
    while waiting:
        folder = waiting.pop()
        count += 1
        if count > MAX_FOLDERS or time.monotonic() > ends:
            raise InboxError(f"{place}: has too many folders, or takes too long to list; empty it, or part it")
        try:
            entries = list_folder(folder)
            failures = 0
        except InboxError as error:
            failures += 1
            if not folder or failures >= _MOST_FAILURES:
                raise
            unlisted.append(str(error))
            continue
        for name, entry in {entry.name: entry for entry in entries}.items():
            path = f"{folder}{name}"
            if not entry.is_folder:
                yield RemoteFile(name=path, bytes=entry.bytes, tag=entry.tag)
            elif is_looked_into(path.split("/")):
                waiting.append(f"{path}/")
