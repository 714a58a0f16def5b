"""Addresses that would tell whose household it is: a home router's global IPv6 address lies in the prefix that the
provider delegated to this very line, and resolvers and filters answer from there. They are never stored: words take
their place before anything is judged, so that stored rows are judged as the run was.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from probe.core.addresses import NEAR, PROVIDER, parse_address
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.resolvers import OWN_RESOLVERS

HOUSEHOLD_BITS, PROVIDER_BITS = 48, 32
"""Of IPv6: what one line is given at most (RFC 6177), and what a provider is given at least."""
NEIGHBOURS_BITS = 24
"""Of IPv4: a resolver so close to a public address of ours is stored as the provider's."""
T = TypeVar("T", Observation, ControlAnswer)


def classify_nearness(text: str, ours: Iterable[str], *, resolver: bool = False) -> str:
    """`near` for a global IPv6 address in one of our own prefixes or an address of this device; `provider` for a
    resolver's that is as close as the router's own outer address may be; empty for all others, private ones too."""
    address = parse_address(text)
    if address is None or not address.is_global:
        return ""
    own = [known for our in ours if (known := parse_address(our)) is not None and known.version == address.version]
    if address in own or any(_shares(address, known, HOUSEHOLD_BITS, 32) for known in own):
        return NEAR
    close = any(_shares(address, known, PROVIDER_BITS, NEIGHBOURS_BITS) for known in own)
    return PROVIDER if resolver and close else ""


def _shares(one: ipaddress.IPv4Address | ipaddress.IPv6Address, other: ipaddress.IPv4Address | ipaddress.IPv6Address,
            bits6: int, bits4: int) -> bool:
    shift = one.max_prefixlen - (bits6 if one.version == 6 else bits4)
    return int(one) >> shift == int(other) >> shift


def map_near_addresses(seen: Iterable[Observation], ours: Iterable[str]) -> Mapping[str, str]:
    """Address -> the word that is stored instead, for every one that was asked, visited or given in an answer."""
    ours, found = tuple(ours), dict[str, str]()
    for o in seen:
        addresses = (o.address, *o.dns.answers, *(answer for reply in o.dns.replies for answer in reply.answers))
        found |= {text: word for text in addresses if text and (word := classify_nearness(text, ours))}
        if o.dns.resolver in OWN_RESOLVERS and (
                word := classify_nearness(o.dns.resolver_address, ours, resolver=True)):
            found[o.dns.resolver_address] = word
    return found


def conceal_addresses(record: T, words: Mapping[str, str]) -> T:
    """The record with the words in every text, whatever it is about; itself where nothing is to be hidden."""
    if not words:
        return record
    pattern = re.compile("|".join(_standing_alone(text) for text in sorted(words, key=len, reverse=True)))

    def hide(value: object) -> object:
        if isinstance(value, str):
            return pattern.sub(lambda match: words[match[0]], value)
        if isinstance(value, Place):
            return hide_place(value)
        if isinstance(value, tuple):
            return tuple(map(hide, value))
        return hide_fields(value) if is_dataclass(value) else value

    def hide_place(place: Place) -> Place:
        hidden = pattern.sub(lambda match: words[match[0]], place.address)
        if ":" in place.address and ":" not in hidden:  # the brackets of IPv6 stay, as in any other text
            hidden = f"[{hidden}]"
        return replace(place, address=hidden)

    def hide_fields(of: Any) -> Any:
        changed = {f.name: new for f in fields(of) if (new := hide(old := getattr(of, f.name))) != old}
        return replace(of, **changed) if changed else of

    return cast(T, hide_fields(record))


def _standing_alone(text: str) -> str:
    inside = "[0-9A-Fa-f:]" if ":" in text else r"\.?[0-9]"
    return rf"(?<![0-9A-Fa-f:.]){re.escape(text)}(?!{inside})"
