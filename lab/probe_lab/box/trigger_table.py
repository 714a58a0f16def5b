"""What sets a rule of the middlebox off: the triggers by name, what each can be matched with, how they are grouped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

TRIGGERS: Mapping[str, str] = {
    "all": "every packet of the client, both directions",
    "address": "the server's address is listed, itself or by a network as `192.0.2.0/24`; both directions",
    "not_address": "the server's address is not listed, neither itself nor by a network; both directions",
    "address_port": "the server's `address:port` or `[address]:port` is listed; both directions",
    "port": "the server's port is listed, as `443` or with its transport as `tcp/853`; both directions",
    "sni": "the ClientHello that a TCP flow begins with carries a listed name",
    "not_sni": "the ClientHello that a TCP flow begins with carries a name that is not listed",
    "ech": "as sni, but only a ClientHello with encrypted_client_hello or the older encrypted_server_name; "
    "`*` matches one without an outer name too",
    "fingerprint": "the ClientHello that a TCP flow begins with has a shape: entries `key=value`, `key<number` or "
    "`key>number`, alternatives for one key, all keys together; keys: name (as sni, `name=@t`), address "
    "(`address=@t`), grease (yes, no), ja4, ciphers, extensions (their number without GREASE), bytes (of the records), "
    "first (the first extension without GREASE), has, lacks (an extension, four hexadecimal digits)",
    "host": "an HTTP request, on any port, carries a Host that is listed",
    "quic_sni": "the first datagram of a UDP flow is a QUIC v1 Initial whose ClientHello carries a listed name",
    "quic_version": "a client's QUIC packet with a long header has a listed version (8 hexadecimal digits)",
    "protocol": "the first payload of the client in a flow looks like a listed protocol, or, after STUN, like `dtls`",
    "not_protocol": "the first payload of the client in a flow looks like none of the listed protocols",
    "qname": "a DNS query over UDP, to any resolver, asks for a listed name",
    "qname_substring": "as qname, but the name asked for need only contain a listed text",
    "qname_tcp": "as qname, but over TCP to port 53",
    "udp53": "any packet to UDP port 53",
}
"""Trigger and when it fires. Names match exactly; `*.x` matches the names below x, and `*` any name."""

PLACE_TRIGGERS = frozenset(("all", "address", "not_address", "address_port", "port"))
"""Decided by the server's address and port alone, before anything is said."""
HELLO_TRIGGERS = frozenset(("sni", "ech"))
STREAM_TRIGGERS = HELLO_TRIGGERS | {"host"}
PROTOCOL_TRIGGERS = frozenset(("protocol", "not_protocol"))
QUIC_TRIGGERS = frozenset(("quic_sni", "quic_version"))
SHAPE_TRIGGERS = frozenset(("fingerprint",))
FOREIGN_TRIGGERS = frozenset(("not_sni",))
"""Set off by names that their match does not list."""
FLOW_TRIGGERS = FOREIGN_TRIGGERS | SHAPE_TRIGGERS | STREAM_TRIGGERS | PROTOCOL_TRIGGERS | QUIC_TRIGGERS
"""Decided by what the client says in a flow; what follows concerns the whole flow."""
DATAGRAM_QUESTION_TRIGGERS = frozenset(("qname", "qname_substring"))
QUESTION_TRIGGERS = DATAGRAM_QUESTION_TRIGGERS | {"qname_tcp"}

ADDRESS_TRIGGERS = frozenset(("address", "not_address"))
"""Matched with addresses and networks."""
SNI_TRIGGERS = FOREIGN_TRIGGERS | {"sni", "ech", "quic_sni"}
"""Matched with the name in a ClientHello."""
HOST_TRIGGERS = frozenset(("host", "qname", "qname_substring", "qname_tcp"))
"""Matched with the name of the host itself."""
BARE_TRIGGERS = frozenset(("all", "udp53"))
"""Matched with nothing."""

PROTOCOLS = ("tls", "http", "dns", "quic", "stun", "dtls", "xmpp", "mmtls", "other")
"""`mmtls` is HTTP too, which carries WeChat's own protocol and says so."""

_PORT = re.compile(r"((tcp|udp)/)?([1-9]\d{0,4})")


def _is_port(text: str) -> bool:
    found = _PORT.fullmatch(text)
    return found is not None and int(found[3]) < 65_536


_MATCH_CHECKS: Mapping[str, Callable[[str], object]] = {
    "fingerprint": re.compile(
        r"name=\S+|ja4=[a-z0-9]{10}_[0-9a-f]{12}_[0-9a-f]{12}|address=(@\w+|[0-9a-fA-F:.]+)|grease=(yes|no)|(ciphers|extensions|bytes)[<>=]\d{1,5}"
        r"|(first|has|lacks)=[0-9a-fA-F]{4}").fullmatch,
    "port": _is_port,
    "protocol": PROTOCOLS.__contains__,
    "not_protocol": PROTOCOLS.__contains__,
    "quic_version": re.compile(r"[0-9a-fA-F]{8}").fullmatch,
}


def match_problems(trigger: str, match: tuple[str, ...]) -> list[str]:
    """What is wrong with the entries of a match, as far as one sees before references in it are resolved."""
    if bool(match) == (trigger in BARE_TRIGGERS):
        return [f"{trigger} wants {'no match' if match else 'something to match'}"]
    check = _MATCH_CHECKS.get(trigger)
    return [f"{trigger} cannot match {text!r}" for text in match if check and not check(text)]
