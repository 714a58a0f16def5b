"""Rules over TLS handshakes that fail."""

from __future__ import annotations

from probe.core.tables.evidence_words import NARROW_FAILS, TLS_OR_HTTP, Ending
from probe.core.tables.failures import TIMEOUTS
from probe.inference.rules.named_rules import named_rules
from probe.inference.rules.path_context import (
    PathRule,
    contrary,
    convicts,
    everybody_resigned,
    outdated,
    silence,
    untrusted,
)
from probe.inference.rules.rule import Rule
from probe.inference.rules.shape_rules import SHAPED, SMALL_SEGMENTS, elsewhere_rules, shape_rules

ACTIONS: tuple[Ending, ...] = ("reset", "close", "alert", "drop", "mute")

TLS: tuple[PathRule, ...] = (
    Rule("tls/clock", "local", "local.clock", 0.95, ("ladder",),
         "certificates seem outdated because this device's clock is wrong",
         lambda s: outdated(s) and s.ladder.clock_wrong),
    Rule("tls/expired", "down", "server.certificate", 0.93, ("nothing",),
         "the service's own certificate is outdated: its chain leads to a trusted root",
         lambda s: outdated(s)),
    Rule("tls/everything_resigned", "local", "local.interception", 0.9, ("ladder",),
         "innocent servers present certificates of nobody we trust as well",
         lambda s: (untrusted(s) or s.path.failure == "ssl_no_application_protocol") and everybody_resigned(s)),
    Rule("tls/private_root_changed", "inconclusive", "inconclusive.instrument", 0.7, ("nothing",),
         "the chain claims the service's own authority under a root that the catalogue does not know",
         lambda s: untrusted(s) and s.path.private_root),
    Rule("tls/same_bad_certificate", "down", "server.certificate", 0.93, ("helper",),
         "controls are shown the same certificate",
         lambda s: untrusted(s) and s.path.control_same_key > 0 and not s.path.control_other_key),
    Rule("tls/foreign_certificate", "blocked", "tls.mitm", 0.93, ("helper",),
         "controls are shown another, valid certificate at this address",
         lambda s: untrusted(s) and s.path.control_other_key > 0 and not s.path.control_same_key and contrary(s)
         and convicts(s)),
    Rule("path/large_answers_lost", "local", "local.mtu", 0.8, ("ladder",),
         "small answers arrive and no full segment does, from anywhere: packets are too large for the line",
         lambda s: s.ladder.narrow and s.ladder.hushed and s.path.stage in TLS_OR_HTTP
         and s.path.failure in TIMEOUTS and s.path.acked != "no"),
    Rule("tls/every_name_fails", "local", "local.firewall", 0.8, ("ladder",),
         "handshakes with unrelated addresses fail as well: nobody is singled out",
         lambda s: s.path.stage == "tls" and s.ladder.tls_failed >= 2 and s.ladder.tls_ok == 0),
    Rule("tls/controls_fail_too", "down", "server.error", 0.85, ("two_helpers",),
         "handshakes from two other networks fail as well",
         lambda s: s.path.stage == "tls" and s.path.control_failed >= 2 and not s.path.control_ok),
    *SMALL_SEGMENTS,
    # Residual blocking that a neighbour set off takes every packet; a server's TCP acknowledges before its program
    # reads. Small segments must be lost as well, or the line may take no packet as large as a hello.
    Rule("tls/drop_every_hello", "blocked", "tls.drop.address", 0.85, ("innocent", "helper"),
         "no name's hello is acknowledged at this address, in small segments neither, while other bytes on the same "
         "port are; controls shake hands there",
         lambda s: silence(s, "tls", "drop") and convicts(s) and contrary(s) and s.path.innocent == "failed"
         and s.path.other_bytes == "passed" and s.path.shapes.narrow in NARROW_FAILS
         and not s.path.shapes.passed and s.ladder.full_segments),
    *(rule for action in SHAPED for rule in shape_rules(action)),
    *(rule for action in ACTIONS for rule in elsewhere_rules("tls", action, "sni")),
    *(rule for action in ACTIONS for rule in named_rules("tls", action, "sni")),
)
