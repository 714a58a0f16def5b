"""What a web server says of an upload, as it writes to syslog (RFC 3164) on a socket of this machine. Pure.

A line is a head that nobody looks at, and then one JSON object with the address and the path. The path is what a client
chose, in whatever bytes: its digest alone is taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from probe_operate.collect.upload_origins import digest_upload

MAX_LINE_BYTES = 16 << 10
"""The longest path that the web server takes, each byte written as six."""
LOG_FORMAT = r"""escape=json '{"address":"$remote_addr","path":"$upstream_http_x_inbox_path"}'"""
"""For nginx; the inbox behind it says in that header where it put the file."""
_MAX_HEAD, _MAX_ADDRESS = 200, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenUpload:
    """An upload that a web server took."""

    upload: str
    """As `digest_upload` gives it."""
    address: str = field(repr=False)
    """Who sent it, unchecked. It is looked up and forgotten; nothing shows it."""


def parse_upload_line(line: bytes, inbox: str) -> SeenUpload | None:
    """What a line tells; None for anything that is no upload. `inbox`: what paths of uploads begin with."""
    begin = line[:_MAX_HEAD].find(b"{")
    if begin < 0 or len(line) > MAX_LINE_BYTES:
        return None
    try:
        found = json.loads(line[begin:].decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    address, path = found.get("address"), found.get("path")
    if not isinstance(address, str) or not isinstance(path, str) or len(address) > _MAX_ADDRESS or (
            not path.startswith(inbox)):
        return None
    try:
        return SeenUpload(upload=digest_upload(path.removeprefix(inbox)), address=address)
    except UnicodeEncodeError:  # halves of characters that no path has
        return None
