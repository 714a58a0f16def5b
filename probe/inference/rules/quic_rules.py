"""Rules over QUIC handshakes that fail. What UDP port 443 carries at all is shown by the same address: an innocent
name, or a version that does not exist."""

from __future__ import annotations

from probe.core.tables.failures import TIMEOUTS
from probe.core.tables.trust import OUT_OF_DATE, TrustFinding
from probe.inference.rules.path_context import PathRule, Scene, contrary, convicts
from probe.inference.rules.rule import Rule

_FOREIGN: tuple[TrustFinding, ...] = ("self_signed", "unknown_issuer", "wrong_name", "invalid")


def silent(s: Scene) -> bool:
    """No handshake is answered, or what follows it is not."""
    return s.path.stage == "quic" and s.path.failure in TIMEOUTS


def _vanishes(s: Scene) -> bool:
    """In two attempts at least not one datagram came, on a line that carries others, and large ones too: a lossy or
    narrow line lets some arrive, and a box that drops by name or version none."""
    return (silent(s) and s.path.udp.mute >= 2 and not s.path.udp.lossy and s.ladder.full_segments
            and not s.ladder.slow and convicts(s))


def _by_name(s: Scene) -> bool:
    """Our name and the innocent one fare differently in turns; or, where nobody is answered any more, datagrams end
    where others' pass: a server that has had enough handshakes of us is silent to all later ones, but is reached."""
    shown = s.path.udp.again == "reached" or s.path.udp.lost == "near"
    return _vanishes(s) and s.path.innocent == "reached" and shown


def _untrusted(s: Scene) -> bool:
    return s.path.stage == "quic" and s.path.trust in _FOREIGN


def _outdated(s: Scene) -> bool:
    return s.path.stage == "quic" and s.path.trust in OUT_OF_DATE


QUIC: tuple[PathRule, ...] = (
    Rule("quic/clock", "local", "local.clock", 0.95, ("ladder",),
         "certificates seem outdated because this device's clock is wrong",
         lambda s: _outdated(s) and s.ladder.clock_wrong),
    Rule("quic/expired", "down", "server.certificate", 0.9, ("nothing",), "the service's own certificate is outdated",
         _outdated),
    Rule("quic/same_bad_certificate", "down", "server.certificate", 0.9, ("helper",),
         "controls are shown the same certificate",
         lambda s: _untrusted(s) and s.path.control_same_key > 0 and not s.path.control_other_key),
    Rule("quic/drop_sni_control", "blocked", "quic.drop.sni", 0.95, ("innocent", "helper"),
         "an innocent name on the same address is answered, this one is not or not for long, and controls reach it",
         lambda s: _by_name(s) and contrary(s)),
    Rule("quic/had_enough", "inconclusive", "inconclusive.unconfirmed", 0.5, ("innocent",),
         "an innocent name was answered before ours, and nobody is shown to be any more: what our name set off, and "
         "a server that takes only so many handshakes of one address, look alike",
         lambda s: _vanishes(s) and s.path.innocent == "reached"),
    Rule("quic/drop_version", "blocked", "quic.drop.version", 0.9, ("innocent", "helper"),
         "no name is answered in version 1, which the server says it speaks when asked for another, and controls "
         "reach it",
         lambda s: _vanishes(s) and s.path.innocent == "failed" and s.path.udp.versions_answered >= 2
         and s.path.udp.offers_v1 and not s.path.udp.others_shaken and contrary(s)),
)
