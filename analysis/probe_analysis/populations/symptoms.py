"""What a single failed step suggests, where a run had too little to suspect anything: one look, without a control."""

from __future__ import annotations

from collections.abc import Mapping

from probe.core.tables.block_types import BlockTypeId
from probe.core.tables.failures import Failure
from probe.core.tables.operations import Operation

SYMPTOMS: Mapping[tuple[Operation, Failure], BlockTypeId] = {
    ("connect", "generic_timeout_error"): "tcp.drop",
    ("connect", "connection_refused"): "ip.reset",
    ("connect", "connection_reset"): "ip.reset",
    ("connect", "host_unreachable"): "ip.unreachable",
    ("connect", "network_unreachable"): "ip.unreachable",
    ("tls_handshake", "connection_reset"): "tls.reset",
    ("tls_handshake", "eof_error"): "tls.close",
    ("tls_handshake", "connection_aborted"): "tls.close",
    ("tls_handshake", "generic_timeout_error"): "tls",
    ("http_round_trip", "connection_reset"): "http.reset",
    ("http_round_trip", "eof_error"): "http.close",
    ("http_round_trip", "generic_timeout_error"): "http",
    ("app_round_trip", "connection_reset"): "app.reset",
    ("app_round_trip", "generic_timeout_error"): "app",
    ("quic_handshake", "generic_timeout_error"): "quic",
}
"""(operation, failure) -> the cause as deep as the step itself shows. Certificates and answers are in none: they say
what was answered, not that nothing came."""
ALERTED: BlockTypeId = "tls.alert"
"""The cause that a failed TLS handshake shows in which an alert was read, where the table above names none."""
CLIENTS_ALERTS: tuple[int, ...] = (20, 22, *range(41, 49), 50, 51, 70, 71, 86, 109, 110, 113, 114, 115, 116, 120)
"""Alerts (RFC 8446, section 6) that find fault with the client or its program: its version, ciphers, extensions,
certificate or words. A server says so to an old program, whatever name it asks for: they are no symptom."""
UNSETTLED: tuple[BlockTypeId, ...] = (
    "inconclusive.unconfirmed", "inconclusive.no_control", "inconclusive.control_failed", "inconclusive.unexplained",
)
"""Verdicts that lacked repetition or a control: their symptoms count. Those that say why nothing may be said do not."""
