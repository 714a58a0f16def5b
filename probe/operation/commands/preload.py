"""What long commands import late: whoever starts many of them from one warm process imports it once beforehand.

Other distributions find these lists by the entry points of the group `probe.preload`, so none of them has to know the
names of our modules.
"""

from __future__ import annotations

_EXCHANGES = (
    "cryptography.hazmat.backends.openssl.backend", "probe.catalogue.anchors",
    "probe.measurement.datagrams.quic_handshake", "probe.measurement.datagrams.stun",
    "probe.measurement.messengers.app_exchange", "probe.measurement.messengers.reply_pattern",
    "probe.measurement.messengers.speeches", "probe.measurement.messengers.within_tls",
    "probe.measurement.messengers.within_websocket",
)

RUN_MODULES = (
    *_EXCHANGES,
    "probe.cli.main", "probe.cli.run", "probe.control.asking.configured_helpers",
    "probe.control.asking.helper_client", "probe.inference.evidence.encrypted_dns",
    "probe.measurement.datagrams.quic_version", "probe.measurement.hops.locate", "probe.measurement.hops.udp_trace",
    "probe.measurement.messengers.app_http", "probe.measurement.names.dns_wire",
    "probe.measurement.session.make_run", "probe.measurement.session.packet_attribution",
    "probe.measurement.session.run_loop", "probe.measurement.session.run_verdicts",
    "probe.measurement.session.step_executor", "probe.measurement.streams.http_exchange",
    "probe.measurement.visits.small_records", "probe.measurement.visits.stay", "probe.measurement.visits.transfer",
    "probe.operation.commands.earlier_runs", "probe.operation.commands.earlier_series",
    "probe.operation.commands.public_asking", "probe.operation.commands.results_bounds",
    "probe.operation.commands.run_summary",
    "probe.operation.commands.screen", "probe.operation.status.answer_history",
    "probe.operation.status.answer_json", "probe.operation.status.answer_text",
    "probe.operation.commands.timed_run", "probe.operation.upload.upload_retention",
    "probe.results.archive.finish_merge", "probe.results.archive.pending_upload",
    "probe.results.archive.private_folder", "probe.results.archive.retention", "probe.results.runs.run_reader",
    "probe.results.runs.run_writer",
    "cryptography.hazmat.primitives.asymmetric.ed25519", "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.x509", "encodings.idna", "encodings.utf_8_sig", "requests",
)
"""Of `probe run`."""

HELPER_MODULES = (
    *_EXCHANGES,
    "probe.__main__", "probe.cli.helper", "probe.cli.main", "probe.config.geo.packaged_table",
    "probe.control.helper.helper_engine", "probe.control.helper.helper_server",
    "probe.control.helper.helper_workers", "probe.control.reaching.public_addresses",
    "probe.control.reaching.reach_udp",
    "uvicorn.lifespan.off", "uvicorn.loops.asyncio",
)
"""Of `probe helper`."""
