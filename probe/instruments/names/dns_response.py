"""What one DNS response said, apart from the codec that read it."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.replies import HttpsRecord, SoaRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsResponse:
    """What one DNS response said; `failure` is a reason why it counts as none (malformed, another question)."""

    rcode: str = ""
    answers: tuple[str, ...] = ()
    cnames: tuple[str, ...] = ()
    ttl_s: int = -1
    authoritative: bool = False
    truncated: bool = False
    ede: tuple[str, ...] = ()
    flags: str = ""
    authority_records: int = -1
    soas: tuple[SoaRecord, ...] = ()
    https_records: tuple[HttpsRecord, ...] = ()
    failure: str = ""

    @property
    def answered(self) -> bool:
        """Whether it holds what was asked for: addresses, HTTPS records, or the zone's SOA."""
        return bool(self.answers or self.https_records) or any(soa.section == "answer" for soa in self.soas)
