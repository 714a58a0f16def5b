"""What organisations do that stand between a name and the service behind it."""

from __future__ import annotations

from typing import Literal

OwnerKind = Literal["operator", "front", "dns_host", "cache", "transit"]

OWNER_KINDS: dict[OwnerKind, str] = {
    "operator": "runs services or controls",
    "front": "accepts connections for many customers: content networks, load balancers, clouds",
    "dns_host": "answers for the zones of many customers",
    "cache": "stands within access providers, with the provider's addresses",
    "transit": "carries packets between networks, and accepts no connections itself",
}
