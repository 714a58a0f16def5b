"""What a web server says of an upload, as it writes to syslog (RFC 3164) on a socket of this machine. Pure.

A line is a head that nobody looks at, and then one JSON object with the address and the path. The path is what a client
chose: it is bounded, and only the names of uploads are taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from probe.results.archive.upload_origins import name_upload

MAX_LINE_BYTES = 16 << 10
"""The longest path that the web server takes, each byte written as six."""
LOG_FORMAT = r"""escape=json '{"address":"$remote_addr","path":"$uri"}'"""
"""For nginx, whose `$uri` is the path after it was made plain: it names the file that was written."""
_MAX_HEAD = 200


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: Annotated[str, msgspec.Meta(max_length=64)]
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenUpload:
    """An upload that a web server took."""

    upload: str
    """As `name_upload` gives it."""
    address: str = field(repr=False)
    """Who sent it, unchecked. It is looked up and forgotten; nothing shows it."""


def parse_upload_line(line: bytes, inbox: str) -> SeenUpload | None:
    """What a line tells; None for anything that is no upload of a run. `inbox`: what paths of uploads begin with."""
    begin = line[:_MAX_HEAD].find(b"{")
    if begin < 0 or len(line) > MAX_LINE_BYTES:
        return None
    try:
        found = msgspec.json.decode(line[begin:], type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    upload = name_upload(found.path.removeprefix(inbox)) if found.path.startswith(inbox) else ""
    return SeenUpload(upload=upload, address=found.address) if upload else None
