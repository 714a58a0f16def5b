"""The parts of a cause's path: `tls.reset.sni` is a layer, an action and a trigger."""

from __future__ import annotations

from typing import Literal, get_args

Layer = Literal["dns", "ip", "tcp", "tls", "http", "flow", "quic", "udp", "app"]
Action = Literal[
    "injection", "forged", "nxdomain", "empty", "refused", "servfail", "timeout", "hijack", "encrypted", "blackhole",
    "unreachable", "reset", "drop", "degrade", "close", "alert", "mute", "mitm", "blockpage", "redirect", "throttle",
    "cut", "freeze",
]
Trigger = Literal["sni", "host", "address", "port", "fingerprint", "protocol", "version", "bytes", "packets"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
ACTIONS: tuple[Action, ...] = get_args(Action)
