"""Rules over QUIC handshakes that fail. What UDP port 443 carries at all is shown by the same address: an innocent
name, or a version that does not exist."""

from __future__ import annotations

from probe.core.tables.basis_words import OF_DATAGRAMS
from probe.core.tables.failures import TIMEOUTS
from probe.core.tables.trust import OUT_OF_DATE, UNTRUSTED
from probe.judge.common.rule import Rule
from probe.judge.path.path_context import PathContext, PathRule, controls_reach, convicts


def silent(c: PathContext) -> bool:
    """No handshake is answered, or what follows it is not."""
    return c.path.stage == "quic" and c.path.failure in TIMEOUTS


def _vanishes(c: PathContext) -> bool:
    """In two attempts at least not one datagram came, on a line that carries others, and large ones too: a lossy or
    narrow line lets some arrive, and a box that drops by name or version none."""
    return (silent(c) and c.path.udp.mute >= 2 and not c.path.udp.lossy and c.ladder.full_segments
            and not c.ladder.slow and convicts(c))


def _by_name(c: PathContext) -> bool:
    """Our name and the innocent one fare differently in turns; or, where nobody is answered any more, datagrams end
    where others' pass: a server that has had enough handshakes of us is silent to all later ones, but is reached."""
    shown = c.path.udp.again == "reached" or c.path.udp.lost == "near"
    return _vanishes(c) and c.path.innocent == "reached" and shown


def _untrusted(c: PathContext) -> bool:
    return c.path.stage == "quic" and c.path.tls.trust in UNTRUSTED


def _outdated(c: PathContext) -> bool:
    return c.path.stage == "quic" and c.path.tls.trust in OUT_OF_DATE


QUIC: tuple[PathRule, ...] = (
    Rule(id="quic/clock", outcome="local", block_type="local.clock", confidence=0.95, needs=("ladder",),
         why="certificates seem outdated because this device's clock is wrong",
         holds=lambda c: _outdated(c) and c.ladder.clock_wrong),
    Rule(id="quic/expired", outcome="down", block_type="server.certificate", confidence=0.9, needs=("nothing",),
         why="the service's own certificate is outdated",
         holds=_outdated),
    Rule(id="quic/same_bad_certificate", outcome="down", block_type="server.certificate", confidence=0.9,
         needs=("helper",),
         why="another network gets the same untrusted certificate: the service itself presents it",
         holds=lambda c: _untrusted(c) and c.path.tls.same_key > 0 and not c.path.tls.other_key),
    Rule(id="quic/drop_sni_control", outcome="blocked", block_type="quic.drop.sni", confidence=0.95,
         needs=("innocent", "helper"),
         rests_on=OF_DATAGRAMS,
         why=("at this address a harmless name works, this name fails; another network reaches the service: the "
              "name is blocked here"),
         holds=lambda c: _by_name(c) and controls_reach(c)),
    Rule(id="quic/had_enough", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("innocent",),
         why="a harmless name worked, then this name failed: a block, or the server no longer answers any of our "
             "handshakes",
         holds=lambda c: _vanishes(c) and c.path.innocent == "reached"),
    Rule(id="quic/drop_version", outcome="blocked", block_type="quic.drop.version", confidence=0.9,
         needs=("innocent", "helper"),
         rests_on=OF_DATAGRAMS,
         why="here QUIC version 1 fails with this server under every name; another network gets QUIC answers: a block",
         holds=lambda c: _vanishes(c) and c.path.innocent == "failed" and c.path.udp.versions_answered >= 2
               and c.path.udp.offers_v1 and not c.path.udp.others_shaken and controls_reach(c)),
)
