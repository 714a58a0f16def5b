"""Rules over TLS handshakes that fail."""

from __future__ import annotations

from probe.core.tables.basis_words import NOT_THE_FRONT, OF_PAGES
from probe.core.tables.evidence_words import NARROW_FAILS, TLS_OR_HTTP
from probe.core.tables.failures import TIMEOUTS
from probe.core.tables.trust import OUT_OF_DATE, UNTRUSTED
from probe.judge.common.rule import Rule
from probe.judge.path.endings import is_tls_dropped
from probe.judge.path.path_context import (
    PathContext,
    PathRule,
    controls_reach,
    convicts,
    is_everything_resigned,
    is_failing_elsewhere,
)
from probe.judge.tls.shape_rules import SHAPES, SMALL_SEGMENTS
from probe.judge.tls.tls_elsewhere_rules import TLS_ELSEWHERE
from probe.judge.tls.tls_named_rules import TLS_NAMED


def _untrusted(c: PathContext) -> bool:
    return c.path.stage == "tls" and c.path.tls.trust in UNTRUSTED


def _outdated(c: PathContext) -> bool:
    return c.path.stage == "tls" and c.path.tls.trust in OUT_OF_DATE


TLS: tuple[PathRule, ...] = (
    Rule(id="tls/clock", outcome="local", block_type="local.clock", confidence=0.95, needs=("ladder",),
         why="certificates seem outdated because this device's clock is wrong",
         holds=lambda c: _outdated(c) and c.ladder.clock_wrong),
    Rule(id="tls/expired", outcome="down", block_type="server.certificate", confidence=0.93, needs=("nothing",),
         why="the certificate is outdated, but its chain leads to a trusted root: the service itself did not renew it",
         holds=_outdated),
    Rule(id="tls/everything_resigned", outcome="local", block_type="local.interception", confidence=0.9,
         needs=("ladder",),
         why="unrelated servers also present certificates that we do not trust: something close to this device "
             "intercepts all connections",
         holds=lambda c: (_untrusted(c) or c.path.failure == "ssl_no_application_protocol")
         and is_everything_resigned(c)),
    Rule(id="tls/private_root_changed", outcome="inconclusive", block_type="inconclusive.instrument", confidence=0.7,
         needs=("nothing",),
         why="the certificate names the service's own authority, whose root our target list does not know: the list "
             "may be outdated",
         holds=lambda c: _untrusted(c) and c.path.tls.private_root),
    Rule(id="tls/same_bad_certificate", outcome="down", block_type="server.certificate", confidence=0.93,
         needs=("helper",),
         why="another network gets the same untrusted certificate: the service itself presents it",
         holds=lambda c: _untrusted(c) and c.path.tls.same_key > 0 and not c.path.tls.other_key),
    Rule(id="tls/national_authority", outcome="blocked", block_type="tls.mitm", confidence=0.9, needs=("nothing",),
         rests_on=OF_PAGES,
         why="the certificate is signed by an authority that intercepts by order of this country",
         holds=lambda c: _untrusted(c) and c.path.mark.fits),
    Rule(id="tls/device_root", outcome="local", block_type="local.interception", confidence=0.85, needs=("nothing",),
         why="the certificate is signed by a root certificate that this device's antivirus or administrator has added",
         holds=lambda c: _untrusted(c) and c.path.tls.trust == "device_root"),
    Rule(id="tls/foreign_certificate", outcome="blocked", block_type="tls.mitm", confidence=0.93, needs=("helper",),
         rests_on=NOT_THE_FRONT,
         why="here the server presents an untrusted certificate; another network gets a valid one from this address: "
             "something intercepts TLS here",
         holds=lambda c: _untrusted(c) and c.path.tls.other_key > 0 and not c.path.tls.same_key
         and controls_reach(c)
               and convicts(c)),
    Rule(id="path/large_answers_lost", outcome="local", block_type="local.mtu", confidence=0.8, needs=("ladder",),
         why="small answers arrive but large packets do not, from any server: the line does not carry large packets",
         holds=lambda c: c.ladder.narrow and c.ladder.hushed and c.path.stage in TLS_OR_HTTP
               and c.path.failure in TIMEOUTS and c.path.acked != "no"),
    # A reset for every name is what firewalls at home and at work send. Silence is what networks that are cut do, too.
    Rule(id="tls/no_name_answered", outcome="network", block_type="network", confidence=0.6, needs=("ladder",),
         why="no unrelated server answers a TLS hello either, whatever its name: something stops TLS to every server",
         holds=lambda c: c.path.stage == "tls" and c.ladder.no_name_passes and c.path.failure in TIMEOUTS),
    Rule(id="tls/every_name_fails", outcome="local", block_type="local.firewall", confidence=0.8, needs=("ladder",),
         why="TLS handshakes with unrelated servers are ended too, whatever the name: a firewall seems to stop every "
             "name",
         holds=lambda c: c.path.stage == "tls" and c.ladder.no_name_passes),
    Rule(id="tls/controls_fail_too", outcome="down", block_type="server.error", confidence=0.85, needs=("two_helpers",),
         why="handshakes from two other networks fail too; nothing shows a block on the way: the server itself fails",
         holds=lambda c: c.path.stage == "tls" and is_failing_elsewhere(c)),
    *SMALL_SEGMENTS,
    # Residual blocking that a neighbour set off takes every packet; a server's TCP acknowledges before its program
    # reads. Small segments must be lost as well, or the line may take no packet as large as a hello.
    Rule(id="tls/drop_every_hello", outcome="blocked", block_type="tls.drop.address", confidence=0.85,
         needs=("innocent", "helper"),
         rests_on=NOT_THE_FRONT,
         why=("this address acknowledges other bytes but no TLS hello of any kind; from another network handshakes "
              "succeed: a block"),
         holds=lambda c: is_tls_dropped(c) and convicts(c) and controls_reach(c) and c.path.innocent == "failed"
               and c.path.tls.other_bytes == "passed" and c.path.tls.shapes.narrow in NARROW_FAILS
               and not c.path.tls.shapes.passed and c.ladder.full_segments),
    *SHAPES,
    *TLS_ELSEWHERE,
    *TLS_NAMED,
)
