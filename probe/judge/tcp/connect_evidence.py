"""What attempts to connect to an address show, and what else is reached there over TCP."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.icmp_errors import IcmpError
from probe.core.tables.evidence_words import Beside, LostWhere, OtherPort


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectEvidence:
    """Of one address and port."""

    icmp: IcmpError | None = None
    """What ICMP message the last failing attempt got."""
    opened_before: bool = False
    """The same address and port accepted a connection of ours earlier in the run."""
    lost: LostWhere = ""
    """near, far, unknown, or empty where nobody looked: where attempts to connect end (see `trace_evidence`)."""
    beside: Beside = ""
    """What else is reached there over TCP: a carrier that has lost the way to a network loses all of it."""
    neighbour_passes: bool = False
    """Packets for another address of the same small network pass where attempts to connect to this one are lost."""
    other_port: OtherPort = "unasked"
    """open, closed (a refusal: the host lives), silent or unasked."""
