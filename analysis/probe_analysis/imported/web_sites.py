"""What is a web site, and which one a host belongs to: the part of its name that somebody registers. Pure.

There is no list of public suffixes here. Below a country's domain, a short label (`co`, `com`, `gov`) is taken for a
suffix. Where that is wrong, two sites are taken for one, which lets them neither keep company nor be told apart.
"""

from __future__ import annotations

from probe.catalogue.test_lists import SERVICE
from probe.core.addresses import parse_address

_SECOND_LEVEL = frozenset((
    "ac", "co", "com", "edu", "go", "gob", "gov", "gouv", "mil", "ne", "net", "nom", "or", "org",
))


def is_web_site(target_id: str) -> bool:
    """Whether a target is one of test lists, and no service that the catalogue knows."""
    return target_id.startswith(f"{SERVICE}.")


def name_site(host: str) -> str:
    """`news.example.co.uk` -> `example.co.uk`; an address stays as it is."""
    labels = host.lower().rstrip(".").split(".")
    if parse_address(host.strip("[]")) or len(labels) <= 2:
        return host.lower().rstrip(".")
    suffix = 2 if len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 1
    return ".".join(labels[-suffix - 1:])
