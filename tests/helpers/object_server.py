"""A server on loopback that keeps objects as S3 does."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from upload_world import Handler, answering


@contextmanager
def object_store(files: Mapping[str, bytes], page: int = 3) -> Iterator[tuple[str, list[str]]]:
    """(URL, what was fetched) of a server that lists and gives objects as S3 does, some at a time."""
    fetched: list[str] = []

    def answer(handler: Handler) -> None:
        path, asked = unquote(urlsplit(handler.path).path), parse_qs(urlsplit(handler.path).query)
        key = path.removeprefix("/bucket/")
        if "list-type" in asked:
            prefix, start = asked.get("prefix", [""])[0], int(asked.get("continuation-token", ["0"])[0])
            found = sorted(name for name in files if name.startswith(prefix))
            folders = dict.fromkeys(f"{prefix}{name.removeprefix(prefix).partition('/')[0]}/" for name in found
                                    if "delimiter" in asked and "/" in name.removeprefix(prefix))
            found = [name for name in found if not name.startswith(tuple(folders))]
            rows = "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in folders)
            rows += "".join(
                f"<Contents><Key>{escape(name)}</Key><LastModified>2026-11-28T06:00:00.000Z</LastModified>"
                f"<ETag>&quot;{zlib.crc32(files[name])}&quot;</ETag><Size>{len(files[name])}</Size></Contents>"
                for name in found[start:start + page])
            more = start + page < len(found)
            handler.reply(200, f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{rows}".encode() + (
                f"<NextContinuationToken>{start + page}</NextContinuationToken>".encode() if more else b"")
                + b"</ListBucketResult>")
        elif key in files:
            fetched.append(key)
            handler.reply(200, files[key])
        else:
            handler.reply(404)

    with answering(answer) as server:
        yield server.url, fetched
