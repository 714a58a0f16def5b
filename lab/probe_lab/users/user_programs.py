"""The programs that users have here, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

USER_PROGRAMS: Mapping[str, str] = MappingProxyType({
    "chrome": "Chrome's ClientHello and page request, by curl_cffi",
    "firefox": "Firefox's, by curl_cffi",
    "safari": "Safari's, by curl_cffi",
    "chrome_android": "an older Chrome's on Android, without a post-quantum key share, by curl_cffi",
    "openssl": "the command `openssl s_client`",
    "chromium": "the browser itself, without a window, where it is installed",
    "messenger": "a client on Python's library that stays connected and goes on asking",
})
"""Name -> what it is."""
IMPERSONATED: Mapping[str, str] = MappingProxyType({
    "chrome": "chrome", "firefox": "firefox", "safari": "safari", "chrome_android": "chrome131_android",
})
"""Name -> what curl_cffi calls it."""
ONLY_OVER_TLS = frozenset({"openssl"})
SERVED, ABSENT = "served", "absent"
"""Words of a use: it got what it came for; the program is not installed. All others say how it ended."""
