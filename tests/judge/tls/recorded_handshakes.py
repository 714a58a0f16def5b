"""One recording for each rule over TLS handshakes."""

from __future__ import annotations

from dataclasses import replace

from observations import RESET, TIMEOUT, WELL
from path_scenes import CONTRARY, FAILS_TOO, HERE, RESIGNED, SERVED, SHOWS, scene
from probe.judge.path.path_context import PathContext
from probe.judge.tls.shape_evidence import ShapeEvidence

HANDSHAKES: dict[str, PathContext] = {
    "tls/proven": scene(proven=True, status=200, met="yes", **SERVED),
    "tls/clock": scene(replace(WELL, clock_offset_s=9e7), stage="tls", trust="expired"),
    "tls/expired": scene(stage="tls", trust="expired"),
    "tls/everything_resigned": scene(replace(WELL, resigned=2, tls_ok=2), stage="tls", trust="unknown_issuer"),
    "tls/anybody_may_answer": scene(RESIGNED, **SERVED),
    "tls/private_root_changed": scene(stage="tls", trust="self_signed", private_root=True),
    "tls/same_bad_certificate": scene(stage="tls", trust="wrong_name", same_key=1),
    "tls/national_authority": scene(stage="tls", trust="unknown_issuer", mark=HERE),
    "tls/device_root": scene(stage="tls", trust="device_root", failure="ssl_unknown_authority", other_key=1,
                             **CONTRARY),
    "tls/foreign_certificate": scene(stage="tls", trust="unknown_issuer", failure="ssl_unknown_authority",
                                     other_key=1, **CONTRARY),
    "tls/every_name_fails": scene(replace(WELL, tls_ok=0, tls_failed=2), stage="tls", failure=RESET),
    "tls/no_name_answered": scene(replace(WELL, tls_ok=0, tls_failed=2), stage="tls", failure=TIMEOUT, acked="no"),
    "tls/drop_every_hello": scene(**SHOWS["tls/drop"], **CONTRARY, innocent="failed", other_bytes="passed",
                                  shapes=ShapeEvidence(narrow="silent")),
    "tls/mute_every_hello": scene(**SHOWS["tls/mute"], **CONTRARY, innocent="failed",
                                  shapes=ShapeEvidence(narrow="silent")),
    "tls/alert_every_name": scene(stage="tls", failure="ssl_error: tlsv1 alert access denied", alert=49,
                                  alerted_alike=True, innocent="reached", **CONTRARY),
    "tls/controls_fail_too": scene(stage="tls", failure=RESET, **FAILS_TOO),
}
