"""What one laboratory is built from, as it is handed to the process that builds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import msgspec

from probe.core.json_decoders import decode_json
from probe.core.tables.words import read_word
from probe_lab.host.false_helper import FALSE_STYLES, FalseHelper
from probe_lab.host.public_network import PublicStyle
from probe_lab.lab_types import DrawnScenario, Fault, VantagePoint
from probe_lab.servers.faults import number, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Where the laboratory's programs are, as `module:function`; another set runs the same kernel side."""

    router: str = "probe_lab.path.router:route"
    servers: str = "probe_lab.servers:serve"
    pki: str = "probe_lab.pki:make_pki"
    helper: tuple[str, ...] = ("probe", "helper")
    """A module that is run as `python -m` would, and its arguments."""

    @property
    def modules(self) -> tuple[str, ...]:
        """Everything that these programs are made of."""
        return tuple(name.partition(":")[0] for name in (self.router, self.servers, self.pki))


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """One laboratory, before it is built."""

    drawn: DrawnScenario
    directory: str
    transport: str
    """tun, veth, or "" for the first that works."""
    helpers: bool
    pcap_dir: str
    """Where captures go; empty: none are made."""
    parts: Parts
    public_network: PublicStyle | None = None
    """How a public network of probes behaves; None: there is none."""

    @property
    def private(self) -> Path:
        """What the program under test must not see: keys, truth, logs."""
        return Path(self.directory) / "private"

    @property
    def shared(self) -> Path:
        """A directory that both sides see."""
        return Path(self.directory) / "shared"

    @property
    def pki(self) -> Path:
        """Certificates and keys of this world."""
        return self.private / "pki"

    @property
    def public_log(self) -> Path:
        """What the public network was asked, a line of JSON each."""
        return self.private / "public-network.jsonl"

    @property
    def log_path(self) -> Path:
        """The truth log."""
        return self.private / "truth.jsonl"


def load_part(name: str) -> Callable[..., None]:
    """The function that a `module:function` name stands for."""
    module, _, function = name.partition(":")
    found: Callable[..., None] = getattr(import_module(module), function)
    return found


def running_helpers(blueprint: Blueprint) -> tuple[VantagePoint, ...]:
    """The vantage points whose helper is up: all of them, but for those that a fault `helper_down` names."""
    down = [fault for fault in blueprint.drawn.faults if fault.kind == "helper_down"]
    if not blueprint.helpers:
        return ()
    return tuple(v for v in blueprint.drawn.world.vantages if not any(_concerns(fault, v) for fault in down))


def find_false_helper(blueprint: Blueprint, vantage: VantagePoint) -> FalseHelper | None:
    """How the helper of a vantage point errs; None: it tells the truth."""
    for fault in blueprint.drawn.faults:
        if fault.kind == "helper_lies" and _concerns(fault, vantage):
            return FalseHelper(style=read_word(text(fault.params, "style", "well"), FALSE_STYLES))
        if fault.kind == "helper_loaded" and _concerns(fault, vantage):
            return FalseHelper(style="loaded", after_s=number(fault.params, "after_s", 0.0))
    return None


def _concerns(fault: Fault, vantage: VantagePoint) -> bool:
    """Whether a fault is this vantage point's; one without a match is everybody's."""
    return not fault.match or bool({vantage.control_id, vantage.ipv4, vantage.ipv6, vantage.url} & set(fault.match))


def encode(blueprint: Blueprint) -> bytes:
    """A blueprint as JSON."""
    return msgspec.json.encode(blueprint)


def decode(data: bytes) -> Blueprint:
    """A blueprint from JSON; msgspec.ValidationError if it is none."""
    return decode_json(data, Blueprint)
