"""OONI's tests of messengers: which endpoint is whose, and what is known to be wrong with some versions.

Targets come from the tests' specifications (ts-018, ts-019, ts-020, ts-029); defects from OONI's own account of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from probe.core.tables.roles import ROLES, Role
from probe.core.tables.trust import TrustPolicy
from probe.core.tables.words import read_word


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPart:
    """One target of a messenger's test."""

    target_id: str
    inputs: tuple[str, ...]

    @property
    def service(self) -> str:
        return self.target_id.split(".")[0]

    @property
    def role(self) -> Role:
        return read_word(self.target_id.split(".")[1], ROLES)


def _dc(name: str, *addresses: str) -> TestPart:
    return TestPart(target_id=f"telegram.chat.{name}",
                    inputs=tuple(url for a in addresses for url in (f"http://{a}/", f"http://{a}:443/")))


def _facebook(target: str, host: str) -> TestPart:
    return TestPart(target_id=f"messenger.{target}", inputs=(f"tcpconnect://{host}:443",))


PARTS: Mapping[str, tuple[TestPart, ...]] = MappingProxyType({
    "telegram": (
        _dc("dc1", "149.154.175.50"), _dc("dc2", "149.154.167.51", "95.161.76.100"), _dc("dc3", "149.154.175.100"),
        _dc("dc4", "149.154.167.91"), _dc("dc5", "149.154.171.5"),
        TestPart(target_id="telegram.web.client", inputs=("https://web.telegram.org/", "http://web.telegram.org/")),
    ),
    "whatsapp": (
        *(TestPart(target_id=f"whatsapp.chat.e{n}",
                   inputs=(f"tcpconnect://e{n}.whatsapp.net:443", f"tcpconnect://e{n}.whatsapp.net:5222"))
          for n in range(1, 17)),
        TestPart(target_id="whatsapp.register.main", inputs=("https://v.whatsapp.net/v2/register",)),
        TestPart(target_id="whatsapp.web.client", inputs=("https://web.whatsapp.com/", "http://web.whatsapp.com/")),
    ),
    "signal": (
        TestPart(target_id="signal.chat.main", inputs=("https://chat.signal.org/",)),
        TestPart(target_id="signal.api.cdsi", inputs=("https://cdsi.signal.org/",)),
        TestPart(target_id="signal.api.storage", inputs=("https://storage.signal.org/",)),
        TestPart(target_id="signal.call.sfu", inputs=("https://sfu.voip.signal.org/",)),
        TestPart(target_id="signal.chat.old", inputs=("https://textsecure-service.whispersystems.org/",)),
        TestPart(target_id="signal.api.directory", inputs=("https://api.directory.signal.org/",)),
        TestPart(target_id="signal.media.cdn", inputs=("https://cdn.signal.org/",)),
        TestPart(target_id="signal.media.cdn2", inputs=("https://cdn2.signal.org/",)),
    ),
    "facebook_messenger": (
        TestPart(target_id="messenger.call.stun", inputs=("dnslookup://stun.fbsbx.com",)),
        _facebook("api.b-api", "b-api.facebook.com"), _facebook("api.b-graph", "b-graph.facebook.com"),
        _facebook("chat.edge-mqtt", "edge-mqtt.facebook.com"), _facebook("media.external", "external.xx.fbcdn.net"),
        _facebook("media.scontent", "scontent.xx.fbcdn.net"), _facebook("web.edge", "star.c10r.facebook.com"),
    ),
})
"""Test -> its targets, those of earlier versions too: a version that did not try one has no attempt at it."""

_SPEED = "it measures speed, and asks no service for anything"
_HEADERS = "it looks for proxies by what arrives at a helper, and names no service"
_TUNNEL = "it starts another program's tunnel, and its success says little about single connections"

LEFT_OUT: Mapping[str, str] = MappingProxyType({
    "bridge_reachability": _TUNNEL, "dash": _SPEED, "dnsping": "it is a series of lookups without a control",
    "http_header_field_manipulation": _HEADERS, "http_host_header": _HEADERS, "http_invalid_request_line": _HEADERS,
    "http_requests": "it is an early form of web_connectivity, for which no analysis is known",
    "multi_protocol_traceroute": "it is a trace, and no rule reads traces of this form",
    "ndt": _SPEED, "openvpn": _TUNNEL, "portfiltering": "it asks one helper at many ports, and names no service",
    "psiphon": _TUNNEL, "quicping": "it asks only for versions of QUIC, without a control", "riseupvpn": _TUNNEL,
    "tlstool": "it is an experiment with cut hellos, without a control", "tor": _TUNNEL, "torsf": _TUNNEL,
    "vanilla_tor": _TUNNEL,
})
"""Test -> why it is not judged. They are counted, each by its name."""

PRIVATE_ROOT: Mapping[str, TrustPolicy] = MappingProxyType({"signal": "signal_root"})
"""Service -> whose root signs, where it is not the web's."""

QUORUMS: Mapping[tuple[str, str], int] = MappingProxyType({("whatsapp", "chat"): 1})
"""(service, role) -> how many targets must answer; where none is named, most decided ones must not be blocked."""

NETWORKS: Mapping[str, frozenset[int]] = MappingProxyType({
    "whatsapp.net": frozenset((32934, 16509, 14618, 36351)),
    "facebook.com": frozenset((32934,)),
    "fbcdn.net": frozenset((32934,)),
    "fbsbx.com": frozenset((32934,)),
})
"""Domain -> networks in which its service is or was. An answer in one of them (the file tells) leads to the service."""

TELEGRAM_STATUS = (404, 411, 501)
"""With these a data centre answers a POST without a body: 501 once, 411 later, 404 and 501 today. Anything else may be
anybody's page."""

ANY_STATUS = frozenset({"signal"})
"""Services that are up where any answer comes over a connection that is proven: their pages are nobody's to read, and
refuse whoever asks for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestDefect:
    """Something wrong with versions of a test, not with a network."""

    test: str
    before: tuple[int, ...] = ()
    """Test versions below this one have it; empty: all."""
    exactly: tuple[int, ...] = ()
    """This test version alone has it."""
    engine_before: tuple[int, ...] = ()
    """Engine versions below this one have it; empty: all, and none of an engine that is not named."""
    since: date | None = None
    until: date | None = None
    """The first day on which it is over."""
    target: str = ""
    """A target, or with a dot at its end the beginning of several; empty: all of the test."""
    ours: bool = True
    """Failures that were seen are the instrument's; else only their verdict is wrong, and what was seen stands."""
    what: str
    source: str


DEFECTS: tuple[TestDefect, ...] = (
    TestDefect(test="signal", before=(0, 2, 2), since=date(2022, 10, 19), source="ooni/probe 2344",
               what="the service went over to a new root that this version does not know"),
    TestDefect(test="signal", before=(0, 2, 4), since=date(2023, 11, 7), source="ooni/probe 2627",
               what="hosts that this version asks for were retired"),
    TestDefect(test="signal", exactly=(0, 2, 4), source="ooni/backend fastpath",
               what="OONI itself gives nothing for measurements of this version"),
    TestDefect(test="signal", engine_before=(3, 17, 2), since=date(2023, 5, 2), source="ooni/backend fastpath",
               what="OONI itself gives nothing for measurements of this engine from that day on"),
    TestDefect(test="telegram", until=date(2022, 12, 1), target="telegram.web.client", ours=False,
               source="ooni/probe 2382", what="the title of the page was compared, and the service changed it"),
    TestDefect(test="whatsapp", ours=False, target="whatsapp.web.client", source="ooni/ooni.org 1317",
               what="a status other than 302 in the clear counted as a block in some versions"),
    TestDefect(test="whatsapp", ours=False, target="whatsapp.chat.", source="ooni/probe-engine 341",
               what="some versions held addresses against a list that was out of date, or tried one endpoint alone, or "
                "counted those that they had no time for"),
)
"""The first that fits is reported. Dates are those on which the change was first seen."""


def find_defect(test: str, version: tuple[int, ...], engine: tuple[int, ...], day: date, target: str, *,
                ours: bool) -> TestDefect | None:
    """What is known to be wrong with this version on this day, or None."""
    return next((d for d in DEFECTS if d.test == test and d.ours == ours and _is_of(d, version, engine)
                 and _covers(d, day, target)), None)


def _is_of(defect: TestDefect, version: tuple[int, ...], engine: tuple[int, ...]) -> bool:
    return ((not defect.before or () < version < defect.before)
            and (not defect.exactly or version == defect.exactly)
            and (not defect.engine_before or () < engine < defect.engine_before))


def _covers(defect: TestDefect, day: date, target: str) -> bool:
    in_time = (defect.since is None or day >= defect.since) and (defect.until is None or day < defect.until)
    if defect.target.endswith("."):
        return in_time and target.startswith(defect.target)
    return in_time and defect.target in ("", target)
