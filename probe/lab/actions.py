"""What a rule of the middlebox may say: the triggers, the actions, and the parameters of each with their meaning.

Scenario files are checked against these tables. A parameter's value is a text, a number or a flag; those marked
`many` are lists, and a lone value counts as a list of one. Where an action makes several copies of a packet, item
`i` of a list belongs to copy `i`, beginning again when the list is shorter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from probe.lab.packet import plain
from probe.lab.types import Rule, Value

TRIGGERS: Mapping[str, str] = {
    "all": "every packet of the client, both directions",
    "address": "the server's address is listed; both directions",
    "address_port": "the server's `address:port` or `[address]:port` is listed; both directions",
    "sni": "the ClientHello that a TCP flow begins with carries a listed name",
    "host": "an HTTP request, on any port, carries a Host that is listed",
    "qname": "a DNS query over UDP, to any resolver, asks for a listed name",
    "qname_substring": "as qname, but the name asked for need only contain a listed text",
    "udp53": "any packet to UDP port 53",
}
"""Trigger and when it fires. Names match exactly; `*.x` matches the names below x, and `*` any name."""

STREAM_TRIGGERS = frozenset(("sni", "host"))
QUESTION_TRIGGERS = frozenset(("qname", "qname_substring"))
PLACE_TRIGGERS = frozenset(("all", "address", "address_port"))

_TTL_WORDS = frozenset(("copy", "server"))
_IP_ID_WORDS = frozenset(("random", "client+1", "zero"))
_WINDOW_OF_TTL = re.compile(r"ttl\+\d{1,5}")
RCODES: Mapping[str, int] = {"NOERROR": 0, "SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}


def _below(limit: int) -> Callable[[str], bool]:
    return lambda text: text.isascii() and text.isdigit() and int(text) < limit


def _holds(reader: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            reader(text)
        except (ValueError, OSError):
            return False
        return True

    return check


_is_word = _below(65_536)
_is_byte = _below(256)

KINDS: Mapping[str, Callable[[str], bool]] = {
    "flag": lambda text: text in ("true", "false"),
    "count": _is_word,
    "byte": _is_byte,
    "copies": lambda text: text != "0" and _below(101)(text),
    "seconds": lambda text: _holds(float)(text) and 0 <= float(text) < 2**31,
    "delay": lambda text: _holds(float)(text) and 0 <= float(text) <= 600_000,
    "share": lambda text: _holds(float)(text) and 0 <= float(text) <= 1,
    "hex": _holds(bytes.fromhex),
    "text": lambda text: True,
    "address4": lambda text: not text or (":" not in text and _holds(plain)(text)),
    "address6": lambda text: not text or (":" in text and _holds(plain)(text)),
    "answer": lambda text: text == "fresh" or _holds(plain)(text),
    "ttl": lambda text: text in _TTL_WORDS or (_is_byte(text) and text != "0"),
    "ip_id": lambda text: text in _IP_ID_WORDS or _is_word(text),
    "window": lambda text: bool(_WINDOW_OF_TTL.fullmatch(text)) or _is_word(text),
    "rcode": lambda text: text in RCODES,
    "tuple": lambda text: text in ("2", "3", "4"),
    "stage": lambda text: text in ("any", "syn", "data"),
    "flags": lambda text: text in ("R", "RA"),
    "ending": lambda text: text in ("PA", "FA", "FPA"),
    "direction": lambda text: text in ("client", "server", "both"),
    "seq": lambda text: text in ("exact", "zero"),
    "remains": lambda text: text in ("", "reset", "drop"),
    "qtype": lambda text: text in ("A", "AAAA"),
}
"""Kind of value -> whether a text is one."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: kind of its value or values, default, meaning."""

    kind: str
    default: tuple[str, ...]
    meaning: str
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action: what it does, the triggers that it can follow, its parameters by name."""

    meaning: str
    triggers: frozenset[str]
    parameters: Mapping[str, Parameter]


def _one(kind: str, default: str, meaning: str) -> Parameter:
    return Parameter(kind, (default,), meaning)


def _list(kind: str, default: tuple[str, ...], meaning: str) -> Parameter:
    return Parameter(kind, default, meaning, many=True)


_COMMON = {"probability": _one("share", "1", "share of the flows that the rule takes notice of, drawn once per flow")}


def _stage(default: str) -> Mapping[str, Parameter]:
    meaning = "with place triggers: fires on `any` packet, on the client's `syn`, or on its first `data`"
    return {"on": _one("stage", default, meaning)}


_HEADER = {
    "ttl": _one("ttl", "64", "IP TTL on leaving the box; `copy` of the packet acted upon, or as the `server`'s have"),
    "ip_id": _one("ip_id", "random", "IP ID, the same in all copies; `client+1`: that of the client's last plus one"),
    "df": _one("flag", "false", "don't fragment"),
}
_WINDOW = "TCP window; `ttl+N` ties it to the IP TTL"
_RESET_SERVER = {"reset_server": _one("flag", "false", "the server gets an RST")}
_RESIDUAL = {
    "residual_s": _one("seconds", "0", "for so long later flows of the tuple are hit, whatever name they carry"),
    "residual_tuple": _one("tuple", "3", "2: both addresses; 3: and the server's port; 4: and the client's port"),
    "residual_action": _one("remains", "", "reset or drop; empty: drop after drop, else reset"),
    "residual_on": _one("stage", "data", "which packet of a later flow is reset; drop takes all"),
}

ACTIONS: Mapping[str, Action] = {
    "drop": Action(
        meaning="packets vanish in both directions; after sni, host or `data`: that packet and all that follow it",
        triggers=frozenset(TRIGGERS),
        parameters={
            **_COMMON, **_stage("any"), **_RESIDUAL,
            "pass_packets": _one("count", "0", "packets of the flow that still pass, the one acted upon not counted"),
        },
    ),
    "drop_to_client": Action(
        meaning="packets to the client vanish, those to the server pass",
        triggers=PLACE_TRIGGERS | STREAM_TRIGGERS,
        parameters={
            **_COMMON, **_stage("any"), **_RESIDUAL,
            "pass_acks": _one("flag", "false", "TCP segments without payload, SYN or FIN still pass"),
        },
    ),
    "reset": Action(
        meaning="forged RSTs; the packet passes unless swallowed, and later data of the flow is reset again",
        triggers=PLACE_TRIGGERS | STREAM_TRIGGERS,
        parameters={
            **_COMMON, **_stage("syn"), **_HEADER, **_RESIDUAL,
            "copies": _one("copies", "1", "how many, in each direction"),
            "flags": _one("flags", "RA", "R or RA; a client's SYN is always answered RA"),
            "window": _list("window", ("0",), f"{_WINDOW}; a list: one for each copy"),
            "payload": _one("hex", "", "bytes that the RSTs carry"),
            "direction": _one("direction", "both", "who gets them: client, server or both"),
            "seq": _one("seq", "exact", "`exact`: what the receiver expects next; `zero`: sequence number 0"),
            "delay_ms": _one("delay", "0", "how long the box takes"),
            "swallow": _one("flag", "false", "the box is in the path: the packet and what follows it are dropped"),
        },
    ),
    "fin": Action(
        meaning="a forged FIN+ACK to the client; the flow is then cut off from the server",
        triggers=PLACE_TRIGGERS | STREAM_TRIGGERS,
        parameters={
            **_COMMON, **_stage("data"), **_HEADER, **_RESIDUAL, **_RESET_SERVER,
            "window": _one("window", "0", _WINDOW),
        },
    ),
    "alert": Action(
        meaning="a plaintext TLS alert and FIN to the client; the flow is then cut off from the server",
        triggers=PLACE_TRIGGERS | STREAM_TRIGGERS,
        parameters={
            **_COMMON, **_stage("data"), **_HEADER, **_RESIDUAL, **_RESET_SERVER,
            "window": _one("window", "16384", _WINDOW),
            "description": _one("byte", "80", "of the alert (RFC 8446 6)"),
        },
    ),
    "http_response": Action(
        meaning="a forged HTTP answer to the client; the flow is then cut off from the server",
        triggers=PLACE_TRIGGERS | frozenset(("host",)),
        parameters={
            **_COMMON, **_stage("data"), **_HEADER, **_RESIDUAL, **_RESET_SERVER,
            "window": _one("window", "16384", _WINDOW),
            "status": _one("text", "HTTP/1.1 403 Forbidden", "status line"),
            "headers": _list("text", ("Content-Type: text/html",), "`Name: value`; Content-Length is added if absent"),
            "body": _one("text", "", "body"),
            "flags": _one("ending", "PA", "TCP flags of the last segment"),
            "methods": _list("text", (), "only requests with these methods; empty: all"),
        },
    ),
    "inject_dns": Action(
        meaning="forged DNS answers in the name of whichever resolver was asked; the query passes unless suppressed",
        triggers=QUESTION_TRIGGERS | frozenset(("udp53",)),
        parameters={
            **_COMMON,
            "qtypes": _list("qtype", ("A", "AAAA"), "types of question that are answered"),
            "answers": _list(
                "answer", ("fresh",),
                "one address per copy, of those of the family asked for; `fresh`: drawn anew; none: no record",
            ),
            "rcode": _one("rcode", "NOERROR", "response code; others than NOERROR carry no address"),
            "copies": _one("copies", "1", "how many answers"),
            "aa": _list("flag", ("false",), "authoritative answer"),
            "df": _list("flag", ("false",), "don't fragment"),
            "ttl": _list("ttl", ("64",), "IP TTL on leaving the box, or `copy` of the query's"),
            "ip_id": _list("ip_id", ("random",), "IP ID"),
            "answer_ttl": _list("seconds", ("60",), "TTL of the record"),
            "delay_ms": _list("delay", ("0",), "how long the box takes"),
            "suppress": _one("flag", "false", "the box is in the path: the query is dropped"),
        },
    ),
    "icmp": Action(
        meaning="the client's packet is dropped and answered with an ICMP error from the box's router",
        triggers=PLACE_TRIGGERS | QUESTION_TRIGGERS | frozenset(("udp53",)),
        parameters={
            **_COMMON, **_stage("any"),
            "type": _one("byte", "3", "ICMP type; ICMPv6 errors are of type 1"),
            "code": _one("byte", "13", "ICMP code"),
            "code6": _one("byte", "1", "ICMPv6 code"),
        },
    ),
    "redirect": Action(
        meaning="the client's packets go to another address, and the replies seem to come from the one it meant",
        triggers=PLACE_TRIGGERS | QUESTION_TRIGGERS | frozenset(("udp53",)),
        parameters={
            **_COMMON,
            "to": _one("address4", "", "IPv4 address; empty: IPv4 is left alone"),
            "to6": _one("address6", "", "IPv6 address; empty: IPv6 is left alone"),
            "port": _one("count", "0", "only packets to this port; 0: any"),
            "to_port": _one("count", "0", "0: the same port"),
        },
    ),
}


def texts_of(value: Value) -> tuple[str, ...]:
    """A parameter's value as texts, flags as `true` and `false`."""
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return value if isinstance(value, tuple) else (str(value),)


def problems(rule: Rule) -> tuple[str, ...]:
    """What is wrong with a rule, in words; empty when nothing is."""
    action = ACTIONS.get(rule.action)
    if action is None or rule.trigger not in TRIGGERS:
        return (f"unknown action {rule.action!r} or trigger {rule.trigger!r}",)
    found = [] if rule.trigger in action.triggers else [f"{rule.action} cannot follow the trigger {rule.trigger}"]
    if bool(rule.match) == (rule.trigger in ("all", "udp53")):
        found.append(f"{rule.trigger} wants {'no match' if rule.match else 'something to match'}")
    for name, value in rule.params.items():
        parameter = action.parameters.get(name)
        if parameter is None:
            found.append(f"{rule.action} has no parameter {name!r}")
        else:
            found += [f"{name}: {reason}" for reason in _misfits(parameter, texts_of(value))]
    return tuple(found)


def _misfits(parameter: Parameter, texts: tuple[str, ...]) -> list[str]:
    if not parameter.many and len(texts) != 1:
        return ["one value, not a list"]
    return [f"{text!r} is no {parameter.kind}" for text in texts if not KINDS[parameter.kind](text)]
