"""The shape of a probe's own ClientHello as one word, by which runs can be told apart: its build and its size.

JA4 says nothing of key shares: a hello with a post-quantum one (ML-KEM, 1,184 bytes) has the JA4 of one without, and
needs a second packet. So the word has both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from probe.core.observations import Observation

ONE_PACKET: Final = 1200
"""Bytes of a hello that fit one packet on any line: 1,280 (the least of IPv6) without headers. A hello without
post-quantum keys has some 300 to 600 bytes, one with them some 1,500 to 1,800."""
HELLO_WORD: Final = r"t1[0-3]_[0-9a-f]{12}_[0-9a-f]{12}_(small|large)"
"""What `name_own_hello` writes: TLS version, digests of the cipher suites and of the extensions, and the size."""
_JA4 = re.compile(r"(t1[0-3])[di]\d{4}[0-9A-Za-z]{2}_([0-9a-f]{12})_([0-9a-f]{12})", re.ASCII)


def name_build(ja4: str) -> str:
    """JA4 without what changes with the name asked for and the protocols offered (ALPN); empty for what is no JA4."""
    found = _JA4.fullmatch(ja4)
    return "_".join(found.groups()) if found else ""


def name_own_hello(seen: Iterable[Observation]) -> str:
    """The commonest shape of the handshakes over TCP with the library's own hello; of equals the first by name.

    Empty where there was none. Connections cut after a hello that this program built itself do not count.
    """
    words = Counter(
        f"{build}_{'small' if one.tls.hello_bytes <= ONE_PACKET else 'large'}" for one in seen
        if one.operation == "tls_handshake" and not one.tls.shape and (build := name_build(one.tls.ja4)))
    return min(words, key=lambda word: (-words[word], word), default="")
