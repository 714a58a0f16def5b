"""One recording for each rule over TLS handshakes."""

from __future__ import annotations

from path_scenes import CONTRARY, RESIGNED, SERVED, SHOWS, scene
from probe.judge.path.path_context import PathContext
from probe.judge.tls.shape_evidence import ShapeEvidence

HANDSHAKES: dict[str, PathContext] = {
    "tls/proven": scene(proven=True, status=200, met="yes", **SERVED),
    "tls/anybody_may_answer": scene(RESIGNED, **SERVED),
    "tls/private_root_changed": scene(stage="tls", trust="self_signed", private_root=True),
    "tls/drop_every_hello": scene(**SHOWS["tls/drop"], **CONTRARY, innocent="failed", other_bytes="passed",
                                  shapes=ShapeEvidence(narrow="silent")),
}
