"""What long commands import late: whoever starts many of them from one warm process imports it once beforehand.

Other distributions find these lists by the entry points of the group `probe.preload`, so none of them has to know the
names of our modules.
"""

from __future__ import annotations

EXCHANGE_MODULES = (
    "cryptography.hazmat.backends.openssl.backend", "probe.catalogue.anchors",
    "probe.instruments.datagrams.quic_handshake", "probe.instruments.datagrams.stun",
    "probe.instruments.messengers.app_exchange", "probe.instruments.messengers.reply_pattern",
    "probe.instruments.messengers.speeches",
)

RUN_MODULES = (
    *EXCHANGE_MODULES,
    "probe.cli.main", "probe.cli.run", "probe.controls.asking.configured_helpers",
    "probe.controls.asking.helper_client", "probe.judge.dns.encrypted_dns",
    "probe.instruments.datagrams.quic_version", "probe.instruments.hops.locate", "probe.instruments.hops.udp_trace",
    "probe.instruments.messengers.app_http", "probe.instruments.names.dns_wire",
    "probe.session.make_run", "probe.session.packet_attribution",
    "probe.session.run_loop", "probe.session.run_verdicts",
    "probe.session.step_executor", "probe.instruments.streams.http_exchange",
    "probe.instruments.visits.small_records", "probe.instruments.visits.stay", "probe.instruments.visits.transfer",
    "probe.upkeep.commands.earlier_runs", "probe.upkeep.commands.earlier_series",
    "probe.upkeep.commands.public_asking", "probe.upkeep.commands.results_bounds",
    "probe.upkeep.commands.run_summary",
    "probe.upkeep.commands.screen", "probe.upkeep.status.answer_history",
    "probe.upkeep.status.answer_json", "probe.upkeep.status.answer_text",
    "probe.upkeep.commands.timed_run", "probe.upkeep.upload.upload_retention",
    "probe.store.archive.finish_merge", "probe.store.archive.pending_upload",
    "probe.store.archive.private_folder", "probe.store.archive.retention", "probe.store.runs.run_reader",
    "probe.store.runs.run_writer",
    "cryptography.hazmat.primitives.asymmetric.ed25519", "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.x509", "encodings.idna", "encodings.utf_8_sig", "requests",
)
"""Of `probe run`."""
