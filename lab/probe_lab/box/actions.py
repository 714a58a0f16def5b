"""What a rule of the middlebox may say: the actions, the triggers they can follow, and the meaning of each parameter.

Scenario files are checked against these tables. Where an action makes several copies of a packet, item `i` of a
list belongs to copy `i`, beginning again when the list is shorter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probe_lab.box.parameters import KINDS, RCODES, Parameter, misfits, one, several, texts_of
from probe_lab.box.trigger_table import (
    DATAGRAM_QUESTION_TRIGGERS,
    FLOW_TRIGGERS,
    FOREIGN_TRIGGERS,
    PLACE_TRIGGERS,
    PROTOCOL_TRIGGERS,
    QUESTION_TRIGGERS,
    SHAPE_TRIGGERS,
    STREAM_TRIGGERS,
    TRIGGERS,
    match_problems,
)
from probe_lab.lab_types import Rule

__all__ = ["ACTIONS", "KINDS", "PLACE_TRIGGERS", "RCODES", "TRIGGERS", "Action", "Parameter", "list_problems",
           "texts_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action: what it does, the triggers that it can follow, its parameters by name."""

    meaning: str
    triggers: frozenset[str]
    parameters: Mapping[str, Parameter]


_COMMON = {
    "probability": one("share", "1", "share of the flows that the rule takes notice of, drawn once per flow"),
    "ports": several("port", (), "only flows to these ports of servers; empty: any"),
    "at": several("place", (), "only flows to these addresses and networks; empty: any"),
    "not_at": several("place", (), "no flows to these addresses and networks"),
    "transport": one("transport", "any", "only `tcp`, only `udp`, or any"),
    "from_s": one("seconds", "0", "the rule sleeps before; seconds since the router started, or into each period"),
    "until_s": one("seconds", "0", "and from then on; 0: never"),
    "every_s": one("seconds", "0", "length of the period that from_s and until_s are repeated in; 0: no repetition"),
    "from_connections": one("count", "0", "the rule sleeps before the client has opened so many TCP connections"),
    "until_connections": one("count", "0", "and from then on; 0: never"),
    "from_servers": one("count", "0", "the rule sleeps before the client has opened TCP connections to so many "
                                      "addresses"),
    "until_servers": one("count", "0", "and from then on; 0: never"),
    "bare_header": one("flag", "false", "set off only by TCP segments whose header has no options"),
    "reassemble": one("flag", "true", "sni, ech, host: read the TCP stream; otherwise only what one segment shows"),
    "sport_above": one("flag", "false", "quic_sni: only flows whose client's port is higher than the server's"),
}
_TRIGGER_OF_PARAMETER = {"sport_above": frozenset(("quic_sni",)), "reassemble": STREAM_TRIGGERS}


def _stage(default: str) -> Mapping[str, Parameter]:
    meaning = "with place triggers: fires on `any` packet, on the client's `syn`, or on its first `data`"
    return {"on": one("stage", default, meaning)}


_HEADER = {
    "ttl": one("ttl", "64", "IP TTL when the censor sends the packet; `copy`: that of the packet on which the rule "
                             "acts; `server`: that of the server's packets"),
    "ip_id": one("ip_id", "random", "IP ID, the same in all copies; `client+1`: that of the client's last plus one"),
    "df": one("flag", "false", "don't fragment"),
}
_WINDOW = "TCP window; `ttl+N` ties it to the IP TTL, `client` repeats that of the packet on which the rule acts"
_RESET_SERVER = {"reset_server": one("flag", "false", "the server gets an RST")}
_RESIDUAL = {
    "residual_s": one("seconds", "0", "for so long later flows of the tuple are hit, whatever name they carry"),
    "residual_tuple": one("tuple", "3", "1: the client's address; 2: and the server's; 3: and its port; 4: and the "
                                        "client's port"),
    "residual_action": one("remains", "", "reset, drop, drop_to_server, degrade or throttle; empty: the same, or else "
                                          "reset"),
    "residual_loss": one("share", "0.5", "of a degrade that is left behind: probability of losing one packet"),
    "residual_grows": one("growth", "1", "each further flow that sets the rule off is followed by a time so many times "
                                         "as long as the last, of an hour at most"),
    "residual_renews": one("flag", "false", "a later flow that is hit makes the time begin anew"),
    "residual_on": one("stage", "data", "which packet of a later flow is reset; the others take all"),
}
_DELAY = {"delay_s": one("seconds", "0", "it begins so long after the packet on which the rule acts")}
_IDLE = {"idle_s": one("seconds", "0", "it acts on flows that were silent for so long, when they go on; 0: on all")}
_WHOSE = "whose packets: those for the `client`, those for the `server`, or `both`"

_PLACE_OR_FLOW = PLACE_TRIGGERS | FLOW_TRIGGERS
_SPOKEN_OVER_TCP = PLACE_TRIGGERS | FOREIGN_TRIGGERS | SHAPE_TRIGGERS | STREAM_TRIGGERS | PROTOCOL_TRIGGERS

_HOLDING_BACK: Mapping[str, Action] = {
    "drop": Action(
        meaning="the censor drops the packets that match the rule, in both directions. With a flow trigger (one that "
                "looks at what the client sends), or if `on` is `data`, it also drops all later packets of the flow",
        triggers=frozenset(TRIGGERS),
        parameters={
            **_COMMON, **_stage("any"), **_RESIDUAL, **_DELAY, **_IDLE,
            "pass_packets": one("count", "0", "so many packets still pass after the one that set the rule off"),
            "qtypes": several("qtype", (), "of questions for names: those of these types alone; empty: all"),
        },
    ),
    "drop_to_client": Action(
        meaning="the censor drops packets to the client and lets packets to the server pass",
        triggers=_PLACE_OR_FLOW,
        parameters={
            **_COMMON, **_stage("any"), **_RESIDUAL,
            "pass_acks": one("flag", "false", "TCP segments without payload, SYN or FIN still pass"),
        },
    ),
    "drop_to_server": Action(
        meaning="the censor drops packets to the server and lets packets to the client pass",
        triggers=_PLACE_OR_FLOW,
        parameters={**_COMMON, **_stage("any"), **_RESIDUAL, **_DELAY},
    ),
    "throttle": Action(
        meaning="the censor limits the speed in each direction (token bucket). It drops the packets beyond the limit, "
                "or lets them wait in a queue",
        triggers=_PLACE_OR_FLOW,
        parameters={
            **_COMMON, **_stage("any"), **_RESIDUAL,
            "rate_bps": one("rate", "128000", "bits a second, IP headers counted"),
            "bucket_bytes": one("bucket", "16384", "what may pass at once after a silence"),
            "direction": one("direction", "both", f"{_WHOSE}; each has its own bucket"),
            "shape": one("flag", "false", "packets wait in a queue rather than vanish"),
            "queue_ms": one("queue", "1000", "with shape: what would wait longer vanishes"),
            "per": one("sharing", "flow", "who shares a bucket: each `flow` has its own, a `tuple`, or `all`"),
        },
    ),
    "freeze": Action(
        meaning="the censor lets a number of bytes or packets of the flow pass, and then drops all later packets. It "
                "begins to count at the packet that set the rule off",
        triggers=_PLACE_OR_FLOW,
        parameters={
            **_COMMON, **_stage("any"),
            "after_bytes": one("bytes", "0", "payload of TCP or UDP that passes; 0: not counted"),
            "after_packets": one("count", "0", "packets that pass in both directions together; 0: not counted"),
            "counted": one("direction", "client", "whose payload after_bytes counts, as `direction`"),
            "direction": one("direction", "client", f"{_WHOSE} vanish then"),
        },
    ),
    "degrade": Action(
        meaning="the censor drops packets of the flow at random",
        triggers=_PLACE_OR_FLOW,
        parameters={
            **_COMMON, **_stage("any"),
            "loss": one("share", "0.95", "probability of losing one packet"),
            "burst_packets": one("connections", "1", "losses in a row, on average"),
            "direction": one("direction", "both", _WHOSE),
        },
    ),
    "delay": Action(
        meaning="the censor holds every packet of the flow back for a time, in its order, however few there are",
        triggers=_PLACE_OR_FLOW,
        parameters={
            **_COMMON, **_stage("any"),
            "wait_ms": one("queue", "200", "how long"),
            "jitter_ms": one("queue", "0", "and up to so much longer, drawn for each packet"),
            "direction": one("direction", "both", _WHOSE),
        },
    ),
    "limit": Action(
        meaning="after too many new TCP connections in a short time, the censor refuses every SYN for a while",
        triggers=PLACE_TRIGGERS,
        parameters={
            **_COMMON, **_HEADER,
            "connections": one("connections", "3", "how many in the window are not too many"),
            "open_at_once": one("count", "0", "instead: so many that are open at the same time are not too many, and a "
                                              "SYN is refused as long as they are; 0: not counted"),
            "window_s": one("seconds", "10", "length of the window"),
            "cooldown_s": one("seconds", "60", "how long SYNs are refused"),
            "per": one("counting", "address", "counted for each server `address`, or for `all` together"),
            "refusal": one("refusal", "drop", "the SYN vanishes, or is answered with RST+ACK instead"),
            "window": one("window", "0", f"of the RST: {_WINDOW}"),
        },
    ),
}

_REMEMBERING: Mapping[str, Action] = {
    "ban": Action(
        meaning="the censor lets the first flows that match the rule pass, and refuses later flows for a while",
        triggers=_PLACE_OR_FLOW,
        parameters={
            **_COMMON, **_stage("syn"), **_RESIDUAL,
            "residual_s": one("seconds", "60", "for so long later flows of the tuple are refused"),
            "residual_tuple": one("tuple", "1", _RESIDUAL["residual_tuple"].meaning),
            "after": one("connections", "1", "so many of a client's flows in the window pass, then the censor refuses"),
            "window_s": one("seconds", "60", "length of the window"),
        },
    ),
}

_FORGING: Mapping[str, Action] = {
    "reset": Action(
        meaning="the censor sends forged RSTs. The packet that set the rule off still arrives, unless `swallow` is "
                "true. Each later packet of this connection that carries data causes RSTs again",
        triggers=_SPOKEN_OVER_TCP | {"qname_tcp"},
        parameters={
            **_COMMON, **_stage("syn"), **_HEADER, **_RESIDUAL, **_IDLE,
            "delay_s": one("seconds", "0", "so long the flow is let alone, from the packet on which the rule acts; "
                                           "then the client's next packet is reset"),
            "copies": one("copies", "1", "how many, in each direction"),
            "flags": one("flags", "RA", "R or RA; a client's SYN is always answered RA"),
            "window": several("window", ("0",), f"{_WINDOW}; a list: one for each copy"),
            "payload": one("hex", "", "bytes that the RSTs carry"),
            "direction": one("direction", "both", "who gets them: client, server or both"),
            "seq": one("seq", "exact", "`exact`: what the receiver expects next; `zero`: sequence number 0; "
                                       "`train`: copies at what it expects and 1460 and 4380 bytes later"),
            "delay_ms": one("delay", "0", "how long the censor takes"),
            "swallow": one("flag", "false", "the packet that set the rule off and all later ones are dropped"),
            "on_next": one("flag", "false", "the packet that set the rule off is dropped; the client's next is reset"),
        },
    ),
    "rewrite": Action(
        meaning="the censor waits until the server answers the packet that set the rule off. From the answer's first "
                "data on, it turns each packet of the server into an RST+ACK without payload. The packets keep their "
                "TTL, IP ID, DF flag and sequence numbers",
        triggers=_SPOKEN_OVER_TCP,
        parameters={
            **_COMMON, **_stage("data"), **_RESET_SERVER,
            "window": one("count", "0", "TCP window of the rewritten packets"),
        },
    ),
    "fin": Action(
        meaning="the censor sends the client a forged FIN+ACK, and drops all later packets of the flow",
        triggers=_SPOKEN_OVER_TCP,
        parameters={
            **_COMMON, **_stage("data"), **_HEADER, **_RESIDUAL, **_RESET_SERVER,
            "window": one("window", "0", _WINDOW),
        },
    ),
    "alert": Action(
        meaning="the censor sends the client a plaintext TLS alert and FIN, and drops all later packets of the flow",
        triggers=_SPOKEN_OVER_TCP,
        parameters={
            **_COMMON, **_stage("data"), **_HEADER, **_RESIDUAL, **_RESET_SERVER,
            "window": one("window", "16384", _WINDOW),
            "description": one("byte", "80", "of the alert (RFC 8446 6)"),
        },
    ),
    "http_response": Action(
        meaning="the censor sends the client a forged HTTP answer, and drops all later packets of the flow",
        triggers=PLACE_TRIGGERS | {"host"},
        parameters={
            **_COMMON, **_stage("data"), **_HEADER, **_RESIDUAL, **_RESET_SERVER,
            "window": one("window", "16384", _WINDOW),
            "status": one("text", "HTTP/1.1 403 Forbidden", "status line"),
            "headers": several("text", ("Content-Type: text/html",), "`Name: value`; Content-Length added if absent"),
            "body": one("text", "", "body"),
            "flags": one("ending", "PA", "TCP flags of the last segment"),
            "methods": several("text", (), "only requests with these methods; empty: all"),
        },
    ),
    "inject_dns": Action(
        meaning="the censor sends forged DNS answers that seem to come from the asked resolver. The query still "
                "arrives at the resolver, unless `suppress` is true",
        triggers=QUESTION_TRIGGERS | {"udp53"},
        parameters={
            **_COMMON,
            "qtypes": several("qtype", ("A", "AAAA"), "types of question that are answered"),
            "answers": several(
                "answer", ("fresh",),
                "one address per copy, of those of the family asked for; `fresh`: drawn anew; none: no record",
            ),
            "cname": one("dns_name", "", "the answer begins with a CNAME to this name, which then has the address"),
            "malformed": one("flag", "false", "the answer lacks the class of the question"),
            "rcode": one("rcode", "NOERROR", "response code; others than NOERROR carry no address"),
            "copies": one("copies", "1", "how many answers"),
            "aa": several("flag", ("false",), "authoritative answer"),
            "df": several("flag", ("false",), "don't fragment"),
            "ttl": several("ttl", ("64",), "IP TTL when the censor sends the packet, or `copy` of the query's"),
            "ip_id": several("ip_id", ("random",), "IP ID"),
            "answer_ttl": several("seconds", ("60",), "TTL of the record"),
            "delay_ms": several("delay", ("0",), "how long the censor takes"),
            "suppress": one("flag", "false", "the query is dropped"),
        },
    ),
    "icmp": Action(
        meaning="the censor drops the client's packet, and a router answers with an ICMP error",
        triggers=PLACE_TRIGGERS | QUESTION_TRIGGERS | {"udp53"},
        parameters={
            **_COMMON, **_stage("any"),
            "type": one("byte", "3", "ICMP type; ICMPv6 errors are of type 1"),
            "code": one("byte", "13", "ICMP code"),
            "code6": one("byte", "1", "ICMPv6 code"),
        },
    ),
    "redirect": Action(
        meaning="the censor sends the client's packets to another address. The replies seem to come from the address "
                "that the client asked",
        triggers=PLACE_TRIGGERS | DATAGRAM_QUESTION_TRIGGERS | {"udp53"},
        parameters={
            **_COMMON,
            "to": one("address4", "", "IPv4 address; empty: IPv4 is left alone"),
            "to6": one("address6", "", "IPv6 address; empty: IPv6 is left alone"),
            "port": one("count", "0", "only packets to this port; 0: any"),
            "to_port": one("count", "0", "0: the same port"),
        },
    ),
}

ACTIONS: Mapping[str, Action] = {**_HOLDING_BACK, **_REMEMBERING, **_FORGING}


def list_problems(rule: Rule) -> tuple[str, ...]:
    """What is wrong with a rule, in words; empty when nothing is. Parameters are looked at one by one."""
    action = ACTIONS.get(rule.action)
    if action is None or rule.trigger not in TRIGGERS:
        return (f"unknown action {rule.action!r} or trigger {rule.trigger!r}",)
    found = [] if rule.trigger in action.triggers else [f"{rule.action} cannot follow the trigger {rule.trigger}"]
    found += match_problems(rule.trigger, rule.match)
    for name, value in rule.params.items():
        parameter = action.parameters.get(name)
        if parameter is None:
            found.append(f"{rule.action} has no parameter {name!r}")
        else:
            found += [f"{name}: {reason}" for reason in misfits(parameter, texts_of(value))]
            found += _out_of_place(rule, name, texts_of(value))
    return tuple(found)


def _out_of_place(rule: Rule, name: str, texts: tuple[str, ...]) -> list[str]:
    """A value that is right in itself, but not with this trigger or action."""
    if rule.trigger not in _TRIGGER_OF_PARAMETER.get(name, (rule.trigger,)):
        return [f"{name} means nothing with the trigger {rule.trigger}"]
    if name == "residual_action" and "throttle" in texts and rule.action != "throttle":
        return ["residual_action: only a throttle leaves a throttle behind"]
    return []
