"""What the acts of a scenario look like to the client: block types as layer and action, `tls.reset`. Pure.

An innocent situation that looks like an action of censors is a trial of every rule that names the action
(`probe.judge.common.innocents_tried`). What looks like nothing that a rule names is left out; a file that is wrong
here makes a rule less sure at most, for the probe's own table counts what is listed in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.protocols import DATAGRAMS
from probe_lab.format.ranges import samples
from probe_lab.format.scenario import Scenario
from probe_lab.format.scenario_parts import RuleSpec

_FAULTS: Mapping[str, tuple[str, ...]] = {
    "blackhole": ("ip.blackhole",),
    "cdn_split": ("dns.forged",),
    "cert_expired": ("tls.mitm",),
    "cert_new_root": ("tls.mitm",),
    "cert_self_signed": ("tls.mitm",),
    "cert_wrong_name": ("tls.mitm",),
    "closed": ("ip.reset",),
    "host_off": ("ip.unreachable",),
    "host_resets_data": ("tls.reset",),
    "host_resets_syn": ("ip.reset",),
    "host_silent": ("ip.blackhole",),
    "http_late": ("http.mute",),
    "http_redirect_to": ("http.redirect",),
    "http_slow": ("flow.throttle",),
    "mitm": ("tls.mitm",),
    "mtu": ("tls.mute", "flow.freeze"),
    "nat_limit": ("ip.blackhole",),
    "nonexistent": ("dns.nxdomain",),
    "portal": ("dns.forged", "http.redirect"),
    "quic_limit": ("quic.drop",),
    "quota": ("flow.freeze",),
    "resolver_dead": ("dns.timeout",),
    "resolver_empty": ("dns.empty",),
    "resolver_late": ("dns.timeout",),
    "resolver_lie": ("dns.forged",),
    "resolver_nxdomain": ("dns.nxdomain",),
    "resolver_refused": ("dns.refused",),
    "resolver_restricts": ("dns.forged",),
    "resolver_servfail": ("dns.servfail",),
    "slow_line": ("flow.throttle",),
    "small_cap": ("flow.freeze",),
    "tls_alert": ("tls.alert",),
    "tls_close": ("tls.close",),
    "tls_cut_late": ("flow.cut",),
    "tls_late": ("tls.mute",),
    "tls_reset": ("tls.reset",),
    "tls_silence": ("tls.mute",),
}
_BY_VALUE: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "app_reply": ("style", {"silence": "app.mute", "reset": "app.reset"}),
    "host_bans": ("reply", {"": "ip.blackhole", "drop": "ip.blackhole", "reset": "ip.reset",
                            "prohibit": "ip.unreachable"}),
    "resolver_filter": ("style", {"": "dns.forged", "zero": "dns.forged", "address": "dns.forged",
                                  "nxdomain": "dns.nxdomain"}),
    "tls_picky": ("reply", {"": "tls.alert", "alert": "tls.alert", "close": "tls.close", "reset": "tls.reset",
                            "silence": "tls.mute"}),
}
"""Of a fault with several looks the parameter that tells them apart, and the look of each value (empty: not given)."""
_LAYERS: Mapping[str, str] = {
    "sni": "tls", "not_sni": "tls", "ech": "tls", "fingerprint": "tls", "host": "http", "protocol": "app",
    "not_protocol": "app", "quic_sni": "quic", "quic_version": "quic", "address": "ip", "not_address": "ip",
    "all": "ip", "port": "tcp",
    "address_port": "tcp", "qname": "dns", "qname_substring": "dns", "qname_tcp": "dns", "udp53": "dns",
}
_ACTIONS: Mapping[str, str] = {
    "reset": "reset", "drop": "drop", "drop_to_server": "drop", "drop_to_client": "mute", "fin": "close",
    "alert": "alert",
}
_WHATEVER_THE_LAYER: Mapping[str, tuple[str, ...]] = {
    "throttle": ("flow.throttle",), "freeze": ("flow.freeze",), "http_response": ("http.blockpage", "http.redirect"),
    "inject_dns": ("dns.injection",), "icmp": ("ip.unreachable",), "degrade": ("udp.degrade", "tcp.degrade"),
    "delay": ("flow.throttle",),
}
_AS_RULES_SAY: Mapping[str, tuple[str, ...]] = {
    "ip.drop": ("ip.blackhole",), "ip.reset": ("ip.reset", "tls.reset"), "dns.drop": ("dns.timeout",),
    "tcp.reset": ("ip.reset",), "ip.mute": ("ip.blackhole",),
}
"""Of a layer and an action, the words that rules have for it."""
_BANS: Mapping[str, tuple[str, ...]] = {
    "": ("ip.reset", "tls.reset"), "reset": ("ip.reset", "tls.reset"), "drop": ("ip.blackhole",),
    "drop_to_server": ("ip.blackhole",),
}
"""How later flows are refused."""
_OVER_UDP: Mapping[str, str] = {"host_silent": "udp", "tls_silence": "quic.drop", "closed": "quic.drop"}

_OF_CAUSES = frozenset(".".join(cause.split(".")[:2]) for cause in BLOCK_TYPES)
"""Nobody is accused of what no cause names."""


def list_looks(scenario: Scenario) -> tuple[str, ...]:
    """The actions of causes that any act of the scenario looks like, sorted."""
    over_udp = any(protocol in DATAGRAMS for each in scenario.draw.values() for protocol in each.protocol)
    acts = (*scenario.rules, *scenario.faults, *scenario.carrier, *(front.act for front in scenario.fronts))
    return tuple(sorted({look for act in acts for look in _looks(act, over_udp=over_udp)} & _OF_CAUSES))


def _looks(act: RuleSpec, *, over_udp: bool) -> Iterator[str]:
    if act.trigger:
        yield from _of_rule(act)
        return
    yield from _FAULTS.get(act.action, ())
    if act.action == "status":
        yield "http.redirect" if _names_place(act) else "http.blockpage"
    name, looks = _BY_VALUE.get(act.action, ("", {}))
    yield from (looks[value] for value in _given(act, name) if value in looks)
    if over_udp and act.action in _OVER_UDP:
        yield _OVER_UDP[act.action]


def _given(act: RuleSpec, name: str) -> tuple[str, ...]:
    """The values that a parameter may be drawn with, as texts; an empty one where it is not given."""
    return tuple(map(str, samples(act.params[name]))) if name in act.params else ("",)


def _names_place(act: RuleSpec) -> bool:
    headers = samples(act.params["headers"]) if "headers" in act.params else ()
    return any("location:" in str(header).lower() for header in headers)


def _of_rule(act: RuleSpec) -> Iterator[str]:
    yield from _WHATEVER_THE_LAYER.get(act.action, ())
    if act.action == "redirect" and act.trigger == "udp53":
        yield from ("dns.hijack", "dns.injection")  # whoever is asked, somebody else answers
    elif act.action == "redirect":
        yield "tls.mitm"
    elif act.action == "ban":
        yield from (look for text in _given(act, "residual_action") for look in _BANS.get(text, ()))
    if act.action in _ACTIONS:
        look = f"{_LAYERS[act.trigger]}.{_ACTIONS[act.action]}"
        yield from _AS_RULES_SAY.get(look, (look,))
