"""One recording for each rule over endpoints that are spoken to in datagrams, such as QUIC and STUN."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observations import REFUSED, TIMEOUT, WELL
from path_scenes import CONTRARY, FAILS_TOO, SERVED, scene
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_context import PathContext
from probe.judge.udp.udp_evidence import UdpEvidence

OTHERS = UdpEvidence(requests=30, others_alike=3, others_answering=4)
DATAGRAM: dict[str, Any] = dict(failure=TIMEOUT, secure=False, attempts=3, failed_attempts=3, needs=1, depth=1)
STUN: dict[str, Any] = DATAGRAM | dict(kind="stun", stage="stun", udp=OTHERS)
SPOKEN = replace(OTHERS, requests=0, version="answered", versions_answered=2, mute=3, offers_v1=True)
QUIC: dict[str, Any] = DATAGRAM | dict(kind="quic", stage="quic", secure=True, udp=SPOKEN)
UNSPOKEN: dict[str, Any] = QUIC | dict(udp=replace(OTHERS, version="silent"), innocent="failed")


def stun(**udp: Any) -> dict[str, Any]:
    return STUN | dict(udp=replace(OTHERS, **udp))


DATAGRAMS: dict[str, PathContext] = {
    "stun/answers": scene(**STUN | SERVED | {"stage": "", "failure": ""}),
    "quic/answers": scene(**QUIC | SERVED | {"stage": "", "failure": ""}),
    "udp/abroad_is_cut_off": scene(LadderEvidence(domestic_ok=1, foreign_failed=4), **STUN),
    "udp/controls_refused_too": scene(**STUN | {"failure": REFUSED}, **FAILS_TOO),
    "udp/controls_fail_too": scene(**UNSPOKEN, **FAILS_TOO),
    "udp/nothing_passes": scene(**stun(others_alike=0, others_answering=0, others_silent=2), **CONTRARY),
    "quic/clock": scene(replace(WELL, clock_offset_s=9e7), **QUIC, trust="expired"),
    "quic/expired": scene(**QUIC, trust="expired"),
    "quic/same_bad_certificate": scene(**QUIC, trust="wrong_name", same_key=1),
    "quic/drop_sni_control": scene(**QUIC | {"udp": replace(SPOKEN, again="reached")}, **CONTRARY, innocent="reached"),
    "quic/had_enough": scene(**QUIC | {"udp": replace(SPOKEN, again="failed", lost="far")}, **CONTRARY,
                             innocent="reached"),
    "quic/drop_version": scene(**QUIC, **CONTRARY, innocent="failed"),
    "udp/degraded": scene(**stun(responses=2, lossier=True, lost="near"), **CONTRARY),
    "udp/vanishes": scene(**stun(lost="near"), **CONTRARY),
    "udp/lost_close_to_the_service": scene(**stun(lost="far"), **CONTRARY),
    "udp/lost_somewhere": scene(**stun(lost="unknown"), **CONTRARY),
}

OPEN_DATAGRAMS: dict[str, PathContext] = {
    "QUIC that is cut off once the certificate has come": scene(
        **QUIC | {"udp": replace(OTHERS, late=1, mute=2, again="reached")}, proven=True, innocent="reached"),
    "QUIC that vanishes where no innocent name was asked for": scene(**QUIC, **CONTRARY, innocent="unasked"),
    "a server that speaks another version of QUIC": scene(
        **QUIC | {"udp": replace(OTHERS, version="answered")}, innocent="failed"),
    "datagrams that vanish where nobody of their kind is heard": scene(
        **stun(others_alike=1, others_silent=1), **CONTRARY),
}
"""What no rule decides."""
