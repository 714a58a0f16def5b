"""Takes addresses out of what a page says: block pages and portals like to tell a visitor his own.

The visitor's public address is unknown to a device behind a translator, so every address goes; but not
the host of a link, which is where a block page lives. In their place stand addresses for documentation, as in captures,
so that links stay links. What is encoded otherwise is not found: a page is kept for its beginning and its title only.
"""

from __future__ import annotations

import ipaddress
import re

_FOUR, _SIX, _HARDWARE = "192.0.2.1", "2001:db8::1", "00:00:5e:00:53:01"
"""For documentation: RFC 5737, RFC 3849, RFC 7042."""
_IPV4 = re.compile(r"(?<!//)(?<![\d.])(\d{1,3})([.-])(\d{1,3})\2(\d{1,3})\2(\d{1,3})(?!\d|[.-]\d)")
_COLONS = re.compile(r"(?<!//\[)(?<![0-9A-Za-z:])[0-9A-Za-z:]*:[0-9A-Za-z]*:[0-9A-Za-z:]*")
_MAC = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}(?![0-9A-Za-z])")
_NAMED_MAC = re.compile(r"(?i)(mac=)[0-9a-f]{12}(?![0-9a-z])")
_CUT = re.compile(r"[0-9A-Za-z:.%-]{1,64}$")
_ENCODED = re.compile("%3a", re.IGNORECASE)


def remove_addresses(text: str, *, cut: bool = False) -> str:
    """The text with IPv4, IPv6 and hardware addresses replaced, links' hosts excepted.

    `cut`: the text goes on where it ends here, so that its last word may be half an address; it goes as well.
    """
    text = _CUT.sub("", text) if cut else text
    plain = _ENCODED.sub(":", text)
    clean = _IPV4.sub(_four, _NAMED_MAC.sub(r"\g<1>" + _HARDWARE.replace(":", ""), _MAC.sub(_HARDWARE, plain)))
    clean = _COLONS.sub(_six, clean)
    return text if clean == plain else clean


def _four(found: re.Match[str]) -> str:
    octets = found.group(1, 3, 4, 5)
    return _FOUR.replace(".", found[2]) if all(int(octet) < 256 for octet in octets) else found[0]


def _six(found: re.Match[str]) -> str:
    """The longest run between colons that is an address; what stands before it is a label."""
    parts = found[0].split(":")
    for length in range(min(9, len(parts)), 2, -1):
        for start in range(len(parts) - length + 1):
            if _is_six(":".join(parts[start:start + length])):
                return ":".join([*parts[:start], _SIX, *parts[start + length:]])
    return found[0]  # a time, a ratio, the name of a style


def _is_six(text: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False
