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
UNSETTLED: tuple[BlockTypeId, ...] = (
    "inconclusive.unconfirmed", "inconclusive.no_control", "inconclusive.control_failed", "inconclusive.unexplained",
)
"""Verdicts that lacked repetition or a control: their symptoms count. Those that say why nothing may be said do not."""
