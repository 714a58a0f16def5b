"""QUIC below its encryption (RFC 8999, the same in all versions): the question for a version that does not exist,
and its answer. Pure but for the random bytes of the question."""

from __future__ import annotations

import os
from dataclasses import dataclass

VERSION_1 = "00000001"
DATAGRAM_BYTES = 1200
"""A server answers no smaller Initial (RFC 9000 section 14.1)."""
MAX_VERSIONS = 64
_ID_BYTES = 8
_LONG, _FIXED = 0x80, 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionQuestion:
    """A datagram that forces version negotiation, and the identifiers that its answer must carry."""

    datagram: bytes
    destination_id: bytes
    source_id: bytes


def make_version_question() -> VersionQuestion:
    """As long as an Initial, with random identifiers and a random version that is kept for this use (RFC 9000 15)."""
    version = bytes(byte & 0xF0 | 0x0A for byte in os.urandom(4))
    destination, source = os.urandom(_ID_BYTES), os.urandom(_ID_BYTES)
    head = bytes((_LONG | _FIXED | os.urandom(1)[0] & 0x0F,)) + version
    head += bytes((_ID_BYTES,)) + destination + bytes((_ID_BYTES,)) + source
    # Some libraries read the rest as they would in version 1 before they look at the version: no token, and a length.
    head += bytes(1) + (0x4000 | DATAGRAM_BYTES - len(head) - 3).to_bytes(2)
    return VersionQuestion(datagram=head + os.urandom(DATAGRAM_BYTES - len(head)), destination_id=destination,
                           source_id=source)


def read_offered_versions(data: bytes, question: VersionQuestion) -> tuple[str, ...] | None:
    """The versions in a Version Negotiation packet that answers `question`, without those kept for practice; None
    for any other datagram. Raises nothing, whatever the bytes."""
    parts = _long_header(data)
    if parts is None:
        return None
    version, destination, source, rest = parts
    if version != bytes(4) or (destination, source) != (question.source_id, question.destination_id):
        return None
    if not rest or len(rest) % 4 or len(rest) > 4 * MAX_VERSIONS:
        return None
    found = (rest[at : at + 4] for at in range(0, len(rest), 4))
    return tuple(dict.fromkeys(v.hex() for v in found if any(byte & 0x0F != 0x0A for byte in v)))


def is_meant_for(data: bytes, source_id: bytes) -> bool:
    """Whether a datagram begins with a long header of version 1 for the client that chose `source_id`."""
    parts = _long_header(data)
    return parts is not None and parts[0].hex() == VERSION_1 and parts[1] == source_id


def _long_header(data: bytes) -> tuple[bytes, bytes, bytes, bytes] | None:
    """Version, both identifiers and what follows (RFC 8999 section 5.1)."""
    if len(data) < 7 or not data[0] & _LONG:
        return None
    size = data[5]
    destination, at = data[6 : 6 + size], 6 + size
    if len(data) <= at:
        return None
    end = at + 1 + data[at]
    if len(data) < end:
        return None
    return data[1:5], destination, data[at + 1 : end], data[end:]
